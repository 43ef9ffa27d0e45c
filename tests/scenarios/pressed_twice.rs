//! A form that is sent twice acts once: the second press is led where the first was, and nothing is told again.

use portcullis::audit::Actor;

use crate::test_app::{Browser, HOUR, MAC, MINUTE, PASSWORD, SECOND, TestApp, TestResponse};

pub(crate) const NEW_PASSWORD: &str = "Ferry-crossing-at-9";

/// The token of the form on this page, as the browser is shown it.
pub(crate) async fn form_token(browser: &Browser<'_>, page: &str) -> String {
    let page = browser.get(page).await.response();
    let field = "name=\"form\" value=\"";
    let (_, rest) = page.text().split_once(field).unwrap_or_else(|| panic!("no token on {}", page.text()));
    rest.split('"').next().unwrap().to_owned()
}

pub(crate) async fn submit_form(browser: &Browser<'_>, place: &str, form: &[(&str, &str)]) -> TestResponse {
    browser.post_form(place, form).await.response()
}

/// The form that changes a password.
pub(crate) fn password_fields<'a>(token: &'a str, from: &'a str, to: &'a str) -> [(&'a str, &'a str); 4] {
    [("form", token), ("current_password", from), ("new_password", to), ("new_password_again", to)]
}

pub(crate) fn count_audit_events(app: &TestApp, told: &str) -> usize {
    app.audit_events().into_iter().filter(|name| *name == told).count()
}

#[tokio::test]
async fn a_session_that_has_ended_is_not_opened_again_by_its_form() {
    for app in TestApp::on_each_store() {
        app.add_user("alice").await;
        let browser = app.new_browser();
        let token = form_token(&browser, "/security/sign-in").await;
        let form = [("form", token.as_str()), ("username", "alice"), ("password", PASSWORD)];
        submit_form(&browser, "/security/sign-in", &form).await;
        let (stolen, key) = (browser.clone_with_cookies(), browser.session_cookie());
        submit_form(&browser, "/security/sign-out", &[]).await;

        // Back, and pressed again: another sign-in.
        for _ in 0..2 {
            assert_eq!(submit_form(&browser, "/security/sign-in", &form).await.status, 303);
            assert!(browser.reaches_app().await);
            assert_ne!(browser.session_cookie(), key);
            assert!(!stolen.clone_with_cookies().reaches_app().await);
            submit_form(&browser, "/security/sign-out", &[]).await;
        }
    }
}

#[tokio::test]
async fn a_token_is_good_for_its_browser_its_place_and_an_hour() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let browser = app.new_browser();
    let token = form_token(&browser, "/security/sign-in").await;
    let form = |token: &str| [("form", token.to_owned()), ("username", "alice".into()), ("password", PASSWORD.into())];
    let sign_in = async |browser: &Browser<'_>, token: &str| {
        let form = form(token);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(submit_form(browser, "/security/sign-in", &form).await.status, 303);
        browser.session_cookie()
    };
    let first = sign_in(&browser.clone_with_cookies(), &token).await;
    assert_eq!(sign_in(&browser.clone_with_cookies(), &token).await, first);

    let elsewhere = app.new_browser();
    assert_ne!(sign_in(&elsewhere, &token).await, first, "a browser without a name");
    let other = app.new_browser();
    form_token(&other, "/security/sign-in").await;
    assert_ne!(sign_in(&other, &token).await, first, "another browser");
    let of_another_place = {
        let known = alice.signed_in_on(MAC).await;
        form_token(&known, "/security/password").await
    };
    for bad in ["", "x", "1.2.3", &token[1..], &format!("{token}x"), &of_another_place] {
        assert_ne!(sign_in(&browser.clone_with_cookies(), bad).await, first, "{bad}");
    }
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts[0] = (parts[0].parse::<i64>().unwrap() + 1).to_string();
    assert_ne!(sign_in(&browser.clone_with_cookies(), &parts.join(".")).await, first, "another time");
    app.advance(HOUR + SECOND);
    assert_ne!(sign_in(&browser.clone_with_cookies(), &token).await, first, "an hour later");
}

