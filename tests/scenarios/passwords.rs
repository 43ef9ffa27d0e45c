//! Changing the password: the rules, the session that changes it, and the others.

use serde_json::{Value, json};

use crate::test_app::{
    Browser, HOUR, IPHONE, MAC, PASSWORD, SECOND, StoreFault, TestApp, TestResponse, one_second_less,
};

const NEW_PASSWORD: &str = "Ferry-crossing-at-9";

async fn change_by_form(browser: &Browser<'_>, current: &str, new: &str) -> TestResponse {
    let form = [("current_password", current), ("new_password", new), ("new_password_again", new)];
    browser.post_form("/security/password", &form).await.response()
}

async fn change_by_api(browser: &Browser<'_>, current: &str, new: &str) -> TestResponse {
    let body = json!({"current_password": current, "new_password": new});
    browser.api("PUT", "/password", body).await
}

#[tokio::test]
async fn a_changed_password_is_the_only_one_that_signs_in() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;

        let answer = change_by_form(&browser, PASSWORD, NEW_PASSWORD).await;

        assert_eq!((answer.status, answer.location()), (303, "/security/password"));
        assert!(browser.get("/security/password").await.response().contains_text("Your password was changed."));
        assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.status, 401);
        assert_eq!(app.new_browser().sign_in("alice", NEW_PASSWORD).await.status, 303);
        assert_eq!(app.audit_events().iter().filter(|fact| **fact == "password_changed").count(), 1);
    }
}

#[tokio::test]
async fn a_wrong_current_password_changes_nothing() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let key = browser.session_cookie();
    for secret in ["Wrong-current-1", NEW_PASSWORD] {
        app.add_secret(secret);
    }

    let page = change_by_form(&browser, "Wrong-current-1", NEW_PASSWORD).await;
    assert_eq!(page.status, 401);
    assert!(page.contains_text("This is not your current password."));
    let answer = change_by_api(&browser, "Wrong-current-1", NEW_PASSWORD).await;
    assert_eq!((answer.status, answer.problem_type().as_str()), (401, "wrong-password"));

    assert_eq!(browser.session_cookie(), key);
    assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.status, 303);
    assert_eq!(app.audit_events().iter().filter(|fact| **fact == "password_change_failed").count(), 2);
}

#[tokio::test]
async fn wrong_current_passwords_count_towards_the_lockout() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let browser = alice.signed_in_on(MAC).await;
    for _ in 0..5 {
        assert_eq!(change_by_api(&browser, "Wrong-current-1", NEW_PASSWORD).await.problem_type(), "wrong-password");
    }

    let answer = change_by_api(&browser, PASSWORD, NEW_PASSWORD).await;
    assert_eq!((answer.status, answer.problem_type().as_str()), (429, "too-many-attempts"));
    assert_eq!(answer.header("retry-after"), Some("1800"));
    assert!(change_by_form(&browser, PASSWORD, NEW_PASSWORD).await.contains_text("Too many attempts. Try again at"));
    assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.status, 429, "sign-in is locked, too");
    assert!(browser.reaches_app().await, "the session is not");
}

/// Right passwords, too: each change is written also where the store has room for nothing else.
#[tokio::test]
async fn changes_of_one_session_are_bounded() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (browser, other) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        let mut passwords = [PASSWORD, NEW_PASSWORD];
        for _ in 0..60 {
            assert_eq!(change_by_api(&browser, passwords[0], passwords[1]).await.status, 204);
            passwords.reverse();
        }
        let answer = change_by_api(&browser, passwords[0], passwords[1]).await;
        assert_eq!((answer.status, answer.problem_type().as_str()), (429, "too-many-attempts"));
        assert_eq!(answer.header("retry-after"), Some("3600"));
        assert_eq!(change_by_api(&other, passwords[0], passwords[1]).await.status, 204, "another session is not");
        passwords.reverse();
        app.advance(HOUR + SECOND);
        assert_eq!(change_by_api(&browser, passwords[0], passwords[1]).await.status, 204);
    }
}

#[tokio::test]
async fn classic_rules_are_told_all_at_once() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    for (new, broken) in [
        ("abc", 5),
        ("lantern-77", 1),
        ("LANTERN-77", 1),
        ("Lantern-ferry", 1),
        ("Lantern77", 2),
        ("Password1!", 1),
        ("Alice-77!", 1),
        ("alice12345", 4),
    ] {
        let answer = change_by_api(&browser, PASSWORD, new).await;
        assert_eq!((answer.status, answer.problem_type().as_str()), (422, "password-policy"), "{new}");
        let errors = answer.json()["errors"].as_array().unwrap().clone();
        assert_eq!(errors.len(), broken, "{new}: {errors:?}");
        assert!(errors.iter().all(|error| error["pointer"] == "/new_password"));
        assert_eq!(change_by_form(&browser, PASSWORD, new).await.status, 422, "{new}");
    }
    assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.status, 303, "nothing was changed");
}

