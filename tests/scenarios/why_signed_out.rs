//! The sign-in page says why one is there, and says it to nobody but whoever held the session.

use portcullis::session::{Admin, EndTarget};
use serde_json::{Value, json};

use crate::town::{Browser, DAY, HOUR, IPHONE, MAC, MINUTE, PASSWORD, Town};

/// What the sign-in page says to this browser.
async fn why(browser: &Browser<'_>) -> String {
    let words = browser.get("/security/sign-in").await.answer().words();
    let words: Vec<&str> = words.split_whitespace().collect();
    words.join(" ")
}

#[tokio::test]
async fn ended_from_another_device() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        laptop.api("DELETE", &format!("/sessions/{}", phone.session()), Value::Null).await;
        town.advance(12 * MINUTE);

        let said = why(&phone).await;

        let sentence = "You were signed out because this session was ended from Chrome on macOS, 12 minutes ago. \
                        Not you? Sign in and change your password.";
        assert!(said.contains(sentence), "{said}");
    }
}

#[tokio::test]
async fn signed_out_here() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let other_window = browser.copy();
    browser.post_form("/security/sign-out", &[]).await.answer();
    assert!(why(&other_window).await.contains("You signed out of this session just now."));
    assert!(!why(&browser).await.contains("You signed out"), "whoever did it need not be told");
}

#[tokio::test]
async fn not_used_for_too_long_before_the_sweep_and_after_it() {
    let town = Town::new();
    let browser = town.with_user("alice").await.remembered_on(MAC).await;
    town.advance(7 * DAY);
    let sentence = "You were signed out because this session had not been used for 7 days.";
    assert!(why(&browser).await.contains(sentence));
    town.sweep().await;
    assert!(why(&browser).await.contains(sentence));
}

#[tokio::test]
async fn at_the_end_of_its_time_before_the_sweep_and_after_it() {
    let town = Town::with("sessions: { idle_timeout: 90d }");
    let browser = town.with_user("alice").await.remembered_on(MAC).await;
    town.advance(30 * DAY);
    let sentence = "You were signed out because this session had reached the end of its time.";
    assert!(why(&browser).await.contains(sentence));
    town.sweep().await;
    assert!(why(&browser).await.contains(sentence));
}

#[tokio::test]
async fn the_password_was_changed() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    let body = json!({"current_password": PASSWORD, "new_password": "Ferry-crossing-at-9", "end_other_sessions": true});
    laptop.api("PUT", "/password", body).await;
    town.advance(2 * HOUR);
    let said = why(&phone).await;
    assert!(
        said.contains(
            "You were signed out because the password was changed, 2 hours ago. Not you? Ask an administrator."
        ),
        "{said}"
    );
}

#[tokio::test]
async fn the_account_was_switched_off() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let browser = alice.signed_in_on(MAC).await;
    town.parts.accounts.disable(alice.id(), &Admin::operator(), &"because".parse().unwrap()).await.unwrap();
    assert!(why(&browser).await.contains("You were signed out because this account was switched off."));
}

#[tokio::test]
async fn by_an_administrator() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let browser = alice.signed_in_on(MAC).await;
    let (all, reason) = (EndTarget::AllOf(alice.id()), "left the team".parse().unwrap());
    town.parts.sessions.end_by_admin(all, &Admin::operator(), &reason).await.unwrap();
    let said = why(&browser).await;
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
    let town = Town::with("sessions: { max_per_user: 1 }");
    let alice = town.with_user("alice").await;
    let first = alice.signed_in_on(MAC).await;
    alice.signed_in_on(IPHONE).await;
    let said = why(&first).await;
    assert!(said.contains("because you signed in somewhere else. You can have 1 session at a time."), "{said}");
}

#[tokio::test]
async fn whoever_only_knows_the_id_is_told_nothing() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        laptop.post_form("/security/sessions/sign-out-others", &[]).await.answer();
        let bare = phone.session().trim_start_matches("sess_").to_owned();
        let secret_of_another = laptop.key().split('.').nth(1).unwrap().to_owned();
        let stranger = town.stranger();
        let of_nobody = "0".repeat(26);
        stranger.puts_into_jar(town.cookie(), &format!("{of_nobody}.{secret_of_another}"));
        let nothing = why(&stranger).await;
        assert!(nothing.contains("not known here"), "{nothing}");

        stranger.puts_into_jar(town.cookie(), &format!("{bare}.{secret_of_another}"));

        assert_eq!(why(&stranger).await, nothing);
        assert!(why(&phone).await.contains("You were signed out because"));
    }
}

#[tokio::test]
async fn after_a_month_nobody_remembers() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let held = browser.copy();
    browser.post_form("/security/sign-out", &[]).await.answer();
    town.advance(30 * DAY + MINUTE);
    town.sweep().await;
    assert!(!why(&held).await.contains("You signed out"));
}

#[tokio::test]
async fn the_sentence_is_gone_with_the_next_sign_in() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let browser = alice.remembered_on(MAC).await;
    town.advance(8 * DAY);
    assert!(why(&browser).await.contains("had not been used"));
    alice.signs_in(&browser).await;
    browser.post_form("/security/sign-out", &[]).await.answer();
    assert!(!why(&browser).await.contains("You were signed out"));
}

#[tokio::test]
async fn what_one_was_told_is_over_does_not_come_back_with_a_longer_timeout() {
    let town = Town::new();
    let browser = town.with_user("alice").await.remembered_on(MAC).await;
    town.rule("sessions: { idle_timeout: 1h }");
    town.advance(2 * HOUR);
    assert!(why(&browser).await.contains("had not been used for 1 hour"));
    town.rule("sessions: { idle_timeout: 30d }");
    assert!(!browser.is_let_in().await);
    assert!(why(&browser).await.contains("had not been used"), "and the reason is still told");
    assert_eq!(town.metric("sessions_ended_total{reason=\"idle\"}"), 1);
}

#[tokio::test]
async fn a_session_of_another_installation_is_told_apart() {
    let [here, there] = Town::on_each_store();
    let theirs = there.with_user("alice").await.signed_in_on(MAC).await;
    for value in [theirs.key(), "of-some-other-app".to_owned()] {
        let browser = here.stranger();
        browser.puts_into_jar("__Host-portcullis", &value);
        assert_eq!(browser.get("/").await.status(), 302);
        assert!(why(&browser).await.contains("shows is not known here"), "{value}");
        assert!(browser.cookie("__Host-portcullis").is_some(), "it is not taken away");
    }
    assert!(!why(&here.stranger()).await.contains("not known here"), "nobody is told so who shows nothing");
    assert!(theirs.is_let_in().await);
}
