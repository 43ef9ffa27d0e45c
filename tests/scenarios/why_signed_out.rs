//! The sign-in page says why one is there, and says it to nobody but whoever held the session.

use portcullis::session::{Admin, EndTarget};
use serde_json::{Value, json};

use crate::test_app::{Browser, DAY, HOUR, IPHONE, MAC, MINUTE, PASSWORD, TestApp};

/// What the sign-in page says to this browser.
async fn sign_in_notice(browser: &Browser<'_>) -> String {
    let words = browser.get("/security/sign-in").await.response().visible_text();
    let words: Vec<&str> = words.split_whitespace().collect();
    words.join(" ")
}

#[tokio::test]
async fn ended_from_another_device() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        laptop.api("DELETE", &format!("/sessions/{}", phone.session_id()), Value::Null).await;
        app.advance(12 * MINUTE);

        let said = sign_in_notice(&phone).await;

        let sentence = "You were signed out because this session was ended from Chrome on macOS, 12 minutes ago. \
                        Not you? Sign in and change your password.";
        assert!(said.contains(sentence), "{said}");
    }
}

#[tokio::test]
async fn signed_out_here() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let other_window = browser.clone_with_cookies();
    browser.post_form("/security/sign-out", &[]).await.response();
    assert!(sign_in_notice(&other_window).await.contains("You signed out of this session just now."));
    assert!(!sign_in_notice(&browser).await.contains("You signed out"), "whoever did it need not be told");
}

#[tokio::test]
async fn not_used_for_too_long_before_the_sweep_and_after_it() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.remembered_on(MAC).await;
    app.advance(7 * DAY);
    let sentence = "You were signed out because this session had not been used for 7 days.";
    assert!(sign_in_notice(&browser).await.contains(sentence));
    app.sweep().await;
    assert!(sign_in_notice(&browser).await.contains(sentence));
}

#[tokio::test]
async fn at_the_end_of_its_time_before_the_sweep_and_after_it() {
    let app = TestApp::with_settings("sessions: { idle_timeout: 90d }");
    let browser = app.add_user("alice").await.remembered_on(MAC).await;
    app.advance(30 * DAY);
    let sentence = "You were signed out because this session had reached the end of its time.";
    assert!(sign_in_notice(&browser).await.contains(sentence));
    app.sweep().await;
    assert!(sign_in_notice(&browser).await.contains(sentence));
}

#[tokio::test]
async fn the_password_was_changed() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    let body = json!({"current_password": PASSWORD, "new_password": "Ferry-crossing-at-9", "end_other_sessions": true});
    laptop.api("PUT", "/password", body).await;
    app.advance(2 * HOUR);
    let said = sign_in_notice(&phone).await;
    assert!(
        said.contains(
            "You were signed out because the password was changed, 2 hours ago. Not you? Ask an administrator."
        ),
        "{said}"
    );
}

#[tokio::test]
async fn the_account_was_switched_off() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let browser = alice.signed_in_on(MAC).await;
    app.components.accounts.disable(alice.id(), &Admin::operator(), &"because".parse().unwrap()).await.unwrap();
    assert!(sign_in_notice(&browser).await.contains("You were signed out because this account was switched off."));
}

#[tokio::test]
async fn by_an_administrator() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let browser = alice.signed_in_on(MAC).await;
    let (all, reason) = (EndTarget::AllOf(alice.id()), "left the team".parse().unwrap());
    app.components.sessions.end_by_admin(all, &Admin::operator(), &reason).await.unwrap();
    let said = sign_in_notice(&browser).await;
    assert!(
        said.contains(
            "You were signed out because this session was ended by an administrator, just now. \
             If someone else may know your password, sign in and change it."
        ),
        "{said}"
    );
    assert!(!said.contains("left the team"), "the reason is for the record");
}

#[tokio::test]
async fn too_many_sessions() {
    let app = TestApp::with_settings("sessions: { max_per_user: 1 }");
    let alice = app.add_user("alice").await;
    let first = alice.signed_in_on(MAC).await;
    alice.signed_in_on(IPHONE).await;
    let said = sign_in_notice(&first).await;
    assert!(said.contains("because you signed in somewhere else. You can have 1 session at a time."), "{said}");
}

#[tokio::test]
async fn whoever_only_knows_the_id_is_told_nothing() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        laptop.post_form("/security/sessions/sign-out-others", &[]).await.response();
        let bare = phone.session_id().trim_start_matches("sess_").to_owned();
        let secret_of_another = laptop.session_cookie().split('.').nth(1).unwrap().to_owned();
        let anonymous = app.new_browser();
        let of_nobody = "0".repeat(26);
        anonymous.set_cookie(app.cookie_name(), &format!("{of_nobody}.{secret_of_another}"));
        let nothing = sign_in_notice(&anonymous).await;
        assert!(nothing.contains("not known here"), "{nothing}");

        anonymous.set_cookie(app.cookie_name(), &format!("{bare}.{secret_of_another}"));

        assert_eq!(sign_in_notice(&anonymous).await, nothing);
        assert!(sign_in_notice(&phone).await.contains("You were signed out because"));
    }
}

#[tokio::test]
async fn after_a_month_nobody_remembers() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let held = browser.clone_with_cookies();
    browser.post_form("/security/sign-out", &[]).await.response();
    app.advance(30 * DAY + MINUTE);
    app.sweep().await;
    assert!(!sign_in_notice(&held).await.contains("You signed out"));
}

#[tokio::test]
async fn the_sentence_is_gone_with_the_next_sign_in() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let browser = alice.remembered_on(MAC).await;
    app.advance(8 * DAY);
    assert!(sign_in_notice(&browser).await.contains("had not been used"));
    alice.sign_in(&browser).await;
    browser.post_form("/security/sign-out", &[]).await.response();
    assert!(!sign_in_notice(&browser).await.contains("You were signed out"));
}

#[tokio::test]
async fn what_one_was_told_is_over_does_not_come_back_with_a_longer_timeout() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.remembered_on(MAC).await;
    app.reload("sessions: { idle_timeout: 1h }");
    app.advance(2 * HOUR);
    assert!(sign_in_notice(&browser).await.contains("had not been used for 1 hour"));
    app.reload("sessions: { idle_timeout: 30d }");
    assert!(!browser.reaches_app().await);
    assert!(sign_in_notice(&browser).await.contains("had not been used"), "and the reason is still told");
    assert_eq!(app.metric("sessions_ended_total{reason=\"idle\"}"), 1);
}

#[tokio::test]
async fn a_session_of_another_installation_is_told_apart() {
    let [here, there] = TestApp::on_each_store();
    let theirs = there.add_user("alice").await.signed_in_on(MAC).await;
    for value in [theirs.session_cookie(), "of-some-other-app".to_owned()] {
        let browser = here.new_browser();
        browser.set_cookie("__Host-portcullis", &value);
        assert_eq!(browser.get("/").await.status(), 302);
        assert!(sign_in_notice(&browser).await.contains("shows is not known here"), "{value}");
        assert!(browser.cookie("__Host-portcullis").is_some(), "it is not taken away");
    }
    assert!(
        !sign_in_notice(&here.new_browser()).await.contains("not known here"),
        "nobody is told so who shows nothing"
    );
    assert!(theirs.reaches_app().await);
}