#[tokio::test]
async fn modern_rules_want_length_and_nothing_common() {
    let app = TestApp::with_settings("passwords: { policy: modern }");
    let alice = app.add_user("alice").await;
    let browser = alice.signed_in_on(MAC).await;
    for common in ["passwordpassword", "Password1!", "qwertyuiopasdfgh"] {
        assert_eq!(change_by_api(&browser, PASSWORD, common).await.problem_type(), "password-policy", "{common}");
    }
    let mut current = PASSWORD.to_owned();
    let long = "nine drums beat under the old harbour bridge while gulls argue over bread";
    for good in [long, "пароль вокзала семь слонов", "correct horse battery staple", " spaces count too, both ends "]
    {
        assert_eq!(change_by_api(&browser, &current, good).await.status, 204, "{good}");
        current = good.to_owned();
        assert_eq!(app.new_browser().sign_in("alice", &current).await.status, 303, "{good}");
    }
}

#[tokio::test]
async fn the_page_lists_the_rules_of_now() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let page = browser.get("/security/password").await.response();
    assert!(page.contains_text("at least 8 characters") && page.contains_text("at least one number"));
    app.reload("passwords: { policy: modern, min_length: 20 }");
    let page = browser.get("/security/password").await.response();
    assert!(page.contains_text("at least 20 characters") && !page.contains_text("at least one number"));
    for policy in ["classic", "modern"] {
        app.reload(&format!("passwords: {{ policy: {policy} }}"));
        let page = browser.get("/security/password").await.response();
        assert!(page.contains_text("common passwords are refused"), "{policy}");
        assert!(page.contains_text("no part of your name or e\u{2011}mail address"), "{policy}");
    }
}

#[tokio::test]
async fn two_different_new_passwords_are_refused_before_anything_is_counted() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let tries = app.store_calls("attempt");
    let form =
        [("current_password", PASSWORD), ("new_password", NEW_PASSWORD), ("new_password_again", "Ferry-crossing-at-8")];

    let page = browser.post_form("/security/password", &form).await.response();

    assert_eq!(page.status, 422);
    assert!(page.contains_text("The two new passwords are not the same."));
    assert_eq!(app.store_calls("attempt"), tries);
}

#[tokio::test]
async fn the_session_keeps_its_id_and_gets_a_new_secret() {
    for app in TestApp::on_each_store() {
        let browser = app.add_user("alice").await.signed_in_on(MAC).await;
        let before = browser.clone_with_cookies();

        assert_eq!(change_by_api(&browser, PASSWORD, NEW_PASSWORD).await.status, 204);

        assert_eq!(browser.session_id(), before.session_id());
        assert_ne!(browser.session_cookie(), before.session_cookie());
        assert!(browser.reaches_app().await);
        app.advance(one_second_less(10 * SECOND));
        assert!(before.reaches_app().await, "requests under way go on");
        app.advance(SECOND);
        assert!(!before.reaches_app().await && browser.reaches_app().await);
    }
}

#[tokio::test]
async fn a_remembered_browser_and_an_installed_app_stay_so() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let remembered = alice.remembered_on(MAC).await;
    assert_eq!(change_by_api(&remembered, PASSWORD, NEW_PASSWORD).await.status, 204);
    let app_browser = Browser::new(&app, IPHONE);
    app_browser.api("POST", "/sign-in", json!({"username": "alice", "password": NEW_PASSWORD, "client": "app"})).await;
    assert_eq!(change_by_api(&app_browser, NEW_PASSWORD, PASSWORD).await.status, 204);

    remembered.close();
    app_browser.close();

    assert!(remembered.reaches_app().await && app_browser.reaches_app().await);
}

#[tokio::test]
async fn a_passing_session_stays_passing() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let answer = change_by_api(&browser, PASSWORD, NEW_PASSWORD).await;
    assert_eq!(answer.cookie(app.cookie_name()).unwrap().max_age, None);
}

#[tokio::test]
async fn other_sessions_stay_unless_the_box_is_ticked() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        assert!(laptop.get("/security/password").await.response().contains_text("Sign out my other sessions"));

        change_by_form(&laptop, PASSWORD, NEW_PASSWORD).await;
        assert!(phone.reaches_app().await);

        let again = "Harbour-bridge-4-gulls";
        let form = [
            ("current_password", NEW_PASSWORD),
            ("new_password", again),
            ("new_password_again", again),
            ("end_other_sessions", "true"),
        ];
        laptop.post_form("/security/password", &form).await.response();
        let page = laptop.get("/security/password").await.response();
        assert!(page.contains_text("Your password was changed, and 1 other session signed out."));
        assert!(!phone.reaches_app().await && laptop.reaches_app().await);
    }
}

