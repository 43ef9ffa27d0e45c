//! Changing the password: the rules, the session that changes it, and the others.

use serde_json::{Value, json};

use crate::town::{Answer, Browser, HOUR, IPHONE, MAC, PASSWORD, SECOND, Town, Weather, just_under};

const NEW: &str = "Ferry-crossing-at-9";

async fn change(browser: &Browser<'_>, current: &str, new: &str) -> Answer {
    let form = [("current_password", current), ("new_password", new), ("new_password_again", new)];
    browser.post_form("/security/password", &form).await.answer()
}

async fn put(browser: &Browser<'_>, current: &str, new: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": new});
    browser.api("PUT", "/password", body).await
}

#[tokio::test]
async fn a_changed_password_is_the_only_one_that_signs_in() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;

        let answer = change(&browser, PASSWORD, NEW).await;

        assert_eq!((answer.status, answer.location()), (303, "/security/password"));
        assert!(browser.get("/security/password").await.answer().says("Your password was changed."));
        assert_eq!(town.stranger().sign_in("alice", PASSWORD).await.status, 401);
        assert_eq!(town.stranger().sign_in("alice", NEW).await.status, 303);
        assert_eq!(town.told().iter().filter(|fact| **fact == "password_changed").count(), 1);
    }
}

#[tokio::test]
async fn a_wrong_current_password_changes_nothing() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let key = browser.key();
    for secret in ["Wrong-current-1", NEW] {
        town.keep_secret(secret);
    }

    let page = change(&browser, "Wrong-current-1", NEW).await;
    assert_eq!(page.status, 401);
    assert!(page.says("This is not your current password."));
    let answer = put(&browser, "Wrong-current-1", NEW).await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "wrong-password"));

    assert_eq!(browser.key(), key);
    assert_eq!(town.stranger().sign_in("alice", PASSWORD).await.status, 303);
    assert_eq!(town.told().iter().filter(|fact| **fact == "password_change_failed").count(), 2);
}

#[tokio::test]
async fn wrong_current_passwords_count_towards_the_lockout() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let browser = alice.signed_in_on(MAC).await;
    for _ in 0..5 {
        assert_eq!(put(&browser, "Wrong-current-1", NEW).await.problem(), "wrong-password");
    }

    let answer = put(&browser, PASSWORD, NEW).await;
    assert_eq!((answer.status, answer.problem().as_str()), (429, "too-many-attempts"));
    assert_eq!(answer.header("retry-after"), Some("1800"));
    assert!(change(&browser, PASSWORD, NEW).await.says("Too many attempts. Try again at"));
    assert_eq!(town.stranger().sign_in("alice", PASSWORD).await.status, 429, "sign-in is locked, too");
    assert!(browser.is_let_in().await, "the session is not");
}

/// Right passwords, too: each change is written also where the store has room for nothing else.
#[tokio::test]
async fn changes_of_one_session_are_bounded() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (browser, other) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        let mut passwords = [PASSWORD, NEW];
        for _ in 0..60 {
            assert_eq!(put(&browser, passwords[0], passwords[1]).await.status, 204);
            passwords.reverse();
        }
        let answer = put(&browser, passwords[0], passwords[1]).await;
        assert_eq!((answer.status, answer.problem().as_str()), (429, "too-many-attempts"));
        assert_eq!(answer.header("retry-after"), Some("3600"));
        assert_eq!(put(&other, passwords[0], passwords[1]).await.status, 204, "another session is not");
        passwords.reverse();
        town.advance(HOUR + SECOND);
        assert_eq!(put(&browser, passwords[0], passwords[1]).await.status, 204);
    }
}

#[tokio::test]
async fn classic_rules_are_told_all_at_once() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
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
        let answer = put(&browser, PASSWORD, new).await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "password-policy"), "{new}");
        let errors = answer.json()["errors"].as_array().unwrap().clone();
        assert_eq!(errors.len(), broken, "{new}: {errors:?}");
        assert!(errors.iter().all(|error| error["pointer"] == "/new_password"));
        assert_eq!(change(&browser, PASSWORD, new).await.status, 422, "{new}");
    }
    assert_eq!(town.stranger().sign_in("alice", PASSWORD).await.status, 303, "nothing was changed");
}

