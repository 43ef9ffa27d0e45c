//! How long a session lasts, and that a changed setting counts at once.

use serde_json::json;

use crate::town::{Browser, DAY, HOUR, IPHONE, MAC, MINUTE, PASSWORD, SECOND, Town};

/// Comes back once an hour, and says after how long it was refused.
async fn lives_for(browser: &Browser<'_>, at_most: std::time::Duration) -> Option<std::time::Duration> {
    let mut age = std::time::Duration::ZERO;
    while age < at_most {
        browser.town.pass(6 * HOUR).await;
        age += 6 * HOUR;
        if !browser.is_let_in().await {
            return Some(age);
        }
    }
    None
}

#[tokio::test]
async fn used_every_day_it_lives_for_a_week_and_remembered_for_a_month() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let passing = alice.signed_in_on(MAC).await;
        assert_eq!(lives_for(&passing, 40 * DAY).await, Some(7 * DAY));
        let remembered = alice.remembered_on(MAC).await;
        assert_eq!(lives_for(&remembered, 40 * DAY).await, Some(30 * DAY));
    }
}

#[tokio::test]
async fn unused_it_ends_with_the_idle_timeout_to_the_second() {
    let town = Town::new();
    let browser = town.with_user("alice").await.remembered_on(MAC).await;
    town.advance(7 * DAY - SECOND);
    assert!(browser.is_let_in().await);
    town.pass(7 * DAY).await;
    assert!(!browser.is_let_in().await);
}

#[tokio::test]
async fn an_installed_app_lives_longer() {
    let town = Town::new();
    town.with_user("alice").await;
    let app = Browser::new(&town, IPHONE);
    let body = json!({"username": "alice", "password": PASSWORD, "client": "app"});
    let answer = app.api("POST", "/sign-in", body).await;
    assert_eq!(answer.json()["session"]["kind"], "app");
    assert!(answer.cookie(town.cookie()).unwrap().max_age.is_some());

    town.advance(89 * DAY);
    assert!(app.is_let_in().await);
    town.pass(90 * DAY - SECOND).await;
    assert!(app.is_let_in().await);
    town.pass(DAY + SECOND).await;
    assert!(!app.is_let_in().await, "180 days are its life");
}

#[tokio::test]
async fn never_still_ends_with_the_absolute_timeout() {
    let town = Town::with("sessions: { idle_timeout: never, remember_me: { for: never }, absolute_timeout: 60d }");
    let browser = town.with_user("alice").await.remembered_on(MAC).await;
    let session = browser.api("GET", "/sessions/current", serde_json::Value::Null).await.json();
    assert_eq!((&session["idle_expires_at"], &session["expires_at"]), (&json!(null), &json!("2027-01-20T12:00:00Z")));

    town.advance(60 * DAY - SECOND);
    assert!(browser.is_let_in().await);
    town.advance(SECOND);
    assert!(!browser.is_let_in().await);
}

#[tokio::test]
async fn a_shorter_timeout_counts_at_once_and_a_longer_one_too() {
    for town in Town::on_each_store() {
        let browser = town.with_user("alice").await.remembered_on(MAC).await;
        town.advance(2 * HOUR);

        town.rule("sessions: { idle_timeout: 1h }");
        assert!(!browser.is_let_in().await);
        town.rule("sessions: { idle_timeout: 30d }");
        assert!(browser.is_let_in().await, "nothing had swept it");

        town.flush().await;
        town.advance(20 * DAY);
        assert!(browser.is_let_in().await);
    }
}

#[tokio::test]
async fn what_is_not_allowed_any_more_is_not_remembered_any_more() {
    let town = Town::new();
    let browser = town.with_user("alice").await.remembered_on(MAC).await;
    town.pass(6 * DAY).await;
    assert!(browser.is_let_in().await);
    town.pass(2 * DAY).await;
    assert!(browser.is_let_in().await);

    town.rule("sessions: { remember_me: { allowed: false } }");

    assert!(!browser.is_let_in().await);
}

#[tokio::test]
async fn a_ticked_box_that_was_not_offered_is_not_believed() {
    let town = Town::with("sessions: { remember_me: { allowed: false } }");
    let browser = town.with_user("alice").await.remembered_on(MAC).await;
    let session = browser.api("GET", "/sessions/current", serde_json::Value::Null).await.json();
    assert_eq!((&session["remembered"], &session["expires_at"]), (&json!(false), &json!("2026-11-28T12:00:00Z")));
    browser.close();
    assert!(!browser.is_let_in().await);
}

#[tokio::test]
async fn the_sweep_ends_what_has_run_out_and_records_it() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let _idle = alice.remembered_on(MAC).await;
        town.advance(3 * DAY);
        let lively = alice.signed_in_on(IPHONE).await;
        town.advance(4 * DAY);

        let swept = town.sweep().await;

        assert_eq!((swept.ended, swept.left), (1, 1));
        assert_eq!(town.metric("sessions_ended_total{reason=\"idle\"}"), 1.0);
        assert_eq!(town.metric("sessions_active"), 1.0);
        assert_eq!(town.told().last(), Some(&"session_ended"));
        assert!(lively.is_let_in().await);
        assert_eq!(town.sweep().await.ended, 0, "once");
    }
}

#[tokio::test]
async fn the_sweep_leaves_what_was_used_meanwhile() {
    let town = Town::with("sessions: { idle_timeout: 1h }");
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    town.pass(59 * MINUTE).await;
    browser.get("/").await.arrived();
    town.flush().await;
    town.advance(2 * MINUTE);

    assert_eq!(town.sweep().await.ended, 0);
    assert!(browser.is_let_in().await);
}
