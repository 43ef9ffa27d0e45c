//! A lockout keeps strangers out, and not the owner: a device that the account has signed in from before has tries of its
//! own. And it tells strangers nothing about whose name is whose address.

use portcullis::{audit::Actor, session::Admin};
use serde_json::json;

use crate::test_app::{Browser, DAY, MAC, MINUTE, PASSWORD, TestApp};

async fn fail_sign_ins(browser: &Browser<'_>, name: &str, times: usize) {
    for _ in 0..times {
        assert_eq!(browser.sign_in(name, "wrong").await.status, 401, "{name}");
    }
}

/// Signed in before, signed out since.
async fn known_browser<'t>(app: &'t TestApp, name: &str) -> Browser<'t> {
    let browser = app.new_browser();
    assert_eq!(browser.sign_in(name, PASSWORD).await.status, 303);
    browser.post_form("/security/sign-out", &[]).await.response();
    browser
}

#[tokio::test]
async fn a_strangers_tries_do_not_keep_the_owner_out_of_a_known_device() {
    for app in TestApp::on_each_store() {
        app.add_user("alice").await;
        let known = known_browser(&app, "alice").await;
        fail_sign_ins(&app.new_browser(), "alice", 5).await;
        assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.status, 429, "a new device waits");
        assert_eq!(known.sign_in("alice", PASSWORD).await.status, 303, "a known one does not");
        assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.status, 429, "and opens it for nobody else");
    }
}

#[tokio::test]
async fn a_known_device_has_tries_of_its_own_and_no_more() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let known = known_browser(&app, "alice").await;
    fail_sign_ins(&known, "alice", 5).await;
    assert_eq!(known.sign_in("alice", PASSWORD).await.status, 429);
    assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.status, 429, "they count for everybody");
    assert_eq!(app.metric("lockouts_total{scope=\"device\"}"), 1);
    app.advance(30 * MINUTE);
    assert_eq!(known.sign_in("alice", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn a_device_is_known_to_its_own_account_only() {
    let app = TestApp::new();
    app.add_user("alice").await;
    app.add_user("mallory").await;
    let mallorys = known_browser(&app, "mallory").await;
    fail_sign_ins(&mallorys, "alice", 5).await;
    assert_eq!(mallorys.sign_in("alice", PASSWORD).await.status, 429);
}

#[tokio::test]
async fn a_stopped_address_does_not_stop_a_known_device_on_it() {
    let app = TestApp::over_http();
    app.add_user("alice").await;
    let known = known_browser(&app, "alice").await;
    for number in 0..50 {
        app.new_browser().sign_in(&format!("name{number}"), "wrong").await;
    }
    assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.status, 429);
    assert_eq!(known.sign_in("alice", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn a_strangers_tries_do_not_keep_the_owner_from_changing_the_password() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    fail_sign_ins(&app.new_browser(), "alice", 5).await;
    let body = json!({"current_password": PASSWORD, "new_password": "Ferry-crossing-at-9"});
    assert_eq!(browser.api("PUT", "/password", body).await.status, 204);
}

#[tokio::test]
async fn a_change_of_the_password_is_counted_by_its_session() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (bare, other) = (app.new_browser(), alice.signed_in_on(MAC).await);
        bare.set_cookie(app.cookie_name(), &alice.signed_in_on(MAC).await.session_cookie());
        fail_sign_ins(&app.new_browser(), "alice", 5).await;
        let change = |current| json!({"current_password": current, "new_password": "Ferry-crossing-at-9"});
        for _ in 0..5 {
            assert_eq!(other.api("PUT", "/password", change("wrong")).await.problem_type(), "wrong-password");
        }
        assert_eq!(other.api("PUT", "/password", change(PASSWORD)).await.status, 429, "its own tries close it");
        app.components.accounts.unlock(&alice.account, &Admin::operator(), &"because".parse().unwrap()).await.unwrap();
        assert_eq!(other.api("PUT", "/password", change("wrong")).await.problem_type(), "wrong-password", "unlocked");
        fail_sign_ins(&app.new_browser(), "alice", 4).await;
        assert_eq!(
            app.new_browser().sign_in("alice", PASSWORD).await.status,
            429,
            "its failures count for the account"
        );
        assert_eq!(bare.api("PUT", "/password", change(PASSWORD)).await.status, 204, "without a device cookie");
    }
}

#[tokio::test]
async fn wrong_current_passwords_count_towards_the_lockout() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let body = json!({"current_password": "wrong", "new_password": "Ferry-crossing-at-9"});
    for _ in 0..5 {
        assert_eq!(browser.api("PUT", "/password", body.clone()).await.problem_type(), "wrong-password");
    }
    assert_eq!(browser.api("PUT", "/password", body).await.status, 429);
    assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.status, 429);
}

