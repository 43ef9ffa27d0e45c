//! A form that is sent twice acts once: the second press is led where the first was, and nothing is told again.

use portcullis::audit::Actor;

use crate::town::{Answer, Browser, HOUR, MAC, MINUTE, PASSWORD, SECOND, Town};

pub(crate) const NEW: &str = "Ferry-crossing-at-9";

/// The token of the form on this page, as the browser is shown it.
pub(crate) async fn token_on(browser: &Browser<'_>, page: &str) -> String {
    let page = browser.get(page).await.answer();
    let field = "name=\"form\" value=\"";
    let (_, rest) = page.text().split_once(field).unwrap_or_else(|| panic!("no token on {}", page.text()));
    rest.split('"').next().unwrap().to_owned()
}

pub(crate) async fn press(browser: &Browser<'_>, place: &str, form: &[(&str, &str)]) -> Answer {
    browser.post_form(place, form).await.answer()
}

/// The form that changes a password.
pub(crate) fn change<'a>(token: &'a str, from: &'a str, to: &'a str) -> [(&'a str, &'a str); 4] {
    [("form", token), ("current_password", from), ("new_password", to), ("new_password_again", to)]
}

pub(crate) fn count(town: &Town, told: &str) -> usize {
    town.told().into_iter().filter(|name| *name == told).count()
}

#[tokio::test]
async fn a_session_that_has_ended_is_not_opened_again_by_its_form() {
    for town in Town::on_each_store() {
        town.with_user("alice").await;
        let browser = town.stranger();
        let token = token_on(&browser, "/security/sign-in").await;
        let form = [("form", token.as_str()), ("username", "alice"), ("password", PASSWORD)];
        press(&browser, "/security/sign-in", &form).await;
        let (stolen, key) = (browser.copy(), browser.key());
        press(&browser, "/security/sign-out", &[]).await;

        // Back, and pressed again: another sign-in.
        for _ in 0..2 {
            assert_eq!(press(&browser, "/security/sign-in", &form).await.status, 303);
            assert!(browser.is_let_in().await);
            assert_ne!(browser.key(), key);
            assert!(!stolen.copy().is_let_in().await);
            press(&browser, "/security/sign-out", &[]).await;
        }
    }
}

#[tokio::test]
async fn a_token_is_good_for_its_browser_its_place_and_an_hour() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let browser = town.stranger();
    let token = token_on(&browser, "/security/sign-in").await;
    let form = |token: &str| [("form", token.to_owned()), ("username", "alice".into()), ("password", PASSWORD.into())];
    let sign_in = async |browser: &Browser<'_>, token: &str| {
        let form = form(token);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(press(browser, "/security/sign-in", &form).await.status, 303);
        browser.key()
    };
    let first = sign_in(&browser.copy(), &token).await;
    assert_eq!(sign_in(&browser.copy(), &token).await, first);

    let elsewhere = town.stranger();
    assert_ne!(sign_in(&elsewhere, &token).await, first, "a browser without a name");
    let other = town.stranger();
    token_on(&other, "/security/sign-in").await;
    assert_ne!(sign_in(&other, &token).await, first, "another browser");
    let of_another_place = {
        let known = alice.signed_in_on(MAC).await;
        token_on(&known, "/security/password").await
    };
    for bad in ["", "x", "1.2.3", &token[1..], &format!("{token}x"), &of_another_place] {
        assert_ne!(sign_in(&browser.copy(), bad).await, first, "{bad}");
    }
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts[0] = (parts[0].parse::<i64>().unwrap() + 1).to_string();
    assert_ne!(sign_in(&browser.copy(), &parts.join(".")).await, first, "another time");
    town.advance(HOUR + SECOND);
    assert_ne!(sign_in(&browser.copy(), &token).await, first, "an hour later");
}