#[tokio::test]
async fn modern_rules_want_length_and_nothing_common() {
    let town = Town::with("passwords: { policy: modern }");
    let alice = town.with_user("alice").await;
    let browser = alice.signed_in_on(MAC).await;
    for common in ["passwordpassword", "Password1!", "qwertyuiopasdfgh"] {
        assert_eq!(put(&browser, PASSWORD, common).await.problem(), "password-policy", "{common}");
    }
    let mut current = PASSWORD.to_owned();
    let long = "nine drums beat under the old harbour bridge while gulls argue over bread";
    for good in [long, "пароль вокзала семь слонов", "correct horse battery staple", " spaces count too, both ends "]
    {
        assert_eq!(put(&browser, &current, good).await.status, 204, "{good}");
        current = good.to_owned();
        assert_eq!(town.stranger().sign_in("alice", &current).await.status, 303, "{good}");
    }
}

#[tokio::test]
async fn the_page_lists_the_rules_of_now() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let page = browser.get("/security/password").await.answer();
    assert!(page.says("at least 8 characters") && page.says("at least one number"));
    town.rule("passwords: { policy: modern, min_length: 20 }");
    let page = browser.get("/security/password").await.answer();
    assert!(page.says("at least 20 characters") && !page.says("at least one number"));
    for policy in ["classic", "modern"] {
        town.rule(&format!("passwords: {{ policy: {policy} }}"));
        let page = browser.get("/security/password").await.answer();
        assert!(page.says("common passwords are refused"), "{policy}");
        assert!(page.says("no part of your name or e\u{2011}mail address"), "{policy}");
    }
}

#[tokio::test]
async fn two_different_new_passwords_are_refused_before_anything_is_counted() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let tries = town.asked("attempt");
    let form = [("current_password", PASSWORD), ("new_password", NEW), ("new_password_again", "Ferry-crossing-at-8")];

    let page = browser.post_form("/security/password", &form).await.answer();

    assert_eq!(page.status, 422);
    assert!(page.says("The two new passwords are not the same."));
    assert_eq!(town.asked("attempt"), tries);
}

#[tokio::test]
async fn the_session_keeps_its_id_and_gets_a_new_secret() {
    for town in Town::on_each_store() {
        let browser = town.with_user("alice").await.signed_in_on(MAC).await;
        let before = browser.copy();

        assert_eq!(put(&browser, PASSWORD, NEW).await.status, 204);

        assert_eq!(browser.session(), before.session());
        assert_ne!(browser.key(), before.key());
        assert!(browser.is_let_in().await);
        town.advance(just_under(10 * SECOND));
        assert!(before.is_let_in().await, "requests under way go on");
        town.advance(SECOND);
        assert!(!before.is_let_in().await && browser.is_let_in().await);
    }
}

#[tokio::test]
async fn a_remembered_browser_and_an_installed_app_stay_so() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let remembered = alice.remembered_on(MAC).await;
    assert_eq!(put(&remembered, PASSWORD, NEW).await.status, 204);
    let app = Browser::new(&town, IPHONE);
    app.api("POST", "/sign-in", json!({"username": "alice", "password": NEW, "client": "app"})).await;
    assert_eq!(put(&app, NEW, PASSWORD).await.status, 204);

    remembered.close();
    app.close();

    assert!(remembered.is_let_in().await && app.is_let_in().await);
}

#[tokio::test]
async fn a_passing_session_stays_passing() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let answer = put(&browser, PASSWORD, NEW).await;
    assert_eq!(answer.cookie(town.cookie()).unwrap().max_age, None);
}

#[tokio::test]
async fn other_sessions_stay_unless_the_box_is_ticked() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        assert!(laptop.get("/security/password").await.answer().says("Sign out my other sessions"));

        change(&laptop, PASSWORD, NEW).await;
        assert!(phone.is_let_in().await);

        let again = "Harbour-bridge-4-gulls";
        let form = [
            ("current_password", NEW),
            ("new_password", again),
            ("new_password_again", again),
            ("end_other_sessions", "true"),
        ];
        laptop.post_form("/security/password", &form).await.answer();
        let page = laptop.get("/security/password").await.answer();
        assert!(page.says("Your password was changed, and 1 other session signed out."));
        assert!(!phone.is_let_in().await && laptop.is_let_in().await);
    }
}