#[tokio::test]
async fn a_corrected_form_is_another_one() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let browser = app.new_browser();
    let token = form_token(&browser, "/security/sign-in").await;
    let form = |password| [("form", token.as_str()), ("username", "alice"), ("password", password)];
    assert_eq!(submit_form(&browser, "/security/sign-in", &form("wrong")).await.status, 401);
    // Back, with the page as it was.
    assert_eq!(submit_form(&browser, "/security/sign-in", &form(PASSWORD)).await.status, 303);
    assert!(browser.reaches_app().await);

    let token = form_token(&browser, "/security/password").await;
    let form = |current, again| {
        [
            ("form", token.as_str()),
            ("current_password", current),
            ("new_password", NEW_PASSWORD),
            ("new_password_again", again),
        ]
    };
    assert_eq!(submit_form(&browser, "/security/password", &form("wrong", NEW_PASSWORD)).await.status, 401);
    assert_eq!(submit_form(&browser, "/security/password", &form(PASSWORD, "other")).await.status, 422);
    assert_eq!(submit_form(&browser, "/security/password", &form(PASSWORD, NEW_PASSWORD)).await.status, 303);
}

#[tokio::test]
async fn a_password_is_changed_once_and_nobody_is_signed_out_by_it() {
    for app in TestApp::on_each_store() {
        let browser = app.add_user("alice").await.remembered_on(MAC).await;
        let token = form_token(&browser, "/security/password").await;
        let form = password_fields(&token, PASSWORD, NEW_PASSWORD);
        let (one, other) = (browser.clone_with_cookies(), browser.clone_with_cookies());
        let first = submit_form(&one, "/security/password", &form).await;
        assert_eq!((first.status, first.location()), (303, "/security/password"));
        let told = one.get("/security/password").await.response();
        assert!(told.contains_text("Your password was changed"));
        // This window has not had the answer, nor the session's new key.
        for window in [&other, &other, &one] {
            let again = submit_form(window, "/security/password", &form).await;
            assert_eq!((again.status, again.location()), (303, "/security/password"));
            assert!(
                !window.get("/security/password").await.response().contains_text("Your password was changed"),
                "told once"
            );
        }
        let kept = |window: &Browser<'_>| {
            window.close();
            window.session_cookie()
        };
        assert_eq!(kept(&one), kept(&other), "remembered as before");
        assert_eq!(
            (count_audit_events(&app, "password_changed"), count_audit_events(&app, "password_change_failed")),
            (1, 0)
        );
        app.advance(MINUTE);
        assert!(one.reaches_app().await && other.reaches_app().await);
    }
}

#[tokio::test]
async fn a_form_that_is_sent_again_after_another_change_changes_the_password_again() {
    for app in TestApp::on_each_store() {
        let browser = app.add_user("alice").await.signed_in_on(MAC).await;
        let token = form_token(&browser, "/security/password").await;
        let change = async |token: &str, from: &str, to: &str| {
            let form = [("form", token), ("current_password", from), ("new_password", to), ("new_password_again", to)];
            submit_form(&browser, "/security/password", &form).await
        };
        assert_eq!(change(&token, PASSWORD, NEW_PASSWORD).await.status, 303);
        let first = browser.session_cookie();
        let back = form_token(&browser, "/security/password").await;
        assert_eq!(change(&back, NEW_PASSWORD, PASSWORD).await.status, 303);

        let again = change(&token, PASSWORD, NEW_PASSWORD).await;
        assert_eq!((again.status, again.location()), (303, "/security/password"));
        assert_eq!(count_audit_events(&app, "password_changed"), 3, "what is acknowledged is done");
        assert_ne!(browser.session_cookie(), first, "no secret comes back");
        assert_eq!(change(&back, "wrong", PASSWORD).await.status, 401);
    }
}