#[tokio::test]
async fn a_corrected_form_is_another_one() {
    let town = Town::new();
    town.with_user("alice").await;
    let browser = town.stranger();
    let token = token_on(&browser, "/security/sign-in").await;
    let form = |password| [("form", token.as_str()), ("username", "alice"), ("password", password)];
    assert_eq!(press(&browser, "/security/sign-in", &form("wrong")).await.status, 401);
    // Back, with the page as it was.
    assert_eq!(press(&browser, "/security/sign-in", &form(PASSWORD)).await.status, 303);
    assert!(browser.is_let_in().await);

    let token = token_on(&browser, "/security/password").await;
    let form = |current, again| {
        [("form", token.as_str()), ("current_password", current), ("new_password", NEW), ("new_password_again", again)]
    };
    assert_eq!(press(&browser, "/security/password", &form("wrong", NEW)).await.status, 401);
    assert_eq!(press(&browser, "/security/password", &form(PASSWORD, "other")).await.status, 422);
    assert_eq!(press(&browser, "/security/password", &form(PASSWORD, NEW)).await.status, 303);
}

#[tokio::test]
async fn a_password_is_changed_once_and_nobody_is_signed_out_by_it() {
    for town in Town::on_each_store() {
        let browser = town.with_user("alice").await.remembered_on(MAC).await;
        let token = token_on(&browser, "/security/password").await;
        let form = change(&token, PASSWORD, NEW);
        let (one, other) = (browser.copy(), browser.copy());
        let first = press(&one, "/security/password", &form).await;
        assert_eq!((first.status, first.location()), (303, "/security/password"));
        let told = one.get("/security/password").await.answer();
        assert!(told.says("Your password was changed"));
        // This window has not had the answer, nor the session's new key.
        for window in [&other, &other, &one] {
            let again = press(window, "/security/password", &form).await;
            assert_eq!((again.status, again.location()), (303, "/security/password"));
            assert!(!window.get("/security/password").await.answer().says("Your password was changed"), "told once");
        }
        let kept = |window: &Browser<'_>| {
            window.close();
            window.key()
        };
        assert_eq!(kept(&one), kept(&other), "remembered as before");
        assert_eq!((count(&town, "password_changed"), count(&town, "password_change_failed")), (1, 0));
        town.advance(MINUTE);
        assert!(one.is_let_in().await && other.is_let_in().await);
    }
}

#[tokio::test]
async fn a_form_that_is_sent_again_after_another_change_changes_the_password_again() {
    for town in Town::on_each_store() {
        let browser = town.with_user("alice").await.signed_in_on(MAC).await;
        let token = token_on(&browser, "/security/password").await;
        let change = async |token: &str, from: &str, to: &str| {
            let form = [("form", token), ("current_password", from), ("new_password", to), ("new_password_again", to)];
            press(&browser, "/security/password", &form).await
        };
        assert_eq!(change(&token, PASSWORD, NEW).await.status, 303);
        let first = browser.key();
        let back = token_on(&browser, "/security/password").await;
        assert_eq!(change(&back, NEW, PASSWORD).await.status, 303);

        let again = change(&token, PASSWORD, NEW).await;
        assert_eq!((again.status, again.location()), (303, "/security/password"));
        assert_eq!(count(&town, "password_changed"), 3, "what is acknowledged is done");
        assert_ne!(browser.key(), first, "no secret comes back");
        assert_eq!(change(&back, "wrong", PASSWORD).await.status, 401);
    }
}

#[tokio::test]
async fn sessions_are_ended_once_and_it_is_told_once() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        let one = alice.signed_in_on(MAC).await.session();
        alice.signed_in_on(MAC).await;
        alice.signed_in_on(MAC).await;
        let end_one = format!("/security/sessions/{one}/sign-out");
        for (place, next, told) in [
            (end_one.as_str(), "/security/sessions", Some("Signed out 1 session")),
            ("/security/sessions/sign-out-others", "/security/sessions", Some("Signed out 2 sessions")),
            ("/security/sessions/sign-out-all", "/security/signed-out", None),
        ] {
            let token = token_on(&browser, place).await;
            let form = [("form", token.as_str())];
            let second = browser.copy();
            let answer = press(&browser, place, &form).await;
            assert_eq!((answer.status, answer.location()), (303, next));
            if let Some(told) = told {
                assert!(browser.get(next).await.answer().says(told), "{place}");
            }
            let ended = count(&town, "session_ended");
            // With what the first answer took from the browser, and without.
            for (window, shows_an_ended_one) in [(&second, told.is_none()), (&browser, false)] {
                let again = press(window, place, &form).await;
                assert_eq!((again.status, again.location()), (303, next), "{place}");
                assert!(!window.get(next).await.answer().says("Signed out 2"), "{place}: told once");
                assert_eq!(again.cookies().is_empty(), !shows_an_ended_one, "{place}: {:?}", again.cookies());
                assert_eq!(window.cookie(town.cookie()).is_some(), told.is_some(), "{place}: it is taken away");
            }
            assert_eq!(count(&town, "session_ended"), ended, "{place}");
        }
        assert_eq!(press(&browser, "/security/sign-out", &[]).await.location(), "/security/signed-out");
    }
}