#[tokio::test]
async fn whoever_changed_it_is_told_who_is_still_signed_in() {
    for (others, sentence, link) in [
        (0, "You stay signed in here.", None),
        (1, "1 other session is still signed in.", Some("Review it")),
        (2, "2 other sessions are still signed in.", Some("Review them")),
    ] {
        let town = Town::new();
        let alice = town.with_user("alice").await;
        let laptop = alice.signed_in_on(MAC).await;
        for _ in 0..others {
            alice.signed_in_on(IPHONE).await;
        }

        change(&laptop, PASSWORD, NEW).await;

        let page = laptop.get("/security/password").await.answer();
        assert!(page.says("Your password was changed.") && page.says(sentence), "{others}: {}", page.words());
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
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (laptop, _phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    town.weather(Weather::AwayFor("list"));

    assert_eq!(change(&laptop, PASSWORD, NEW).await.status, 303);

    town.weather(Weather::Fair);
    let page = laptop.get("/security/password").await.answer();
    assert!(page.says("Your password was changed.") && !page.says("signed in."), "{}", page.words());
}

#[tokio::test]
async fn everything_that_can_be_known_of_a_form_is_told_at_once() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let tries = town.asked("attempt");
    let send = async |current: &str, new: &str, again: &str| {
        let form = [("current_password", current), ("new_password", new), ("new_password_again", again)];
        let page = browser.post_form("/security/password", &form).await.answer();
        assert_eq!(page.status, 422);
        page
    };

    let page = send("", "lantern", "Lantern").await;
    for words in [
        "Enter your current password.",
        "does not keep the rules marked below.",
        "The two new passwords are not the same.",
    ] {
        assert_eq!(page.count(words), 1, "{words}: {}", page.words());
    }
    assert_eq!(page.count("Not yet:"), 5, "length, upper case, digit, special character, common: {}", page.words());

    let page = send(PASSWORD, PASSWORD, "").await;
    assert!(page.says("The new password is the same as the current one.") && page.says("Type the new password again."));
    let page = send("", "", "").await;
    assert!(page.says("Enter your current password.") && page.says("Enter a new password."));
    assert!(!page.says("Not yet:"), "what was not typed breaks no rule");
    assert_eq!(town.asked("attempt"), tries, "nothing of this is a guess at the password");
}

#[tokio::test]
async fn the_operator_may_decide_that_they_end_or_stay() {
    for (setting, ticked, words, stays) in [
        ("keep", true, "Your other sessions stay signed in.", true),
        ("end_others", false, "Your other sessions will be signed out.", false),
    ] {
        let town = Town::with(&format!("passwords: {{ after_change: {setting} }}"));
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        assert!(laptop.get("/security/password").await.answer().says(words));

        let body = json!({"current_password": PASSWORD, "new_password": NEW, "end_other_sessions": ticked});
        assert_eq!(laptop.api("PUT", "/password", body).await.status, 204);

        assert_eq!(phone.is_let_in().await, stays, "{setting}");
    }
}

#[tokio::test]
async fn a_password_change_kills_open_links() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let browser = alice.signed_in_on(MAC).await;
    let (link, _) = town.parts.accounts.create_link(alice.id(), portcullis::audit::Actor::Operator).await.unwrap();

    put(&browser, PASSWORD, NEW).await;

    let page = town.stranger().get(&format!("/security/set-password?token={}", link.expose())).await.answer();
    assert_eq!(page.status, 410);
}

#[tokio::test]
async fn nobody_changes_a_password_without_being_signed_in() {
    let town = Town::new();
    town.with_user("alice").await;
    assert_eq!(put(&town.stranger(), PASSWORD, NEW).await.problem(), "sign-in-required");
    assert_eq!(change(&town.stranger(), PASSWORD, NEW).await.status, 303);
    assert_eq!(town.stranger().sign_in("alice", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn programs_that_change_passwords_find_the_page() {
    let town = Town::new();
    let answer = town.stranger().get("/.well-known/change-password").await.answer();
    assert_eq!((answer.status, answer.location()), (302, "/security/password"));
}

#[tokio::test]
async fn the_hub_tells_how_old_it_is() {
    let town = Town::new();
    let browser = town.with_user("alice").await.remembered_on(MAC).await;
    town.advance(3 * crate::town::DAY);
    assert!(browser.get("/security").await.answer().says("Last changed 3 days ago."));
    assert_eq!(browser.api("GET", "/me", Value::Null).await.status, 200);
}
