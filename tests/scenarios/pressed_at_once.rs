//! A form that windows of one browser send at the same moment: it acts once, and each is led where the first was.

use std::collections::BTreeSet;

use crate::{
    pressed_twice::{NEW_PASSWORD, count_audit_events, form_token, password_fields, submit_form},
    test_app::{Browser, MAC, MINUTE, PASSWORD, TestApp},
};

#[tokio::test]
async fn at_once_or_one_after_the_other_it_signs_in_once() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        for at_once in [true, false] {
            let before = count_audit_events(&app, "signed_in");
            let browser = app.new_browser();
            let token = form_token(&browser, "/security/sign-in?rd=%2Forders").await;
            let form = [("form", token.as_str()), ("username", "alice"), ("password", PASSWORD), ("rd", "/orders")];
            // Windows of the same browser: whichever answer is lost, the other is enough.
            let windows: Vec<Browser> = (0..4).map(|_| browser.clone_with_cookies()).collect();
            let answers = if at_once {
                futures_util::future::join_all(windows.iter().map(|it| submit_form(it, "/security/sign-in", &form)))
                    .await
            } else {
                let mut answers = vec![];
                for window in &windows {
                    answers.push(submit_form(window, "/security/sign-in", &form).await);
                }
                answers
            };
            for answer in answers {
                assert_eq!((answer.status, answer.location()), (303, "/orders"), "{}", answer.text());
            }
            let keys: BTreeSet<String> = windows.iter().map(Browser::session_cookie).collect();
            assert_eq!(keys.len(), 1, "each has the key to the one session");
            assert!(windows[3].reaches_app().await);
            assert_eq!(count_audit_events(&app, "signed_in"), before + 1);
            assert_eq!(windows[0].items("/sessions").await.len(), 1);
            submit_form(&windows[0], "/security/sign-out", &[]).await;
        }
        assert_eq!(count_audit_events(&app, "sign_in_failed"), 0);
        drop(alice);
    }
}

#[tokio::test]
async fn at_once_with_the_last_try_each_is_in_and_none_is_told_of_a_lock() {
    for app in TestApp::on_each_store() {
        app.add_user("alice").await;
        let browser = app.new_browser();
        let token = form_token(&browser, "/security/sign-in").await;
        for _ in 0..4 {
            submit_form(&browser, "/security/sign-in", &[("username", "alice"), ("password", "wrong")]).await;
        }
        let form = [("form", token.as_str()), ("username", "alice"), ("password", PASSWORD)];
        let windows: Vec<Browser> = (0..3).map(|_| browser.clone_with_cookies()).collect();
        let answers =
            futures_util::future::join_all(windows.iter().map(|it| submit_form(it, "/security/sign-in", &form))).await;
        for answer in answers {
            assert_eq!(answer.status, 303, "{}", answer.text());
        }
        assert_eq!(windows.iter().map(Browser::session_cookie).collect::<BTreeSet<_>>().len(), 1);
        assert_eq!((count_audit_events(&app, "signed_in"), count_audit_events(&app, "sign_in_failed")), (1, 4));
    }
}

#[tokio::test]
async fn at_once_a_password_is_changed_once_and_each_window_has_the_new_secret() {
    for app in TestApp::on_each_store() {
        let browser = app.add_user("alice").await.remembered_on(MAC).await;
        let token = form_token(&browser, "/security/password").await;
        let form = password_fields(&token, PASSWORD, NEW_PASSWORD);
        let windows: Vec<Browser> = (0..4).map(|_| browser.clone_with_cookies()).collect();
        let presses = windows.iter().map(|window| submit_form(window, "/security/password", &form));
        for answer in futures_util::future::join_all(presses).await {
            assert_eq!((answer.status, answer.location()), (303, "/security/password"), "{}", answer.text());
        }
        assert_eq!(
            (count_audit_events(&app, "password_changed"), count_audit_events(&app, "password_change_failed")),
            (1, 0)
        );
        app.advance(MINUTE);
        for window in &windows {
            assert!(window.reaches_app().await);
        }
        assert_eq!(windows.iter().map(Browser::session_cookie).collect::<BTreeSet<_>>().len(), 1);
    }
}

#[tokio::test]
async fn at_once_each_window_forgets_the_session_that_has_signed_out() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        let place = "/security/sessions/sign-out-all";
        let token = form_token(&browser, place).await;
        let (windows, form) =
            ([browser.clone_with_cookies(), browser.clone_with_cookies()], [("form", token.as_str())]);
        let presses = windows.iter().map(|window| submit_form(window, place, &form));
        for answer in futures_util::future::join_all(presses).await {
            assert_eq!((answer.status, answer.location()), (303, "/security/signed-out"));
        }
        for window in &windows {
            assert!(window.cookie(app.cookie_name()).is_none());
        }
        assert_eq!(count_audit_events(&app, "session_ended"), 1);
    }
}