#[tokio::test]
async fn a_token_ends_what_its_page_named_and_nothing_is_acknowledged_that_did_not_end() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        let (one, other) = (alice.signed_in_on(MAC).await, alice.signed_in_on(MAC).await);
        let end = |it: &Browser<'_>| format!("/security/sessions/{}/sign-out", it.session());
        let token = token_on(&browser, &end(&one)).await;
        let form = [("form", token.as_str())];
        assert_eq!(press(&browser, &end(&one), &form).await.location(), "/security/sessions");
        assert_eq!(press(&browser, &end(&other), &form).await.location(), "/security/sessions");
        assert!(!other.is_let_in().await, "the end of another session was acknowledged");
    }
}

#[tokio::test]
async fn a_form_that_is_sent_again_ends_what_has_begun_since() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        alice.signed_in_on(MAC).await;
        let place = "/security/sessions/sign-out-others";
        let token = token_on(&browser, place).await;
        for _ in 0..2 {
            let later = alice.signed_in_on(MAC).await;
            assert_eq!(press(&browser, place, &[("form", &token)]).await.location(), "/security/sessions");
            assert!(!later.is_let_in().await);
            assert!(browser.get("/security/sessions").await.answer().says("Signed out"));
        }
    }
}

#[tokio::test]
async fn a_token_is_of_one_session() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        let place = "/security/sessions/sign-out-all";
        let token = token_on(&browser, place).await;
        assert_eq!(press(&browser, place, &[("form", &token)]).await.location(), "/security/signed-out");
        // The same browser, signed in once more, with the page of before.
        let sign_in = [("username", "alice"), ("password", PASSWORD)];
        press(&browser, "/security/sign-in", &sign_in).await;
        assert!(browser.is_let_in().await);
        assert_eq!(press(&browser, place, &[("form", &token)]).await.location(), "/security/signed-out");
        assert!(!browser.is_let_in().await, "acknowledged, and so done");
    }
}

#[tokio::test]
async fn the_form_of_somebody_else_does_nothing_to_whoever_is_signed_in_now() {
    for town in Town::on_each_store() {
        let (alice, bob) = (town.with_user("alice").await, town.with_user("bob").await);
        let (browser, _other) = (alice.signed_in_on(MAC).await, alice.signed_in_on(MAC).await);
        let elsewhere = bob.signed_in_on(MAC).await;
        let places = ["/security/sessions/sign-out-all", "/security/sessions/sign-out-others", "/security/password"];
        let mut hers = Vec::new();
        for place in places {
            hers.push((place, token_on(&browser, place).await));
        }
        press(&browser, "/security/sign-out", &[]).await;
        press(&browser, "/security/sign-in", &[("username", "bob"), ("password", PASSWORD)]).await;
        for (place, token) in hers {
            let form = [("form", token.as_str()), ("current_password", "of-alice"), ("new_password", NEW)];
            let answer = press(&browser, place, &form).await;
            assert_eq!((answer.status, answer.location()), (303, place), "it asks anew, for whoever is here");
        }
        assert!(browser.is_let_in().await && elsewhere.is_let_in().await);
        assert_eq!(count(&town, "password_change_failed"), 0);
    }
}

