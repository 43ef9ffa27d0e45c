//! How long a session lasts, and that a changed setting counts at once.

use http::Method;
use serde_json::json;

use crate::town::{Browser, DAY, HOUR, IPHONE, MAC, MINUTE, PASSWORD, SECOND, Town, just_under};

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
    town.advance(just_under(7 * DAY));
    assert!(browser.is_let_in().await);
    town.pass(7 * DAY).await;
    assert!(!browser.is_let_in().await);
}

#[tokio::test]
async fn an_installed_app_lives_as_long_as_it_may_be_remembered() {
    let town = Town::with("sessions: { remember_me: { for: never } }");
    town.with_user("alice").await;
    let app = Browser::new(&town, IPHONE);
    let body = json!({"username": "alice", "password": PASSWORD, "client": "app"});
    let answer = app.api("POST", "/sign-in", body).await;
    assert_eq!(answer.json()["session"]["kind"], "app");
    assert!(answer.cookie(town.cookie()).unwrap().max_age.is_some());

    town.advance(89 * DAY);
    assert!(app.is_let_in().await);
    town.pass(just_under(90 * DAY)).await;
    assert!(app.is_let_in().await);
    town.pass(DAY + SECOND).await;
    assert!(!app.is_let_in().await, "180 days are its life");
}

#[tokio::test]
async fn that_it_is_an_app_is_a_claim_and_outlives_no_remembered_session() {
    for (settings, days, kept) in [
        ("", 30, true),
        ("sessions: { remember_me: { for: 3d } }", 3, true),
        ("sessions: { remember_me: { allowed: false }, unremembered_lifetime: 4d }", 4, false),
        ("sessions: { remember_me: { for: never }, absolute_timeout: 5d }", 5, true),
        ("sessions: { app: { lifetime: 2d } }", 2, true),
        ("sessions: { app: { idle_timeout: 1d } }", 1, true),
    ] {
        let town = Town::with(settings);
        town.with_user("alice").await;
        let app = Browser::new(&town, IPHONE);
        let form = [("username", "alice"), ("password", PASSWORD), ("client", "app")];
        let answer = app.post_form("/security/sign-in", &form).await.answer();
        assert_eq!(answer.cookie(town.cookie()).unwrap().max_age.is_some(), kept, "{settings}");
        let list = app.get("/security/sessions").await.answer();
        assert!(list.says("app.example.com app on iPhone"), "{}", list.words());
        let current = app.api("GET", "/sessions/current", serde_json::Value::Null).await.json();
        assert_eq!(current["kind"], "app");
        let details = app.get(&format!("/security/sessions/{}", current["id"].as_str().unwrap())).await.answer();
        assert!(details.says("In the installed app"), "{}", details.words());
        town.flush().await;

        town.advance(just_under(days * DAY));
        assert!(app.is_let_in().await, "{settings}");
        town.advance(SECOND);
        assert!(!app.is_let_in().await, "{settings}");
    }
}

#[tokio::test]
async fn what_a_form_calls_its_client_is_an_app_or_a_browser() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    for (client, kind) in [("app", "app"), ("cookie", "web"), ("", "web"), ("App", "web"), ("token", "web")] {
        let browser = Browser::new(&town, IPHONE);
        let form = [("username", alice.name()), ("password", PASSWORD), ("client", client)];
        assert_eq!(browser.post_form("/security/sign-in", &form).await.answer().status, 303);
        let current = browser.api("GET", "/sessions/current", serde_json::Value::Null).await.json();
        assert_eq!(current["kind"], kind, "{client:?}");
    }
}

/// What a browser fetches without cookies, before and after one installs the app.
const INSTALLABLE: &str = "
  - { path: /manifest.json, access: public, upstream: app }
  - { path: /icons, access: public, upstream: app }
  - { path: /, access: signed_in, upstream: app }";

#[tokio::test]
async fn manifest_and_icons_come_without_cookies_where_the_operator_says_so() {
    let town = Town::with_routes(INSTALLABLE);
    let browser = town.stranger();
    for (path, place) in [("/manifest.json", "manifest"), ("/icons/192.png", "image")] {
        let fetch = browser.fetch(Method::GET, path).with("sec-fetch-dest", place);
        assert!(fetch.send().await.arrived().person.is_none(), "{path}");
    }
    for path in ["/manifest.json5", "/manifest.jsonx", "/icons.png", "/Manifest.json", "/"] {
        assert_eq!(browser.fetch(Method::GET, path).send().await.status(), 401, "{path}");
    }
}

#[tokio::test]
async fn the_box_says_how_long_and_how_often() {
    for (rule, said) in [
        ("{}", "for 30 days, if I use it at least every 7 days Sign in"),
        ("{ idle_timeout: 30d }", "for 30 days Sign in"),
        ("{ idle_timeout: 90s }", "for 30 days, if I use it at least every 90 seconds Sign in"),
        ("{ absolute_timeout: 5d }", "for 5 days Sign in"),
        ("{ remember_me: { for: never } }", "on this device, if I use it at least every 7 days Sign in"),
        ("{ remember_me: { for: never }, idle_timeout: never }", "on this device Sign in"),
    ] {
        let town = Town::with(&format!("sessions: {rule}"));
        let page = town.stranger().get("/security/sign-in").await.answer();
        let words = page.words().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(said), "{rule}: {words}");
    }
}

#[tokio::test]
async fn never_still_ends_with_the_absolute_timeout() {
    let town = Town::with("sessions: { idle_timeout: never, remember_me: { for: never }, absolute_timeout: 60d }");
    let browser = town.with_user("alice").await.remembered_on(MAC).await;
    let session = browser.api("GET", "/sessions/current", serde_json::Value::Null).await.json();
    assert_eq!((&session["idle_expires_at"], &session["expires_at"]), (&json!(null), &json!("2027-01-20T12:00:00Z")));

    town.advance(just_under(60 * DAY));
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

        assert_eq!((swept.ended, swept.remaining), (1, 1));
        assert_eq!(town.metric("sessions_ended_total{reason=\"idle\"}"), 1);
        assert_eq!(town.metric("sessions_active"), 1);
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
