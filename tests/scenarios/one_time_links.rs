//! One-time links that set a password.

use portcullis::{audit::Actor, secret::Token, session::Admin};

use crate::town::{Answer, DAY, MAC, PASSWORD, Person, SECOND, Town, just_under};

const NEW: &str = "Ferry-crossing-at-9";

async fn link_for(person: &Person<'_>) -> String {
    let (link, _) = person.town.parts.accounts.create_link(person.id(), Actor::Operator).await.unwrap();
    link.expose()
}

async fn look(town: &Town, link: &str) -> Answer {
    town.stranger().get(&format!("/security/set-password?token={link}")).await.answer()
}

async fn choose(town: &Town, link: &str, password: &str) -> Answer {
    let form = [("token", link), ("new_password", password), ("new_password_again", password)];
    town.stranger().post_form("/security/set-password", &form).await.answer()
}

#[tokio::test]
async fn a_link_sets_the_first_password() {
    for town in Town::on_each_store() {
        let alice = town.with_user_without_password("alice", &[]).await;
        let link = link_for(&alice).await;
        assert!(look(&town, &link).await.says("For alice. This link works once."));

        let answer = choose(&town, &link, NEW).await;

        assert_eq!((answer.status, answer.location()), (303, "/security/sign-in?name=alice"));
        assert!(answer.cookie(town.cookie()).is_none(), "it signs nobody in");
        let form = town.stranger().get(answer.location()).await.answer();
        assert!(form.text().contains(r#"name="username" value="alice""#), "the name stands in the form");
        assert_eq!(town.stranger().sign_in("alice", NEW).await.status, 303);
        assert_eq!(town.told(), ["user_added", "link_made", "password_set", "signed_in"]);
    }
}

#[tokio::test]
async fn the_sign_in_page_says_that_it_is_set() {
    let town = Town::new();
    let alice = town.with_user_without_password("alice", &[]).await;
    let link = link_for(&alice).await;
    let browser = town.stranger();
    let form = [("token", link.as_str()), ("new_password", NEW), ("new_password_again", NEW)];
    browser.post_form("/security/set-password", &form).await.answer();
    assert!(browser.get("/security/sign-in").await.answer().says("Your password is set. Sign in with it now."));
}

#[tokio::test]
async fn the_page_names_the_app() {
    let town = Town::with("branding: { app_name: Meridian }");
    let alice = town.with_user_without_password("alice", &[]).await;
    let link = link_for(&alice).await;
    assert!(look(&town, &link).await.says("Choose a password for Meridian"));
    assert!(look(&town, "x").await.text().split_once("<body>").unwrap().1.contains("Meridian"), "a dead link, too");
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once_and_each_thing_once() {
    let town = Town::new();
    let alice = town.with_user_without_password("alice", &[]).await;
    let link = link_for(&alice).await;
    let form = [("token", link.as_str()), ("new_password", "lantern"), ("new_password_again", "Lantern")];

    let page = town.stranger().post_form("/security/set-password", &form).await.answer();

    assert_eq!(page.status, 422);
    for words in ["at least 8 characters", "at least one number", "The two new passwords are not the same."] {
        assert_eq!(page.count(words), 1, "{words}: {}", page.words());
    }
    assert_eq!(page.count("Not yet:"), 5, "{}", page.words());
    assert!(page.says("Please check these 2 fields"));

    let page = choose(&town, &link, "alice12345").await;
    assert_eq!(page.count("Not yet:"), 4, "upper case, special character, common, name: {}", page.words());
    let page = choose(&town, &link, "Alice-12345").await;
    assert_eq!(page.count("Not yet:"), 1, "{}", page.words());
}

#[tokio::test]
async fn a_notice_stands_below_the_mark_and_the_heading() {
    let town = Town::new();
    let alice = town.with_user_without_password("alice", &[]).await;
    let link = link_for(&alice).await;
    let browser = town.stranger();
    let form = [("token", link.as_str()), ("new_password", NEW), ("new_password_again", NEW)];
    browser.post_form("/security/set-password", &form).await.answer();

    let page = browser.get("/security/sign-in").await.answer();

    let place = |what: &str| page.text().find(what).unwrap_or_else(|| panic!("no {what}"));
    assert!(place("class=\"mark\"") < place("<h1") && place("<h1") < place("role=\"status\""));
}

#[tokio::test]
async fn it_works_once() {
    for town in Town::on_each_store() {
        let alice = town.with_user_without_password("alice", &[]).await;
        let link = link_for(&alice).await;
        assert_eq!(choose(&town, &link, NEW).await.status, 303);

        let again = choose(&town, &link, "Harbour-bridge-4").await;

        assert_eq!((again.status, look(&town, &link).await.status), (410, 410));
        assert!(again.says("This link no longer works"));
        assert_eq!(town.stranger().sign_in("alice", "Harbour-bridge-4").await.status, 401);
    }
}

#[tokio::test]
async fn of_two_at_once_one_wins() {
    for town in Town::on_each_store() {
        let alice = town.with_user_without_password("alice", &[]).await;
        let link = link_for(&alice).await;
        let (one, two) = tokio::join!(choose(&town, &link, NEW), choose(&town, &link, "Harbour-bridge-4"));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 410]);
    }
}

#[tokio::test]
async fn looking_at_it_does_not_use_it_up() {
    let town = Town::new();
    let alice = town.with_user_without_password("alice", &[]).await;
    let link = link_for(&alice).await;
    for _ in 0..3 {
        assert_eq!(look(&town, &link).await.status, 200);
    }
    assert_eq!(choose(&town, &link, "short").await.status, 422, "nor does a password that breaks the rules");
    assert_eq!(choose(&town, &link, NEW).await.status, 303);
}

#[tokio::test]
async fn it_expires() {
    let town = Town::new();
    let alice = town.with_user_without_password("alice", &[]).await;
    let link = link_for(&alice).await;
    town.advance(just_under(DAY));
    assert_eq!(look(&town, &link).await.status, 200);
    town.advance(SECOND);
    assert_eq!((look(&town, &link).await.status, choose(&town, &link, NEW).await.status), (410, 410));
}

#[tokio::test]
async fn a_newer_link_replaces_it() {
    let town = Town::new();
    let alice = town.with_user_without_password("alice", &[]).await;
    let (old, new) = (link_for(&alice).await, link_for(&alice).await);
    assert_eq!((look(&town, &old).await.status, look(&town, &new).await.status), (410, 200));
}

#[tokio::test]
async fn what_never_was_a_link_looks_like_a_dead_one() {
    let town = Town::new();
    for link in [Token::mint().expose().as_str(), "x", "", "%ff", "%22%3e%3cscript%3e"] {
        let page = look(&town, link).await;
        assert!(matches!(page.status, 410 | 400), "{link}: {}", page.status);
    }
    assert_eq!(town.stranger().get("/security/set-password").await.answer().status, 410);
}

#[tokio::test]
async fn it_ends_the_sessions_that_the_old_password_opened() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        let link = link_for(&alice).await;

        assert_eq!(choose(&town, &link, NEW).await.status, 303);

        assert!(!browser.is_let_in().await);
        assert_eq!(town.stranger().sign_in("alice", PASSWORD).await.status, 401);
    }
}

#[tokio::test]
async fn it_does_not_open_a_disabled_account() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let link = link_for(&alice).await;
    town.parts.accounts.disable(alice.id(), &Admin::operator(), &"because".parse().unwrap()).await.unwrap();

    choose(&town, &link, NEW).await;

    assert_eq!(town.stranger().sign_in("alice", NEW).await.status, 401);
}

#[tokio::test]
async fn a_link_of_a_removed_account_is_dead() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let link = link_for(&alice).await;
    town.parts.accounts.remove(alice.id(), &Admin::operator()).await.unwrap();
    assert_eq!(choose(&town, &link, NEW).await.status, 410);
}

#[tokio::test]
async fn whoever_was_locked_out_gets_in_after_setting_a_new_password() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    for _ in 0..5 {
        town.stranger().sign_in("alice", "wrong").await;
    }
    assert_eq!(town.stranger().sign_in("alice", PASSWORD).await.status, 429, "locked out");

    choose(&town, &link_for(&alice).await, NEW).await;

    assert_eq!(town.stranger().sign_in("alice", NEW).await.status, 303);
}
