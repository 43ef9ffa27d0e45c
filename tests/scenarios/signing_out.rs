//! From a session to nobody.

use http::Method;
use serde_json::Value;

use crate::test_app::{IPHONE, MAC, TestApp};

#[tokio::test]
async fn signing_out_ends_the_session_and_takes_the_cookie() {
    for app in TestApp::on_each_store() {
        let browser = app.add_user("alice").await.signed_in_on(MAC).await;
        let replayed = browser.clone_with_cookies();

        let answer = browser.post_form("/security/sign-out", &[]).await.response();

        assert_eq!((answer.status, answer.location()), (303, "/security/signed-out"));
        assert_eq!(answer.cookie(app.cookie_name()).unwrap().max_age, Some(0));
        assert_eq!(answer.header("clear-site-data"), Some("\"cache\""));
        assert!(browser.cookie(app.cookie_name()).is_none());
        assert!(!replayed.reaches_app().await, "the old cookie opens nothing");
    }
}

#[tokio::test]
async fn a_look_at_the_sign_out_page_changes_nothing() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    for method in [Method::GET, Method::HEAD] {
        let answer = browser.navigation(method, "/security/sign-out").send().await.response();
        assert_eq!(answer.status, 200);
    }
    assert!(browser.get("/security/sign-out").await.response().contains_text("Your other devices stay signed in."));
    assert!(browser.reaches_app().await);
}

#[tokio::test]
async fn other_devices_stay_signed_in() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);

    laptop.post_form("/security/sign-out", &[]).await.response();

    assert!(phone.reaches_app().await);
}

#[tokio::test]
async fn whoever_is_signed_out_already_is_told_the_same() {
    let app = TestApp::new();
    let browser = app.new_browser();

    assert_eq!(browser.get("/security/sign-out").await.response().location(), "/security/signed-out");
    assert_eq!(browser.post_form("/security/sign-out", &[]).await.response().location(), "/security/signed-out");
    assert!(browser.get("/security/signed-out").await.response().contains_text("You are signed out"));
    assert!(app.audit_events().is_empty());
}

#[tokio::test]
async fn programs_sign_out_too() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let replayed = browser.clone_with_cookies();

    let answer = browser.api("POST", "/sign-out", Value::Null).await;

    assert_eq!((answer.status, answer.text()), (204, ""));
    assert!(browser.cookie(app.cookie_name()).is_none() && !replayed.reaches_app().await);
    assert_eq!(browser.api("POST", "/sign-out", Value::Null).await.status, 204, "twice is once");
}

#[tokio::test]
async fn it_is_in_the_journal_once() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let again = browser.clone_with_cookies();
    browser.post_form("/security/sign-out", &[]).await.response();
    again.post_form("/security/sign-out", &[]).await.response();

    assert_eq!(app.audit_events().iter().filter(|fact| **fact == "session_ended").count(), 1);
    assert_eq!(app.metric("sessions_ended_total{reason=\"signed_out\"}"), 1);
}
