//! A form that windows of one browser send at the same moment: it acts once, and each is led where the first was.

use std::collections::BTreeSet;

use crate::{
    pressed_twice::{NEW, change, count, press, token_on},
    town::{Browser, MAC, MINUTE, PASSWORD, Town},
};

#[tokio::test]
async fn at_once_or_one_after_the_other_it_signs_in_once() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        for at_once in [true, false] {
            let before = count(&town, "signed_in");
            let browser = town.stranger();
            let token = token_on(&browser, "/security/sign-in?rd=%2Forders").await;
            let form = [("form", token.as_str()), ("username", "alice"), ("password", PASSWORD), ("rd", "/orders")];
            // Windows of the same browser: whichever answer is lost, the other is enough.
            let windows: Vec<Browser> = (0..4).map(|_| browser.copy()).collect();
            let answers = if at_once {
                futures_util::future::join_all(windows.iter().map(|it| press(it, "/security/sign-in", &form))).await
            } else {
                let mut answers = vec![];
                for window in &windows {
                    answers.push(press(window, "/security/sign-in", &form).await);
                }
                answers
            };
            for answer in answers {
                assert_eq!((answer.status, answer.location()), (303, "/orders"), "{}", answer.text());
            }
            let keys: BTreeSet<String> = windows.iter().map(Browser::key).collect();
            assert_eq!(keys.len(), 1, "each has the key to the one session");
            assert!(windows[3].is_let_in().await);
            assert_eq!(count(&town, "signed_in"), before + 1);
            assert_eq!(windows[0].items("/sessions").await.len(), 1);
            press(&windows[0], "/security/sign-out", &[]).await;
        }
        assert_eq!(count(&town, "sign_in_failed"), 0);
        drop(alice);
    }
}

#[tokio::test]
async fn at_once_with_the_last_try_each_is_in_and_none_is_told_of_a_lock() {
    for town in Town::on_each_store() {
        town.with_user("alice").await;
        let browser = town.stranger();
        let token = token_on(&browser, "/security/sign-in").await;
        for _ in 0..4 {
            press(&browser, "/security/sign-in", &[("username", "alice"), ("password", "wrong")]).await;
        }
        let form = [("form", token.as_str()), ("username", "alice"), ("password", PASSWORD)];
        let windows: Vec<Browser> = (0..3).map(|_| browser.copy()).collect();
        let answers =
            futures_util::future::join_all(windows.iter().map(|it| press(it, "/security/sign-in", &form))).await;
        for answer in answers {
            assert_eq!(answer.status, 303, "{}", answer.text());
        }
        assert_eq!(windows.iter().map(Browser::key).collect::<BTreeSet<_>>().len(), 1);
        assert_eq!((count(&town, "signed_in"), count(&town, "sign_in_failed")), (1, 4));
    }
}

#[tokio::test]
async fn at_once_a_password_is_changed_once_and_each_window_has_the_new_secret() {
    for town in Town::on_each_store() {
        let browser = town.with_user("alice").await.remembered_on(MAC).await;
        let token = token_on(&browser, "/security/password").await;
        let form = change(&token, PASSWORD, NEW);
        let windows: Vec<Browser> = (0..4).map(|_| browser.copy()).collect();
        let presses = windows.iter().map(|window| press(window, "/security/password", &form));
        for answer in futures_util::future::join_all(presses).await {
            assert_eq!((answer.status, answer.location()), (303, "/security/password"), "{}", answer.text());
        }
        assert_eq!((count(&town, "password_changed"), count(&town, "password_change_failed")), (1, 0));
        town.advance(MINUTE);
        for window in &windows {
            assert!(window.is_let_in().await);
        }
        assert_eq!(windows.iter().map(Browser::key).collect::<BTreeSet<_>>().len(), 1);
    }
}

#[tokio::test]
async fn at_once_each_window_forgets_the_session_that_has_signed_out() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        let place = "/security/sessions/sign-out-all";
        let token = token_on(&browser, place).await;
        let (windows, form) = ([browser.copy(), browser.copy()], [("form", token.as_str())]);
        let presses = windows.iter().map(|window| press(window, place, &form));
        for answer in futures_util::future::join_all(presses).await {
            assert_eq!((answer.status, answer.location()), (303, "/security/signed-out"));
        }
        for window in &windows {
            assert!(window.cookie(town.cookie()).is_none());
        }
        assert_eq!(count(&town, "session_ended"), 1);
    }
}