#[tokio::test]
async fn what_the_store_keeps_of_forms_is_bounded() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        alice.signed_in_on(MAC).await;
        let place = "/security/sessions/sign-out-others";
        let token = token_on(&browser, place).await;
        for count in 0..80 {
            let count = count.to_string();
            let answer = press(&browser, place, &[("form", &token), ("n", &count)]).await;
            assert_eq!(answer.location(), "/security/sessions", "it acts all the same");
        }
        let done = town.asked("attempt");
        press(&browser, place, &[("form", &token), ("n", "more")]).await;
        assert_eq!(town.asked("attempt"), done + 1, "nothing is claimed beyond the bound, and nothing noted as done");

        let form =
            [("form", token_on(&browser, "/security/password").await), ("current_password", PASSWORD.to_owned())];
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let refused = press(&browser, "/security/password", &form).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some("3600")), "until it claims again");
        assert!(refused.says("Too many attempts"));

        let gone = browser.copy();
        press(&browser, "/security/sign-out", &[]).await;
        let before = town.asked("attempt");
        for count in 0..20 {
            let count = count.to_string();
            press(&gone, place, &[("form", &token), ("n", &count)]).await;
        }
        assert_eq!(town.asked("attempt"), before, "who is not signed in writes nothing");
    }
}

#[tokio::test]
async fn nobody_learns_by_a_form_whether_a_session_of_somebody_else_lives() {
    for town in Town::on_each_store() {
        let victim = town.with_user("alice").await.remembered_on(MAC).await;
        let mallory = town.with_user("mallory").await.signed_in_on(MAC).await;
        let token = token_on(&mallory, "/security/password").await;
        let form = change(&token, PASSWORD, NEW);
        assert_eq!(press(&mallory, "/security/password", &form).await.status, 303);
        let (alice, own) = (victim.key(), mallory.key());
        let (id, secret) = (alice.split_once('.').unwrap().0, own.split_once('.').unwrap().1);
        mallory.puts_into_jar(town.cookie(), &format!("{id}.{secret}"));
        let answer = press(&mallory, "/security/password", &form).await;
        assert!(answer.cookies().is_empty(), "{:?}", answer.cookies());
        assert!(victim.is_let_in().await);
    }
}

#[tokio::test]
async fn the_session_in_use_is_ended_once() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let place = format!("/security/sessions/{}/sign-out", browser.session());
    let token = token_on(&browser, &place).await;
    for _ in 0..2 {
        let answer = press(&browser, &place, &[("form", &token)]).await;
        assert_eq!((answer.status, answer.location()), (303, "/security/signed-out"));
    }
    assert_eq!(count(&town, "session_ended"), 1);
}

#[tokio::test]
async fn a_link_works_once_and_its_form_is_answered_twice() {
    for town in Town::on_each_store() {
        let alice = town.with_user_without_password("alice", &[]).await;
        let (link, _) = town.parts.accounts.create_link(alice.id(), Actor::Operator).await.unwrap();
        let link = link.expose();
        let browser = town.stranger();
        let token = token_on(&browser, &format!("/security/set-password?token={link}")).await;
        let form = [
            ("form", token.as_str()),
            ("username", "alice"),
            ("token", &link),
            ("new_password", NEW),
            ("new_password_again", NEW),
        ];
        let answer = press(&browser, "/security/set-password", &form).await;
        assert_eq!((answer.status, answer.location()), (303, "/security/sign-in?name=alice"));
        assert!(browser.get("/security/sign-in").await.answer().says("Your password is set"));

        let again = press(&browser, "/security/set-password", &form).await;
        assert_eq!((again.status, again.location()), (303, "/security/sign-in?name=alice"));
        assert!(!browser.get("/security/sign-in").await.answer().says("Your password is set"), "told once");
        assert_eq!(count(&town, "password_set"), 1);
        // With another content, or in another browser, the link is used up.
        let mut another = form;
        (another[2].1, another[3].1) = (PASSWORD, PASSWORD);
        assert_eq!(press(&browser, "/security/set-password", &another).await.status, 410);
        assert_eq!(press(&town.stranger(), "/security/set-password", &form).await.status, 410);
        assert_eq!(browser.get(&format!("/security/set-password?token={link}")).await.answer().status, 410);
    }
}