#[tokio::test]
async fn whoever_changed_it_is_told_who_is_still_signed_in() {
    for (others, sentence, link) in [
        (0, "You stay signed in here.", None),
        (1, "1 other session is still signed in.", Some("Review it")),
        (2, "2 other sessions are still signed in.", Some("Review them")),
    ] {
        let app = TestApp::new();
        let alice = app.add_user("alice").await;
        let laptop = alice.signed_in_on(MAC).await;
        for _ in 0..others {
            alice.signed_in_on(IPHONE).await;
        }

        change_by_form(&laptop, PASSWORD, NEW_PASSWORD).await;

        let page = laptop.get("/security/password").await.response();
        assert!(
            page.contains_text("Your password was changed.") && page.contains_text(sentence),
            "{others}: {}",
            page.visible_text()
        );
        let (_, notice) = page.text().split_once("role=\"status\"").unwrap();
        let notice = notice.split_once("</p>").unwrap().0;
        match link {
            Some(link) => assert!(notice.contains(&format!("<a href=\"/security/sessions\">{link}</a>")), "{notice}"),
            None => assert!(!notice.contains("<a "), "{notice}"),
        }
    }
}

#[tokio::test]
async fn a_change_is_told_as_made_even_when_nobody_can_count_the_others() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, _phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    app.set_fault(StoreFault::UnavailableFor("list"));

    assert_eq!(change_by_form(&laptop, PASSWORD, NEW_PASSWORD).await.status, 303);

    app.set_fault(StoreFault::None);
    let page = laptop.get("/security/password").await.response();
    assert!(
        page.contains_text("Your password was changed.") && !page.contains_text("signed in."),
        "{}",
        page.visible_text()
    );
}

#[tokio::test]
async fn everything_that_can_be_known_of_a_form_is_told_at_once() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let tries = app.store_calls("attempt");
    let send = async |current: &str, new: &str, again: &str| {
        let form = [("current_password", current), ("new_password", new), ("new_password_again", again)];
        let page = browser.post_form("/security/password", &form).await.response();
        assert_eq!(page.status, 422);
        page
    };

    let page = send("", "lantern", "Lantern").await;
    for words in [
        "Enter your current password.",
        "does not keep the rules marked below.",
        "The two new passwords are not the same.",
    ] {
        assert_eq!(page.count_text(words), 1, "{words}: {}", page.visible_text());
    }
    assert_eq!(
        page.count_text("Not yet:"),
        5,
        "length, upper case, digit, special character, common: {}",
        page.visible_text()
    );

    let page = send(PASSWORD, PASSWORD, "").await;
    assert!(
        page.contains_text("The new password is the same as the current one.")
            && page.contains_text("Type the new password again.")
    );
    let page = send("", "", "").await;
    assert!(page.contains_text("Enter your current password.") && page.contains_text("Enter a new password."));
    assert!(!page.contains_text("Not yet:"), "what was not typed breaks no rule");
    assert_eq!(app.store_calls("attempt"), tries, "nothing of this is a guess at the password");
}

#[tokio::test]
async fn the_operator_may_decide_that_they_end_or_stay() {
    for (setting, ticked, words, stays) in [
        ("keep", true, "Your other sessions stay signed in.", true),
        ("end_others", false, "Your other sessions will be signed out.", false),
    ] {
        let app = TestApp::with_settings(&format!("passwords: {{ after_change: {setting} }}"));
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        assert!(laptop.get("/security/password").await.response().contains_text(words));

        let body = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD, "end_other_sessions": ticked});
        assert_eq!(laptop.api("PUT", "/password", body).await.status, 204);

        assert_eq!(phone.reaches_app().await, stays, "{setting}");
    }
}

#[tokio::test]
async fn a_password_change_kills_open_links() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let browser = alice.signed_in_on(MAC).await;
    let (link, _) = app.components.accounts.create_link(alice.id(), portcullis::audit::Actor::Operator).await.unwrap();

    change_by_api(&browser, PASSWORD, NEW_PASSWORD).await;

    let page = app.new_browser().get(&format!("/security/set-password?token={}", link.expose())).await.response();
    assert_eq!(page.status, 410);
}

#[tokio::test]
async fn nobody_changes_a_password_without_being_signed_in() {
    let app = TestApp::new();
    app.add_user("alice").await;
    assert_eq!(change_by_api(&app.new_browser(), PASSWORD, NEW_PASSWORD).await.problem_type(), "sign-in-required");
    assert_eq!(change_by_form(&app.new_browser(), PASSWORD, NEW_PASSWORD).await.status, 303);
    assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn programs_that_change_passwords_find_the_page() {
    let app = TestApp::new();
    let answer = app.new_browser().get("/.well-known/change-password").await.response();
    assert_eq!((answer.status, answer.location()), (302, "/security/password"));
}

#[tokio::test]
async fn the_hub_tells_how_old_it_is() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.remembered_on(MAC).await;
    app.advance(3 * crate::test_app::DAY);
    assert!(browser.get("/security").await.response().contains_text("Last changed 3 days ago."));
    assert_eq!(browser.api("GET", "/me", Value::Null).await.status, 200);
}
