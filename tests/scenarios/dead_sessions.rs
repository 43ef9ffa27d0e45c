//! What a browser is told to forget that still shows a session that is over.

use http::Method;
use serde_json::{Value, json};

use crate::test_app::{Browser, DAY, IPHONE, MAC, MINUTE, PASSWORD, TestApp, TestResponse};

async fn fetch_page(browser: &Browser<'_>) -> TestResponse {
    browser.fetch(Method::GET, "/orders").send().await.response()
}

#[tokio::test]
async fn a_page_navigation_takes_its_cookie_and_the_cache_and_the_reason_is_told_all_the_same() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        laptop.api("DELETE", &format!("/sessions/{}", phone.session_id()), Value::Null).await;

        let answer = phone.get("/orders").await.response();

        assert_eq!((answer.status, answer.header("clear-site-data")), (302, Some("\"cache\"")));
        assert_eq!(phone.cookie(app.cookie_name()), None);
        for _ in 0..2 {
            let page = phone.get("/security/sign-in").await.response().visible_text();
            assert!(page.contains("ended from Chrome on macOS"), "{page}");
        }
        alice.sign_in(&phone).await;
        phone.post_form("/security/sign-out", &[]).await.response();
        let page = phone.get("/security/sign-in").await.response().visible_text();
        assert!(!page.contains("ended from Chrome on macOS"), "{page}");
    }
}

#[tokio::test]
async fn a_page_of_ours_does_so_too_and_so_does_a_session_that_has_run_out() {
    for app in TestApp::on_each_store() {
        let browser = app.add_user("alice").await.remembered_on(MAC).await;
        app.advance(8 * DAY);
        let answer = browser.get("/security/sessions").await.response();
        assert_eq!((answer.status, answer.header("clear-site-data")), (302, Some("\"cache\"")));
        assert!(browser.cookie(app.cookie_name()).is_some(), "it is over when its person has been told");
        for _ in 0..2 {
            let page = browser.get("/security/sign-in").await.response().visible_text();
            assert!(page.contains("had not been used for 7 days"), "{page}");
            assert_eq!(browser.cookie(app.cookie_name()), None);
        }
    }
}

#[tokio::test]
async fn a_program_is_told_once_and_keeps_the_cookie_that_may_be_a_new_one_by_then() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        laptop.api("POST", "/sessions/revoke-others", Value::Null).await;
        let dead = phone.session_cookie();

        let late = phone.clone_with_cookies();
        alice.sign_in(&phone).await;
        let answer = fetch_page(&late).await;

        assert_eq!((answer.status, answer.header("clear-site-data")), (401, Some("\"cache\"")));
        assert!(answer.cookie(app.cookie_name()).is_none(), "it would take the new one");
        assert_eq!(late.session_cookie(), dead);
        assert!(!answer.cookies().iter().any(|cookie| cookie.value.contains(dead.split('.').nth(1).unwrap())));
        assert_eq!(fetch_page(&late).await.header("clear-site-data"), None, "a page may poll");
        assert!(phone.reaches_app().await);
    }
}

#[tokio::test]
async fn nothing_is_taken_for_a_secret_that_was_renewed_or_an_id_of_another_installation() {
    let [here, there] = TestApp::on_each_store();
    let browser = here.add_user("alice").await.signed_in_on(MAC).await;
    let before = browser.clone_with_cookies();
    let change = json!({"current_password": PASSWORD, "new_password": "Ferry-crossing-at-9"});
    assert_eq!(browser.api("PUT", "/password", change).await.status, 204);
    here.advance(MINUTE);
    let elsewhere = here.new_browser();
    elsewhere.set_cookie(here.cookie_name(), &there.add_user("alice").await.signed_in_on(MAC).await.session_cookie());
    let nonsense = here.new_browser();
    nonsense.set_cookie(here.cookie_name(), "nonsense");
    for shown in [&before, &elsewhere, &nonsense, &here.new_browser()] {
        let key = shown.cookie(here.cookie_name());
        let (page, call) = (shown.get("/").await.response(), fetch_page(shown).await);
        assert_eq!((page.status, call.status), (302, 401));
        for answer in [page, call] {
            assert_eq!((answer.header("clear-site-data"), answer.cookies().len()), (None, 0), "{key:?}");
        }
        assert_eq!(shown.cookie(here.cookie_name()), key);
    }
    assert!(browser.reaches_app().await);
}

#[tokio::test]
async fn storage_and_cache_are_cleared_for_somebody_else_and_kept_for_the_same_person() {
    for app in TestApp::on_each_store() {
        let (alice, bob) = (app.add_user("alice").await, app.add_user("bob").await);
        let browser = app.new_browser();
        let everything = Some("\"cache\", \"storage\"");
        let first = browser.sign_in(alice.name(), PASSWORD).await;
        assert_eq!((first.status, first.header("clear-site-data")), (303, everything), "nobody knows who it was");
        let out = browser.post_form("/security/sign-out", &[]).await.response();
        assert_eq!(out.header("clear-site-data"), Some("\"cache\""), "settings in its storage survive");
        assert_eq!(browser.sign_in(alice.name(), PASSWORD).await.header("clear-site-data"), None);
        let over = browser.sign_in(bob.name(), PASSWORD).await;
        assert_eq!(over.header("clear-site-data"), everything, "on top of a session that is alive");
        let body = json!({"username": alice.name(), "password": PASSWORD});
        let api = browser.api("POST", "/sign-in", body.clone()).await;
        assert_eq!((api.status, api.header("clear-site-data")), (200, everything));
        assert_eq!(browser.api("POST", "/sign-in", body).await.header("clear-site-data"), None);
        let last = browser.cookie("__Host-portcullis-last").unwrap();
        let other = if last.ends_with('A') { 'B' } else { 'A' };
        browser.set_cookie("__Host-portcullis-last", &format!("{}{other}", &last[..last.len() - 1]));
        assert_eq!(browser.sign_in(alice.name(), PASSWORD).await.header("clear-site-data"), everything);
    }
}