#[tokio::test]
async fn sessions_are_ended_once_and_it_is_told_once() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        let one = alice.signed_in_on(MAC).await.session_id();
        alice.signed_in_on(MAC).await;
        alice.signed_in_on(MAC).await;
        let end_one = format!("/security/sessions/{one}/sign-out");
        for (place, next, told) in [
            (end_one.as_str(), "/security/sessions", Some("Signed out 1 session")),
            ("/security/sessions/sign-out-others", "/security/sessions", Some("Signed out 2 sessions")),
            ("/security/sessions/sign-out-all", "/security/signed-out", None),
        ] {
            let token = form_token(&browser, place).await;
            let form = [("form", token.as_str())];
            let second = browser.clone_with_cookies();
            let answer = submit_form(&browser, place, &form).await;
            assert_eq!((answer.status, answer.location()), (303, next));
            if let Some(told) = told {
                assert!(browser.get(next).await.response().contains_text(told), "{place}");
            }
            let ended = count_audit_events(&app, "session_ended");
            // With what the first answer took from the browser, and without.
            for (window, shows_an_ended_one) in [(&second, told.is_none()), (&browser, false)] {
                let again = submit_form(window, place, &form).await;
                assert_eq!((again.status, again.location()), (303, next), "{place}");
                assert!(!window.get(next).await.response().contains_text("Signed out 2"), "{place}: told once");
                assert_eq!(again.cookies().is_empty(), !shows_an_ended_one, "{place}: {:?}", again.cookies());
                assert_eq!(window.cookie(app.cookie_name()).is_some(), told.is_some(), "{place}: it is taken away");
            }
            assert_eq!(count_audit_events(&app, "session_ended"), ended, "{place}");
        }
        assert_eq!(submit_form(&browser, "/security/sign-out", &[]).await.location(), "/security/signed-out");
    }
}

#[tokio::test]
async fn a_token_ends_what_its_page_named_and_nothing_is_acknowledged_that_did_not_end() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        let (one, other) = (alice.signed_in_on(MAC).await, alice.signed_in_on(MAC).await);
        let end = |it: &Browser<'_>| format!("/security/sessions/{}/sign-out", it.session_id());
        let token = form_token(&browser, &end(&one)).await;
        let form = [("form", token.as_str())];
        assert_eq!(submit_form(&browser, &end(&one), &form).await.location(), "/security/sessions");
        assert_eq!(submit_form(&browser, &end(&other), &form).await.location(), "/security/sessions");
        assert!(!other.reaches_app().await, "the end of another session was acknowledged");
    }
}

#[tokio::test]
async fn a_form_that_is_sent_again_ends_what_has_begun_since() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        alice.signed_in_on(MAC).await;
        let place = "/security/sessions/sign-out-others";
        let token = form_token(&browser, place).await;
        for _ in 0..2 {
            let later = alice.signed_in_on(MAC).await;
            assert_eq!(submit_form(&browser, place, &[("form", &token)]).await.location(), "/security/sessions");
            assert!(!later.reaches_app().await);
            assert!(browser.get("/security/sessions").await.response().contains_text("Signed out"));
        }
    }
}

#[tokio::test]
async fn a_token_is_of_one_session() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        let place = "/security/sessions/sign-out-all";
        let token = form_token(&browser, place).await;
        assert_eq!(submit_form(&browser, place, &[("form", &token)]).await.location(), "/security/signed-out");
        // The same browser, signed in once more, with the page of before.
        let sign_in = [("username", "alice"), ("password", PASSWORD)];
        submit_form(&browser, "/security/sign-in", &sign_in).await;
        assert!(browser.reaches_app().await);
        assert_eq!(submit_form(&browser, place, &[("form", &token)]).await.location(), "/security/signed-out");
        assert!(!browser.reaches_app().await, "acknowledged, and so done");
    }
}

#[tokio::test]
async fn the_form_of_somebody_else_does_nothing_to_whoever_is_signed_in_now() {
    for app in TestApp::on_each_store() {
        let (alice, bob) = (app.add_user("alice").await, app.add_user("bob").await);
        let (browser, _other) = (alice.signed_in_on(MAC).await, alice.signed_in_on(MAC).await);
        let elsewhere = bob.signed_in_on(MAC).await;
        let places = ["/security/sessions/sign-out-all", "/security/sessions/sign-out-others", "/security/password"];
        let mut hers = Vec::new();
        for place in places {
            hers.push((place, form_token(&browser, place).await));
        }
        submit_form(&browser, "/security/sign-out", &[]).await;
        submit_form(&browser, "/security/sign-in", &[("username", "bob"), ("password", PASSWORD)]).await;
        for (place, token) in hers {
            let form = [("form", token.as_str()), ("current_password", "of-alice"), ("new_password", NEW_PASSWORD)];
            let answer = submit_form(&browser, place, &form).await;
            assert_eq!((answer.status, answer.location()), (303, place), "it asks anew, for whoever is here");
        }
        assert!(browser.reaches_app().await && elsewhere.reaches_app().await);
        assert_eq!(count_audit_events(&app, "password_change_failed"), 0);
    }
}

