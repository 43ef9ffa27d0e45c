//! A lockout keeps strangers out, and not the owner: a device that the account has signed in from before has tries of its
//! own. And it tells strangers nothing about whose name is whose address.

use portcullis::{audit::Actor, session::Admin};
use serde_json::json;

use crate::town::{Browser, DAY, MAC, MINUTE, PASSWORD, Town};

async fn fails(browser: &Browser<'_>, name: &str, times: usize) {
    for _ in 0..times {
        assert_eq!(browser.sign_in(name, "wrong").await.status, 401, "{name}");
    }
}

/// Signed in before, signed out since.
async fn known_browser<'t>(town: &'t Town, name: &str) -> Browser<'t> {
    let browser = town.stranger();
    assert_eq!(browser.sign_in(name, PASSWORD).await.status, 303);
    browser.post_form("/security/sign-out", &[]).await.answer();
    browser
}

#[tokio::test]
async fn a_strangers_tries_do_not_keep_the_owner_out_of_a_known_device() {
    for town in Town::on_each_store() {
        town.with_user("alice").await;
        let known = known_browser(&town, "alice").await;
        fails(&town.stranger(), "alice", 5).await;
        assert_eq!(town.stranger().sign_in("alice", PASSWORD).await.status, 429, "a new device waits");
        assert_eq!(known.sign_in("alice", PASSWORD).await.status, 303, "a known one does not");
        assert_eq!(town.stranger().sign_in("alice", PASSWORD).await.status, 429, "and opens it for nobody else");
    }
}

