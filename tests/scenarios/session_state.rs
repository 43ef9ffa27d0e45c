//! What an app's open page is told of the session that it was opened with, and what that costs the session: nothing.

use http::Method;
use serde_json::{Value, json};

use crate::town::{Browser, DAY, HOUR, IPHONE, MAC, MINUTE, Town};

async fn state(browser: &Browser<'_>) -> Value {
    let answer = browser.api("GET", "/session-state", Value::Null).await;
    assert_eq!(answer.status, 200);
    answer.json()
}

#[tokio::test]
async fn asking_for_the_state_does_not_use_the_session_and_staying_does() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        let last_active = async || {
            let session = laptop.api("GET", &format!("/sessions/{}", phone.session()), Value::Null).await.json();
            session["last_active_at"].as_str().unwrap().to_owned()
        };
        town.advance(HOUR);

        let said = state(&phone).await;
        phone.fetch(Method::HEAD, "/security/api/v1/session-state").send().await.answer();
        town.flush().await;

        assert_eq!(last_active().await, "2026-11-21T12:00:00Z", "asking is no use");
        assert_eq!(said["state"], "active");
        assert_eq!(said["session"], json!(phone.session()));
        assert_eq!(said["seconds_left"], 7 * 24 * 3_600 - 3_600);
        let stays = phone.api("POST", "/session-state/stay", Value::Null).await;
        town.flush().await;
        assert_eq!(stays.json()["seconds_left"], 7 * 24 * 3_600 - 3_600, "its lifetime of seven days ends it");
        assert_eq!(last_active().await, "2026-11-21T13:00:00Z");
    }
}

#[tokio::test]
async fn the_warning_comes_before_the_end_and_says_whether_staying_helps() {
    let town = Town::with("sessions: { idle_timeout: 10m, unremembered_lifetime: 1h }");
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let said = state(&browser).await;
    assert_eq!(
        (&said["extendable"], &said["warn_seconds"], &said["seconds_left"]),
        (&json!(true), &json!(120), &json!(600))
    );
    assert!(said["texts"]["message"].as_str().unwrap().contains("not used this for a while"), "{said}");
    for _ in 0..6 {
        town.pass(9 * MINUTE).await;
        assert!(browser.is_let_in().await);
        town.flush().await;
    }
    let said = state(&browser).await;
    assert_eq!((&said["extendable"], &said["seconds_left"]), (&json!(false), &json!(360)), "{said}");
    assert!(said["texts"]["message"].as_str().unwrap().contains("end of its time"), "{said}");

    let short = Town::with("sessions: { idle_timeout: 2m, heartbeat_interval: 1s }");
    let browser = short.with_user("bob").await.signed_in_on(MAC).await;
    assert_eq!(state(&browser).await["warn_seconds"], 30, "a quarter of a short time");
}

#[tokio::test]
async fn who_is_signed_out_is_told_why_and_where_to_sign_in() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        laptop.api("DELETE", &format!("/sessions/{}", phone.session()), Value::Null).await;
        town.advance(12 * MINUTE);
        let said = state(&phone).await;
        assert_eq!(said["state"], "signed_out");
        let sentence = "You were signed out because this session was ended from Chrome on macOS, 12 minutes ago. \
                        Not you? Sign in and change your password.";
        assert_eq!(said["texts"]["message"], sentence);
        assert_eq!(said["sign_in_url"], "/security/sign-in?rd=%2Fsecurity%2Fsigned-in");
        assert_eq!(
            (&said["session"], &said["user"], &said["seconds_left"]),
            (&Value::Null, &Value::Null, &Value::Null)
        );

        town.pass(8 * DAY).await;
        let idle = state(&laptop).await;
        assert!(idle["texts"]["message"].as_str().unwrap().contains("You were signed out because"), "{idle}");
        let stranger = state(&town.stranger()).await;
        assert_eq!(stranger["texts"]["message"], "You are signed out.");
        assert_eq!(town.stranger().api("POST", "/session-state/stay", Value::Null).await.status, 401);
    }
}

#[tokio::test]
async fn a_page_of_another_site_keeps_nobody_signed_in() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let stay = browser.fetch(Method::POST, "/security/api/v1/session-state/stay").with("sec-fetch-site", "cross-site");
    assert_eq!(stay.send().await.answer().status, 403);
}

#[tokio::test]
async fn the_tab_that_signed_in_for_another_says_so() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let page = browser.get("/security/signed-in").await.answer();
    assert_eq!(page.status, 200);
    assert!(page.words().contains("go on in the one where you were"));
    assert_eq!(town.stranger().get("/security/signed-in").await.answer().status, 302);
}
