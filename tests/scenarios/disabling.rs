//! What is taken from an account is gone with the next request.

use portcullis::{account::Role, session::Admin};

use crate::test_app::{IPHONE, MAC, PASSWORD, TestApp, TestUser};

async fn disable(user: &TestUser<'_>) -> usize {
    user.app
        .components
        .accounts
        .disable(user.id(), &Admin::operator(), &"because".parse().unwrap())
        .await
        .unwrap()
        .len()
}

#[tokio::test]
async fn a_disabled_account_loses_everything_at_once() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let bob = app.add_user("bob").await.signed_in_on(MAC).await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);

        assert_eq!(disable(&alice).await, 2);

        assert!(!laptop.reaches_app().await && !phone.reaches_app().await && bob.reaches_app().await);
        assert_eq!(app.metric("sessions_ended_total{reason=\"account_disabled\"}"), 2);
    }
}

#[tokio::test]
async fn a_disabled_account_does_not_sign_in_and_is_told_what_everybody_is() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    disable(&alice).await;

    let answer = app.new_browser().sign_in("alice", PASSWORD).await;

    assert_eq!(answer.status, 401);
    let wrong = app.new_browser().sign_in("alice", "wrong").await;
    assert_eq!(answer.text_without_form_token(), wrong.text_without_form_token());
}

#[tokio::test]
async fn enabled_it_signs_in_again_and_old_sessions_stay_dead() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let old = alice.signed_in_on(MAC).await;
        disable(&alice).await;

        app.components.accounts.enable(alice.id(), &Admin::operator(), &"because".parse().unwrap()).await.unwrap();

        assert!(!old.reaches_app().await);
        assert!(alice.signed_in_on(MAC).await.reaches_app().await);
    }
}

#[tokio::test]
async fn a_removed_account_is_unknown() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;

        let ended = app.components.accounts.remove(alice.id(), &Admin::operator()).await.unwrap();

        assert_eq!(ended.len(), 1);
        assert!(!browser.reaches_app().await);
        assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.status, 401);
        let namesake = app.add_user("alice").await;
        assert_ne!(namesake.id(), alice.id(), "the name is free again, the id is not");
        assert!(!browser.reaches_app().await);
    }
}

#[tokio::test]
async fn roles_count_from_the_next_request_on() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        assert_eq!(browser.get("/admin").await.status(), 403);

        let admin = vec![Role::new("admin").unwrap()];
        app.components.accounts.set_roles(alice.id(), admin, &Admin::operator()).await.unwrap();
        assert_eq!(browser.get("/admin").await.forwarded().user.unwrap().roles, ["admin"]);

        app.components.accounts.set_roles(alice.id(), Vec::new(), &Admin::operator()).await.unwrap();
        assert_eq!(browser.get("/admin").await.status(), 403);
    }
}

#[tokio::test]
async fn each_of_it_is_in_the_journal() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    alice.signed_in_on(MAC).await;
    disable(&alice).await;
    app.components.accounts.enable(alice.id(), &Admin::operator(), &"because".parse().unwrap()).await.unwrap();
    app.components.accounts.set_roles(alice.id(), Vec::new(), &Admin::operator()).await.unwrap();
    app.components.accounts.remove(alice.id(), &Admin::operator()).await.unwrap();

    let facts = [
        "user_added",
        "password_set",
        "signed_in",
        "user_disabled",
        "session_ended",
        "user_enabled",
        "roles_changed",
        "user_removed",
    ];
    assert_eq!(app.audit_events(), facts);
    assert!(app.audit_entries().iter().all(|entry| entry.user == Some(alice.id())));
}
