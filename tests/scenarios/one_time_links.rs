//! One-time links that set a password.

use portcullis::{audit::Actor, secret::Token, session::Admin};

use crate::test_app::{DAY, MAC, PASSWORD, SECOND, TestApp, TestResponse, TestUser, one_second_less};

const NEW_PASSWORD: &str = "Ferry-crossing-at-9";

async fn create_link(user: &TestUser<'_>) -> String {
    let (link, _) = user.app.components.accounts.create_link(user.id(), Actor::Operator).await.unwrap();
    link.expose()
}

async fn open_link(app: &TestApp, link: &str) -> TestResponse {
    app.new_browser().get(&format!("/security/set-password?token={link}")).await.response()
}

async fn submit_password(app: &TestApp, link: &str, password: &str) -> TestResponse {
    let form = [("token", link), ("new_password", password), ("new_password_again", password)];
    app.new_browser().post_form("/security/set-password", &form).await.response()
}

#[tokio::test]
async fn a_link_sets_the_first_password() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user_without_password("alice", &[]).await;
        let link = create_link(&alice).await;
        assert!(open_link(&app, &link).await.contains_text("For alice. This link works once."));

        let answer = submit_password(&app, &link, NEW_PASSWORD).await;

        assert_eq!((answer.status, answer.location()), (303, "/security/sign-in?name=alice"));
        assert!(answer.cookie(app.cookie_name()).is_none(), "it signs nobody in");
        let form = app.new_browser().get(answer.location()).await.response();
        assert!(form.text().contains(r#"name="username" value="alice""#), "the name stands in the form");
        assert_eq!(app.new_browser().sign_in("alice", NEW_PASSWORD).await.status, 303);
        assert_eq!(app.audit_events(), ["user_added", "link_made", "password_set", "signed_in"]);
    }
}

#[tokio::test]
async fn the_sign_in_page_says_that_it_is_set() {
    let app = TestApp::new();
    let alice = app.add_user_without_password("alice", &[]).await;
    let link = create_link(&alice).await;
    let browser = app.new_browser();
    let form = [("token", link.as_str()), ("new_password", NEW_PASSWORD), ("new_password_again", NEW_PASSWORD)];
    browser.post_form("/security/set-password", &form).await.response();
    assert!(
        browser.get("/security/sign-in").await.response().contains_text("Your password is set. Sign in with it now.")
    );
}

#[tokio::test]
async fn the_page_names_the_app() {
    let app = TestApp::with_settings("branding: { app_name: Meridian }");
    let alice = app.add_user_without_password("alice", &[]).await;
    let link = create_link(&alice).await;
    assert!(open_link(&app, &link).await.contains_text("Choose a password for Meridian"));
    assert!(open_link(&app, "x").await.text().split_once("<body>").unwrap().1.contains("Meridian"), "a dead link, too");
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once_and_each_thing_once() {
    let app = TestApp::new();
    let alice = app.add_user_without_password("alice", &[]).await;
    let link = create_link(&alice).await;
    let form = [("token", link.as_str()), ("new_password", "lantern"), ("new_password_again", "Lantern")];

    let page = app.new_browser().post_form("/security/set-password", &form).await.response();

    assert_eq!(page.status, 422);
    for words in ["at least 8 characters", "at least one number", "The two new passwords are not the same."] {
        assert_eq!(page.count_text(words), 1, "{words}: {}", page.visible_text());
    }
    assert_eq!(page.count_text("Not yet:"), 5, "{}", page.visible_text());
    assert!(page.contains_text("Please check these 2 fields"));

    let page = submit_password(&app, &link, "alice12345").await;
    assert_eq!(page.count_text("Not yet:"), 4, "upper case, special character, common, name: {}", page.visible_text());
    let page = submit_password(&app, &link, "Alice-12345").await;
    assert_eq!(page.count_text("Not yet:"), 1, "{}", page.visible_text());
}

#[tokio::test]
async fn a_notice_stands_below_the_mark_and_the_heading() {
    let app = TestApp::new();
    let alice = app.add_user_without_password("alice", &[]).await;
    let link = create_link(&alice).await;
    let browser = app.new_browser();
    let form = [("token", link.as_str()), ("new_password", NEW_PASSWORD), ("new_password_again", NEW_PASSWORD)];
    browser.post_form("/security/set-password", &form).await.response();

    let page = browser.get("/security/sign-in").await.response();

    let place = |what: &str| page.text().find(what).unwrap_or_else(|| panic!("no {what}"));
    assert!(place("class=\"mark\"") < place("<h1") && place("<h1") < place("role=\"status\""));
}

#[tokio::test]
async fn it_works_once() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user_without_password("alice", &[]).await;
        let link = create_link(&alice).await;
        assert_eq!(submit_password(&app, &link, NEW_PASSWORD).await.status, 303);

        let again = submit_password(&app, &link, "Harbour-bridge-4").await;

        assert_eq!((again.status, open_link(&app, &link).await.status), (410, 410));
        assert!(again.contains_text("This link no longer works"));
        assert_eq!(app.new_browser().sign_in("alice", "Harbour-bridge-4").await.status, 401);
    }
}

