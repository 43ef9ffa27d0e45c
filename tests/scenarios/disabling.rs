//! What is taken from an account is gone with the next request.

use portcullis::{account::Role, session::Admin};

use crate::town::{IPHONE, MAC, PASSWORD, Person, Town};

async fn disable(person: &Person<'_>) -> usize {
    person
        .town
        .parts
        .accounts
        .disable(person.id(), &Admin::operator(), &"because".parse().unwrap())
        .await
        .unwrap()
        .len()
}

#[tokio::test]
async fn a_disabled_account_loses_everything_at_once() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let bob = town.with_user("bob").await.signed_in_on(MAC).await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);

        assert_eq!(disable(&alice).await, 2);

        assert!(!laptop.is_let_in().await && !phone.is_let_in().await && bob.is_let_in().await);
        assert_eq!(town.metric("sessions_ended_total{reason=\"account_disabled\"}"), 2);
    }
}

#[tokio::test]
async fn a_disabled_account_does_not_sign_in_and_is_told_what_everybody_is() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    disable(&alice).await;

    let answer = town.stranger().sign_in("alice", PASSWORD).await;

    assert_eq!(answer.status, 401);
    let wrong = town.stranger().sign_in("alice", "wrong").await;
    assert_eq!(answer.text_of_any_form(), wrong.text_of_any_form());
}

#[tokio::test]
async fn enabled_it_signs_in_again_and_old_sessions_stay_dead() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let old = alice.signed_in_on(MAC).await;
        disable(&alice).await;

        town.parts.accounts.enable(alice.id(), &Admin::operator(), &"because".parse().unwrap()).await.unwrap();

        assert!(!old.is_let_in().await);
        assert!(alice.signed_in_on(MAC).await.is_let_in().await);
    }
}

#[tokio::test]
async fn a_removed_account_is_unknown() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;

        let ended = town.parts.accounts.remove(alice.id(), &Admin::operator()).await.unwrap();

        assert_eq!(ended.len(), 1);
        assert!(!browser.is_let_in().await);
        assert_eq!(town.stranger().sign_in("alice", PASSWORD).await.status, 401);
        let namesake = town.with_user("alice").await;
        assert_ne!(namesake.id(), alice.id(), "the name is free again, the id is not");
        assert!(!browser.is_let_in().await);
    }
}

#[tokio::test]
async fn roles_count_from_the_next_request_on() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        assert_eq!(browser.get("/admin").await.status(), 403);

        let admin = vec![Role::new("admin").unwrap()];
        town.parts.accounts.set_roles(alice.id(), admin, &Admin::operator()).await.unwrap();
        assert_eq!(browser.get("/admin").await.arrived().person.unwrap().roles, ["admin"]);

        town.parts.accounts.set_roles(alice.id(), Vec::new(), &Admin::operator()).await.unwrap();
        assert_eq!(browser.get("/admin").await.status(), 403);
    }
}

#[tokio::test]
async fn each_of_it_is_in_the_journal() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    alice.signed_in_on(MAC).await;
    disable(&alice).await;
    town.parts.accounts.enable(alice.id(), &Admin::operator(), &"because".parse().unwrap()).await.unwrap();
    town.parts.accounts.set_roles(alice.id(), Vec::new(), &Admin::operator()).await.unwrap();
    town.parts.accounts.remove(alice.id(), &Admin::operator()).await.unwrap();

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
    assert_eq!(town.told(), facts);
    assert!(town.journal().iter().all(|entry| entry.user == Some(alice.id())));
}