#[tokio::test]
async fn what_the_store_keeps_of_forms_is_bounded() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        alice.signed_in_on(MAC).await;
        let place = "/security/sessions/sign-out-others";
        let token = form_token(&browser, place).await;
        for count in 0..80 {
            let count = count.to_string();
            let answer = submit_form(&browser, place, &[("form", &token), ("n", &count)]).await;
            assert_eq!(answer.location(), "/security/sessions", "it acts all the same");
        }
        let done = app.store_calls("attempt");
        submit_form(&browser, place, &[("form", &token), ("n", "more")]).await;
        assert_eq!(
            app.store_calls("attempt"),
            done + 1,
            "nothing is claimed beyond the bound, and nothing noted as done"
        );

        let form =
            [("form", form_token(&browser, "/security/password").await), ("current_password", PASSWORD.to_owned())];
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let refused = submit_form(&browser, "/security/password", &form).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some("3600")), "until it claims again");
        assert!(refused.contains_text("Too many attempts"));

        let gone = browser.clone_with_cookies();
        submit_form(&browser, "/security/sign-out", &[]).await;
        let before = app.store_calls("attempt");
        for count in 0..20 {
            let count = count.to_string();
            submit_form(&gone, place, &[("form", &token), ("n", &count)]).await;
        }
        assert_eq!(app.store_calls("attempt"), before, "who is not signed in writes nothing");
    }
}

#[tokio::test]
async fn nobody_learns_by_a_form_whether_a_session_of_somebody_else_lives() {
    for app in TestApp::on_each_store() {
        let victim = app.add_user("alice").await.remembered_on(MAC).await;
        let mallory = app.add_user("mallory").await.signed_in_on(MAC).await;
        let token = form_token(&mallory, "/security/password").await;
        let form = password_fields(&token, PASSWORD, NEW_PASSWORD);
        assert_eq!(submit_form(&mallory, "/security/password", &form).await.status, 303);
        let (alice, own) = (victim.session_cookie(), mallory.session_cookie());
        let (id, secret) = (alice.split_once('.').unwrap().0, own.split_once('.').unwrap().1);
        mallory.set_cookie(app.cookie_name(), &format!("{id}.{secret}"));
        let answer = submit_form(&mallory, "/security/password", &form).await;
        assert!(answer.cookies().is_empty(), "{:?}", answer.cookies());
        assert!(victim.reaches_app().await);
    }
}

#[tokio::test]
async fn the_session_in_use_is_ended_once() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let place = format!("/security/sessions/{}/sign-out", browser.session_id());
    let token = form_token(&browser, &place).await;
    for _ in 0..2 {
        let answer = submit_form(&browser, &place, &[("form", &token)]).await;
        assert_eq!((answer.status, answer.location()), (303, "/security/signed-out"));
    }
    assert_eq!(count_audit_events(&app, "session_ended"), 1);
}

#[tokio::test]
async fn a_link_works_once_and_its_form_is_answered_twice() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user_without_password("alice", &[]).await;
        let (link, _) = app.components.accounts.create_link(alice.id(), Actor::Operator).await.unwrap();
        let link = link.expose();
        let browser = app.new_browser();
        let token = form_token(&browser, &format!("/security/set-password?token={link}")).await;
        let form = [
            ("form", token.as_str()),
            ("username", "alice"),
            ("token", &link),
            ("new_password", NEW_PASSWORD),
            ("new_password_again", NEW_PASSWORD),
        ];
        let answer = submit_form(&browser, "/security/set-password", &form).await;
        assert_eq!((answer.status, answer.location()), (303, "/security/sign-in?name=alice"));
        assert!(browser.get("/security/sign-in").await.response().contains_text("Your password is set"));

        let again = submit_form(&browser, "/security/set-password", &form).await;
        assert_eq!((again.status, again.location()), (303, "/security/sign-in?name=alice"));
        assert!(!browser.get("/security/sign-in").await.response().contains_text("Your password is set"), "told once");
        assert_eq!(count_audit_events(&app, "password_set"), 1);
        // With another content, or in another browser, the link is used up.
        let mut another = form;
        (another[2].1, another[3].1) = (PASSWORD, PASSWORD);
        assert_eq!(submit_form(&browser, "/security/set-password", &another).await.status, 410);
        assert_eq!(submit_form(&app.new_browser(), "/security/set-password", &form).await.status, 410);
        assert_eq!(browser.get(&format!("/security/set-password?token={link}")).await.response().status, 410);
    }
}
