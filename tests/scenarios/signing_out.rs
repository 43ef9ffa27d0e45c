//! From a session to nobody.

use http::Method;
use serde_json::Value;

use crate::town::{IPHONE, MAC, Town};

#[tokio::test]
async fn signing_out_ends_the_session_and_takes_the_cookie() {
    for town in Town::on_each_store() {
        let browser = town.with_user("alice").await.signed_in_on(MAC).await;
        let replayed = browser.copy();

        let answer = browser.post_form("/security/sign-out", &[]).await.answer();

        assert_eq!((answer.status, answer.location()), (303, "/security/signed-out"));
        assert_eq!(answer.cookie(town.cookie()).unwrap().max_age, Some(0));
        assert_eq!(answer.header("clear-site-data"), Some("\"cache\""));
        assert!(browser.cookie(town.cookie()).is_none());
        assert!(!replayed.is_let_in().await, "the old cookie opens nothing");
    }
}

#[tokio::test]
async fn a_look_at_the_sign_out_page_changes_nothing() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    for method in [Method::GET, Method::HEAD] {
        let answer = browser.navigation(method, "/security/sign-out").send().await.answer();
        assert_eq!(answer.status, 200);
    }
    assert!(browser.get("/security/sign-out").await.answer().says("Your other devices stay signed in."));
    assert!(browser.is_let_in().await);
}

#[tokio::test]
async fn other_devices_stay_signed_in() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);

    laptop.post_form("/security/sign-out", &[]).await.answer();

    assert!(phone.is_let_in().await);
}

#[tokio::test]
async fn whoever_is_signed_out_already_is_told_the_same() {
    let town = Town::new();
    let browser = town.stranger();

    assert_eq!(browser.get("/security/sign-out").await.answer().location(), "/security/signed-out");
    assert_eq!(browser.post_form("/security/sign-out", &[]).await.answer().location(), "/security/signed-out");
    assert!(browser.get("/security/signed-out").await.answer().says("You are signed out"));
    assert!(town.told().is_empty());
}

#[tokio::test]
async fn programs_sign_out_too() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let replayed = browser.copy();

    let answer = browser.api("POST", "/sign-out", Value::Null).await;

    assert_eq!((answer.status, answer.text()), (204, ""));
    assert!(browser.cookie(town.cookie()).is_none() && !replayed.is_let_in().await);
    assert_eq!(browser.api("POST", "/sign-out", Value::Null).await.status, 204, "twice is once");
}

#[tokio::test]
async fn it_is_in_the_journal_once() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let again = browser.copy();
    browser.post_form("/security/sign-out", &[]).await.answer();
    again.post_form("/security/sign-out", &[]).await.answer();

    assert_eq!(town.told().iter().filter(|fact| **fact == "session_ended").count(), 1);
    assert_eq!(town.metric("sessions_ended_total{reason=\"signed_out\"}"), 1.0);
}