#[tokio::test]
async fn of_two_at_once_one_wins() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user_without_password("alice", &[]).await;
        let link = create_link(&alice).await;
        let (one, two) =
            tokio::join!(submit_password(&app, &link, NEW_PASSWORD), submit_password(&app, &link, "Harbour-bridge-4"));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 410]);
    }
}

#[tokio::test]
async fn looking_at_it_does_not_use_it_up() {
    let app = TestApp::new();
    let alice = app.add_user_without_password("alice", &[]).await;
    let link = create_link(&alice).await;
    for _ in 0..3 {
        assert_eq!(open_link(&app, &link).await.status, 200);
    }
    assert_eq!(submit_password(&app, &link, "short").await.status, 422, "nor does a password that breaks the rules");
    assert_eq!(submit_password(&app, &link, NEW_PASSWORD).await.status, 303);
}

#[tokio::test]
async fn it_expires() {
    let app = TestApp::new();
    let alice = app.add_user_without_password("alice", &[]).await;
    let link = create_link(&alice).await;
    app.advance(one_second_less(DAY));
    assert_eq!(open_link(&app, &link).await.status, 200);
    app.advance(SECOND);
    assert_eq!(
        (open_link(&app, &link).await.status, submit_password(&app, &link, NEW_PASSWORD).await.status),
        (410, 410)
    );
}

#[tokio::test]
async fn a_newer_link_replaces_it() {
    let app = TestApp::new();
    let alice = app.add_user_without_password("alice", &[]).await;
    let (old, new) = (create_link(&alice).await, create_link(&alice).await);
    assert_eq!((open_link(&app, &old).await.status, open_link(&app, &new).await.status), (410, 200));
}

#[tokio::test]
async fn what_never_was_a_link_looks_like_a_dead_one() {
    let app = TestApp::new();
    for link in [Token::mint().expose().as_str(), "x", "", "%ff", "%22%3e%3cscript%3e"] {
        let page = open_link(&app, link).await;
        assert!(matches!(page.status, 410 | 400), "{link}: {}", page.status);
    }
    assert_eq!(app.new_browser().get("/security/set-password").await.response().status, 410);
}

#[tokio::test]
async fn it_ends_the_sessions_that_the_old_password_opened() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        let link = create_link(&alice).await;

        assert_eq!(submit_password(&app, &link, NEW_PASSWORD).await.status, 303);

        assert!(!browser.reaches_app().await);
        assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.status, 401);
    }
}

#[tokio::test]
async fn it_does_not_open_a_disabled_account() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let link = create_link(&alice).await;
    app.components.accounts.disable(alice.id(), &Admin::operator(), &"because".parse().unwrap()).await.unwrap();

    submit_password(&app, &link, NEW_PASSWORD).await;

    assert_eq!(app.new_browser().sign_in("alice", NEW_PASSWORD).await.status, 401);
}

#[tokio::test]
async fn a_link_of_a_removed_account_is_dead() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let link = create_link(&alice).await;
    app.components.accounts.remove(alice.id(), &Admin::operator()).await.unwrap();
    assert_eq!(submit_password(&app, &link, NEW_PASSWORD).await.status, 410);
}

#[tokio::test]
async fn whoever_was_locked_out_gets_in_after_setting_a_new_password() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    for _ in 0..5 {
        app.new_browser().sign_in("alice", "wrong").await;
    }
    assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.status, 429, "locked out");

    submit_password(&app, &create_link(&alice).await, NEW_PASSWORD).await;

    assert_eq!(app.new_browser().sign_in("alice", NEW_PASSWORD).await.status, 303);
}
