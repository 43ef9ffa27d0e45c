//! What a browser is told to forget that still shows a session that is over.

use http::Method;
use serde_json::{Value, json};

use crate::town::{Answer, Browser, DAY, IPHONE, MAC, MINUTE, PASSWORD, Town};

async fn fetched(browser: &Browser<'_>) -> Answer {
    browser.fetch(Method::GET, "/orders").send().await.answer()
}

#[tokio::test]
async fn a_page_navigation_takes_its_cookie_and_the_cache_and_the_reason_is_told_all_the_same() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        laptop.api("DELETE", &format!("/sessions/{}", phone.session()), Value::Null).await;

        let answer = phone.get("/orders").await.answer();

        assert_eq!((answer.status, answer.header("clear-site-data")), (302, Some("\"cache\"")));
        assert_eq!(phone.cookie(town.cookie()), None);
        for _ in 0..2 {
            let page = phone.get("/security/sign-in").await.answer().words();
            assert!(page.contains("ended from Chrome on macOS"), "{page}");
        }
        alice.signs_in(&phone).await;
        phone.post_form("/security/sign-out", &[]).await.answer();
        let page = phone.get("/security/sign-in").await.answer().words();
        assert!(!page.contains("ended from Chrome on macOS"), "{page}");
    }
}

#[tokio::test]
async fn a_page_of_ours_does_so_too_and_so_does_a_session_that_has_run_out() {
    for town in Town::on_each_store() {
        let browser = town.with_user("alice").await.remembered_on(MAC).await;
        town.advance(8 * DAY);
        let answer = browser.get("/security/sessions").await.answer();
        assert_eq!((answer.status, answer.header("clear-site-data")), (302, Some("\"cache\"")));
        assert!(browser.cookie(town.cookie()).is_some(), "it is over when its person has been told");
        for _ in 0..2 {
            let page = browser.get("/security/sign-in").await.answer().words();
            assert!(page.contains("had not been used for 7 days"), "{page}");
            assert_eq!(browser.cookie(town.cookie()), None);
        }
    }
}

#[tokio::test]
async fn a_program_is_told_once_and_keeps_the_cookie_that_may_be_a_new_one_by_then() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        laptop.api("POST", "/sessions/revoke-others", Value::Null).await;
        let dead = phone.key();

        let late = phone.copy();
        alice.signs_in(&phone).await;
        let answer = fetched(&late).await;

        assert_eq!((answer.status, answer.header("clear-site-data")), (401, Some("\"cache\"")));
        assert!(answer.cookie(town.cookie()).is_none(), "it would take the new one");
        assert_eq!(late.key(), dead);
        assert!(!answer.cookies().iter().any(|cookie| cookie.value.contains(dead.split('.').nth(1).unwrap())));
        assert_eq!(fetched(&late).await.header("clear-site-data"), None, "a page may poll");
        assert!(phone.is_let_in().await);
    }
}

#[tokio::test]
async fn nothing_is_taken_for_a_secret_that_was_renewed_or_an_id_of_another_installation() {
    let [here, there] = Town::on_each_store();
    let browser = here.with_user("alice").await.signed_in_on(MAC).await;
    let before = browser.copy();
    let change = json!({"current_password": PASSWORD, "new_password": "Ferry-crossing-at-9"});
    assert_eq!(browser.api("PUT", "/password", change).await.status, 204);
    here.advance(MINUTE);
    let elsewhere = here.stranger();
    elsewhere.puts_into_jar(here.cookie(), &there.with_user("alice").await.signed_in_on(MAC).await.key());
    let nonsense = here.stranger();
    nonsense.puts_into_jar(here.cookie(), "nonsense");
    for shown in [&before, &elsewhere, &nonsense, &here.stranger()] {
        let key = shown.cookie(here.cookie());
        let (page, call) = (shown.get("/").await.answer(), fetched(shown).await);
        assert_eq!((page.status, call.status), (302, 401));
        for answer in [page, call] {
            assert_eq!((answer.header("clear-site-data"), answer.cookies().len()), (None, 0), "{key:?}");
        }
        assert_eq!(shown.cookie(here.cookie()), key);
    }
    assert!(browser.is_let_in().await);
}

#[tokio::test]
async fn storage_and_cache_are_cleared_for_somebody_else_and_kept_for_the_same_person() {
    for town in Town::on_each_store() {
        let (alice, bob) = (town.with_user("alice").await, town.with_user("bob").await);
        let browser = town.stranger();
        let everything = Some("\"cache\", \"storage\"");
        let first = browser.sign_in(alice.name(), PASSWORD).await;
        assert_eq!((first.status, first.header("clear-site-data")), (303, everything), "nobody knows who it was");
        let out = browser.post_form("/security/sign-out", &[]).await.answer();
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
        browser.puts_into_jar("__Host-portcullis-last", &format!("{}{other}", &last[..last.len() - 1]));
        assert_eq!(browser.sign_in(alice.name(), PASSWORD).await.header("clear-site-data"), everything);
    }
}
