//! What an app's open page is told of the session that it was opened with, and what that costs the session: nothing.

use http::Method;
use serde_json::{Value, json};

use crate::test_app::{Browser, DAY, HOUR, IPHONE, MAC, MINUTE, TestApp};

async fn session_state(browser: &Browser<'_>) -> Value {
    let answer = browser.api("GET", "/session-state", Value::Null).await;
    assert_eq!(answer.status, 200);
    answer.json()
}

#[tokio::test]
async fn asking_for_the_state_does_not_use_the_session_and_staying_does() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        let last_active = async || {
            let session = laptop.api("GET", &format!("/sessions/{}", phone.session_id()), Value::Null).await.json();
            session["last_active_at"].as_str().unwrap().to_owned()
        };
        app.advance(HOUR);

        let said = session_state(&phone).await;
        phone.fetch(Method::HEAD, "/security/api/v1/session-state").send().await.response();
        app.flush().await;

        assert_eq!(last_active().await, "2026-11-21T12:00:00Z", "asking is no use");
        assert_eq!(said["state"], "active");
        assert_eq!(said["session"], json!(phone.session_id()));
        assert_eq!(said["seconds_left"], 7 * 24 * 3_600 - 3_600);
        let stays = phone.api("POST", "/session-state/stay", Value::Null).await;
        app.flush().await;
        assert_eq!(stays.json()["seconds_left"], 7 * 24 * 3_600 - 3_600, "its lifetime of seven days ends it");
        assert_eq!(last_active().await, "2026-11-21T13:00:00Z");
    }
}

#[tokio::test]
async fn the_warning_comes_before_the_end_and_says_whether_staying_helps() {
    let app = TestApp::with_settings("sessions: { idle_timeout: 10m, unremembered_lifetime: 1h }");
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let said = session_state(&browser).await;
    assert_eq!(
        (&said["extendable"], &said["warn_seconds"], &said["seconds_left"]),
        (&json!(true), &json!(120), &json!(600))
    );
    assert!(said["texts"]["message"].as_str().unwrap().contains("not used this for a while"), "{said}");
    for _ in 0..6 {
        app.pass_time(9 * MINUTE).await;
        assert!(browser.reaches_app().await);
        app.flush().await;
    }
    let said = session_state(&browser).await;
    assert_eq!((&said["extendable"], &said["seconds_left"]), (&json!(false), &json!(360)), "{said}");
    assert!(said["texts"]["message"].as_str().unwrap().contains("end of its time"), "{said}");

    let short = TestApp::with_settings("sessions: { idle_timeout: 2m, heartbeat_interval: 1s }");
    let browser = short.add_user("bob").await.signed_in_on(MAC).await;
    assert_eq!(session_state(&browser).await["warn_seconds"], 30, "a quarter of a short time");
}

#[tokio::test]
async fn who_is_signed_out_is_told_why_and_where_to_sign_in() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        laptop.api("DELETE", &format!("/sessions/{}", phone.session_id()), Value::Null).await;
        app.advance(12 * MINUTE);
        let said = session_state(&phone).await;
        assert_eq!(said["state"], "signed_out");
        let sentence = "You were signed out because this session was ended from Chrome on macOS, 12 minutes ago. \
                        Not you? Sign in and change your password.";
        assert_eq!(said["texts"]["message"], sentence);
        assert_eq!(said["sign_in_url"], "/security/sign-in?rd=%2Fsecurity%2Fsigned-in");
        assert_eq!(
            (&said["session"], &said["user"], &said["seconds_left"]),
            (&Value::Null, &Value::Null, &Value::Null)
        );

        app.pass_time(8 * DAY).await;
        let idle = session_state(&laptop).await;
        assert!(idle["texts"]["message"].as_str().unwrap().contains("You were signed out because"), "{idle}");
        let anonymous = session_state(&app.new_browser()).await;
        assert_eq!(anonymous["texts"]["message"], "You are signed out.");
        assert_eq!(app.new_browser().api("POST", "/session-state/stay", Value::Null).await.status, 401);
    }
}

#[tokio::test]
async fn a_page_of_another_site_keeps_nobody_signed_in() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let stay =
        browser.fetch(Method::POST, "/security/api/v1/session-state/stay").header("sec-fetch-site", "cross-site");
    assert_eq!(stay.send().await.response().status, 403);
}

#[tokio::test]
async fn the_tab_that_signed_in_for_another_says_so() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let page = browser.get("/security/signed-in").await.response();
    assert_eq!(page.status, 200);
    assert!(page.visible_text().contains("go on in the one where you were"));
    assert_eq!(app.new_browser().get("/security/signed-in").await.response().status, 302);
}