#[tokio::test]
async fn a_known_device_has_tries_of_its_own_and_no_more() {
    let town = Town::new();
    town.with_user("alice").await;
    let known = known_browser(&town, "alice").await;
    fails(&known, "alice", 5).await;
    assert_eq!(known.sign_in("alice", PASSWORD).await.status, 429);
    assert_eq!(town.stranger().sign_in("alice", PASSWORD).await.status, 429, "they count for everybody");
    assert_eq!(town.metric("lockouts_total{scope=\"device\"}"), 1);
    town.advance(30 * MINUTE);
    assert_eq!(known.sign_in("alice", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn a_device_is_known_to_its_own_account_only() {
    let town = Town::new();
    town.with_user("alice").await;
    town.with_user("mallory").await;
    let mallorys = known_browser(&town, "mallory").await;
    fails(&mallorys, "alice", 5).await;
    assert_eq!(mallorys.sign_in("alice", PASSWORD).await.status, 429);
}

#[tokio::test]
async fn a_stopped_address_does_not_stop_a_known_device_on_it() {
    let town = Town::on_http();
    town.with_user("alice").await;
    let known = known_browser(&town, "alice").await;
    for number in 0..50 {
        town.stranger().sign_in(&format!("name{number}"), "wrong").await;
    }
    assert_eq!(town.stranger().sign_in("alice", PASSWORD).await.status, 429);
    assert_eq!(known.sign_in("alice", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn a_strangers_tries_do_not_keep_the_owner_from_changing_the_password() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    fails(&town.stranger(), "alice", 5).await;
    let body = json!({"current_password": PASSWORD, "new_password": "Ferry-crossing-at-9"});
    assert_eq!(browser.api("PUT", "/password", body).await.status, 204);
}

#[tokio::test]
async fn a_change_of_the_password_is_counted_by_its_session() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (bare, other) = (town.stranger(), alice.signed_in_on(MAC).await);
        bare.puts_into_jar(town.cookie(), &alice.signed_in_on(MAC).await.key());
        fails(&town.stranger(), "alice", 5).await;
        let change = |current| json!({"current_password": current, "new_password": "Ferry-crossing-at-9"});
        for _ in 0..5 {
            assert_eq!(other.api("PUT", "/password", change("wrong")).await.problem(), "wrong-password");
        }
        assert_eq!(other.api("PUT", "/password", change(PASSWORD)).await.status, 429, "its own tries close it");
        town.parts.accounts.unlock(&alice.account, &Admin::operator(), &"because".parse().unwrap()).await.unwrap();
        assert_eq!(other.api("PUT", "/password", change("wrong")).await.problem(), "wrong-password", "unlocked");
        fails(&town.stranger(), "alice", 4).await;
        assert_eq!(town.stranger().sign_in("alice", PASSWORD).await.status, 429, "its failures count for the account");
        assert_eq!(bare.api("PUT", "/password", change(PASSWORD)).await.status, 204, "without a device cookie");
    }
}

#[tokio::test]
async fn wrong_current_passwords_count_towards_the_lockout() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let body = json!({"current_password": "wrong", "new_password": "Ferry-crossing-at-9"});
    for _ in 0..5 {
        assert_eq!(browser.api("PUT", "/password", body.clone()).await.problem(), "wrong-password");
    }
    assert_eq!(browser.api("PUT", "/password", body).await.status, 429);
    assert_eq!(town.stranger().sign_in("alice", PASSWORD).await.status, 429);
}

/// What one stranger may learn by trying a name, and then an address that may or may not be its.
#[tokio::test]
async fn a_lockout_does_not_tell_whose_address_it_is() {
    let town = Town::new();
    town.with_user("alice").await;
    town.with_user("bob").await;
    let hashes = || town.metric("password_hash_seconds_count");
    fails(&town.stranger(), "alice", 5).await;
    for address in ["alice@example.com", "bob@example.com", "nobody@example.com"] {
        let before = hashes();
        fails(&town.stranger(), address, 5).await;
        assert_eq!(hashes(), before + 5, "{address}: at the same cost");
        assert_eq!(town.stranger().sign_in(address, "wrong").await.status, 429, "{address}");
    }
}

#[tokio::test]
async fn what_is_tried_under_one_name_closes_the_other_too() {
    let town = Town::new();
    town.with_user("alice").await;
    fails(&town.stranger(), "alice", 2).await;
    fails(&town.stranger(), "ALICE@example.com", 2).await;
    fails(&town.stranger(), " Alice ", 1).await;
    assert_eq!(town.stranger().sign_in("alice@example.com", PASSWORD).await.status, 401, "right, and not looked at");
    assert_eq!(town.told().last(), Some(&"sign_in_failed"));
}

#[tokio::test]
async fn an_account_that_is_unlocked_is_open_under_each_name_and_on_each_device() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let known = known_browser(&town, "alice").await;
    fails(&known, "alice", 5).await;
    fails(&town.stranger(), "alice@example.com", 5).await;
    town.parts.accounts.unlock(&alice.account, &Admin::operator(), &"because".parse().unwrap()).await.unwrap();
    assert_eq!(town.told().last(), Some(&"user_unlocked"));
    assert_eq!(known.sign_in("alice", PASSWORD).await.status, 303);
    assert_eq!(town.stranger().sign_in("alice", PASSWORD).await.status, 303);
    assert_eq!(town.stranger().sign_in("alice@example.com", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn whoever_sets_a_password_by_link_gets_in_on_the_device_that_was_locked_out() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let known = known_browser(&town, "alice").await;
    fails(&known, "alice", 5).await;
    let (link, _) = town.parts.accounts.create_link(alice.id(), Actor::Operator).await.unwrap();
    let new = "Ferry-crossing-at-9";
    let link = link.expose();
    let form = [("token", link.as_str()), ("new_password", new), ("new_password_again", new)];
    assert_eq!(known.post_form("/security/set-password", &form).await.answer().status, 303);
    assert_eq!(known.sign_in("alice", new).await.status, 303);
}

#[tokio::test]
async fn a_device_that_nobody_uses_is_forgotten() {
    let town = Town::new();
    town.with_user("alice").await;
    let known = known_browser(&town, "alice").await;
    town.advance(400 * DAY + MINUTE);
    town.sweep().await;
    fails(&town.stranger(), "alice", 5).await;
    assert_eq!(known.sign_in("alice", PASSWORD).await.status, 429);
}
