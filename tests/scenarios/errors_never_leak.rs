//! Whatever goes wrong, no log line and no answer holds a secret, and one event is one line.

use std::{
    cell::RefCell,
    io::{self, Write},
    sync::{Arc, Mutex, Once},
};

use http::Method;
use portcullis::audit::Actor;
use serde_json::{Value, json};

use crate::test_app::{IPHONE, MAC, PASSWORD, StoreFault, TestApp};

/// Everything that is logged on this thread.
#[derive(Clone, Default)]
struct LogBuffer(Arc<Mutex<Vec<u8>>>);

thread_local! {
    static CAPTURED: RefCell<Option<LogBuffer>> = const { RefCell::new(None) };
}

/// One log for all threads: what is logged first on a thread without one would be switched off for all of them.
fn capture_log() -> LogBuffer {
    static LOG: Once = Once::new();
    LOG.call_once(|| {
        let log = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE);
        let written = || CAPTURED.with_borrow(Clone::clone).unwrap_or_default();
        tracing::subscriber::set_global_default(log.with_writer(written).finish()).unwrap();
    });
    let log = LogBuffer::default();
    CAPTURED.set(Some(log.clone()));
    log
}

impl Write for LogBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl LogBuffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn a_whole_story_is_logged_without_a_secret() {
    let log = capture_log();
    let app = TestApp::new();
    let mut secrets = vec!["Typed-by-mistake-1", "Ferry-crossing-at-9", "short-Secret-9", "mistyped-as-name"];
    secrets.push("alice@example.com");
    for secret in &secrets {
        app.add_secret(secret);
    }

    // A good day.
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.remembered_on(IPHONE).await);
    laptop.get("/orders?card=4111111111111111").await.forwarded();
    app.flush().await;
    let body = json!({"current_password": PASSWORD, "new_password": "Ferry-crossing-at-9"});
    assert_eq!(laptop.api("PUT", "/password", body).await.status, 204);
    laptop.post_form("/security/sessions/sign-out-others", &[]).await.response();
    phone.get("/").await.response();
    phone.get("/security/sign-in").await.response();
    // A link.
    let (link, _) = app.components.accounts.create_link(alice.id(), Actor::Operator).await.unwrap();
    let link = link.expose();
    let form = [("token", link.as_str()), ("new_password", "short"), ("new_password_again", "short")];
    app.new_browser().post_form("/security/set-password", &form).await.response();
    // A bad day.
    for (name, password) in [("alice", "Typed-by-mistake-1"), ("mistyped-as-name", "x"), ("alice", "short-Secret-9")] {
        let _ = app
            .new_browser()
            .fetch(Method::POST, "/security/api/v1/sign-in")
            .header("content-type", "application/json")
            .body(json!({"username": name, "password": password}).to_string())
            .send()
            .await
            .response();
    }
    for fault in [
        StoreFault::Unavailable,
        StoreFault::UnavailableFor("record"),
        StoreFault::UnavailableFor("end"),
        StoreFault::LosesReplyOf("open"),
    ] {
        app.set_fault(fault);
        laptop.get("/").await.status();
        laptop.api("POST", "/sign-out", Value::Null).await;
        app.new_browser()
            .api("POST", "/sign-in", json!({"username": "alice", "password": "Ferry-crossing-at-9"}))
            .await;
        app.advance(crate::test_app::MINUTE);
        app.flush().await;
    }
    app.set_fault(StoreFault::None);
    for body in [
        "{\"username\":\"alice\",\"password\":\"Typed-by-mistake-1\"",
        "[\"Typed-by-mistake-1\"]",
        "{\"username\":[\"Typed-by-mistake-1\"]}",
    ] {
        let ask = app
            .new_browser()
            .fetch(Method::POST, "/security/api/v1/sign-in")
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await;
        let answer = ask.response();
        assert!(matches!(answer.status, 400 | 422), "{body}");
    }

    let log = log.text();
    assert!(log.lines().count() > 10, "something was logged");
    for secret in app.secrets().iter().chain([&link, &"4111111111111111".to_owned()]) {
        let found = log.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(found, None, "{secret}");
    }
}

#[tokio::test]
async fn one_event_is_one_line_whatever_the_name_holds() {
    let log = capture_log();
    let app = TestApp::new();
    let forged = "bob\n{\"level\":\"INFO\",\"message\":\"Recorded signed_in\"}\r\n\u{2028}x";

    app.new_browser().sign_in(forged, "wrong").await;

    assert_eq!(app.audit_events(), ["sign_in_failed"]);
    for line in log.text().lines() {
        let line: Value = serde_json::from_str(line).expect("each line is a record");
        assert_ne!(line["message"], "Recorded signed_in");
    }
}

#[tokio::test]
async fn the_public_id_is_no_key() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let anonymous = app.new_browser();
    for value in [browser.session_id(), browser.session_id().replace("sess_", "")] {
        anonymous.set_cookie(app.cookie_name(), &value);
        assert!(!anonymous.reaches_app().await);
    }
}

#[tokio::test]
async fn the_journal_holds_no_name_that_nobody_has() {
    let app = TestApp::new();
    app.new_browser().sign_in("mistyped-password-7", "x").await;
    assert!(!format!("{:?}", app.audit_entries()).contains("mistyped"));
}