/// What one stranger may learn by trying a name, and then an address that may or may not be its.
#[tokio::test]
async fn a_lockout_does_not_tell_whose_address_it_is() {
    let app = TestApp::new();
    app.add_user("alice").await;
    app.add_user("bob").await;
    let hashes = || app.metric("password_hash_seconds_count");
    fail_sign_ins(&app.new_browser(), "alice", 5).await;
    for address in ["alice@example.com", "bob@example.com", "nobody@example.com"] {
        let before = hashes();
        fail_sign_ins(&app.new_browser(), address, 5).await;
        assert_eq!(hashes(), before + 5, "{address}: at the same cost");
        assert_eq!(app.new_browser().sign_in(address, "wrong").await.status, 429, "{address}");
    }
}

#[tokio::test]
async fn what_is_tried_under_one_name_closes_the_other_too() {
    let app = TestApp::new();
    app.add_user("alice").await;
    fail_sign_ins(&app.new_browser(), "alice", 2).await;
    fail_sign_ins(&app.new_browser(), "ALICE@example.com", 2).await;
    fail_sign_ins(&app.new_browser(), " Alice ", 1).await;
    assert_eq!(app.new_browser().sign_in("alice@example.com", PASSWORD).await.status, 401, "right, and not looked at");
    assert_eq!(app.audit_events().last(), Some(&"sign_in_failed"));
}

#[tokio::test]
async fn an_account_that_is_unlocked_is_open_under_each_name_and_on_each_device() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let known = known_browser(&app, "alice").await;
    fail_sign_ins(&known, "alice", 5).await;
    fail_sign_ins(&app.new_browser(), "alice@example.com", 5).await;
    app.components.accounts.unlock(&alice.account, &Admin::operator(), &"because".parse().unwrap()).await.unwrap();
    assert_eq!(app.audit_events().last(), Some(&"user_unlocked"));
    assert_eq!(known.sign_in("alice", PASSWORD).await.status, 303);
    assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.status, 303);
    assert_eq!(app.new_browser().sign_in("alice@example.com", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn whoever_sets_a_password_by_link_gets_in_on_the_device_that_was_locked_out() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let known = known_browser(&app, "alice").await;
    fail_sign_ins(&known, "alice", 5).await;
    let (link, _) = app.components.accounts.create_link(alice.id(), Actor::Operator).await.unwrap();
    let new = "Ferry-crossing-at-9";
    let link = link.expose();
    let form = [("token", link.as_str()), ("new_password", new), ("new_password_again", new)];
    assert_eq!(known.post_form("/security/set-password", &form).await.response().status, 303);
    assert_eq!(known.sign_in("alice", new).await.status, 303);
}

#[tokio::test]
async fn a_device_that_nobody_uses_is_forgotten() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let known = known_browser(&app, "alice").await;
    app.advance(400 * DAY + MINUTE);
    app.sweep().await;
    fail_sign_ins(&app.new_browser(), "alice", 5).await;
    assert_eq!(known.sign_in("alice", PASSWORD).await.status, 429);
}
