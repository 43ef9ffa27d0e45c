//! Whatever goes wrong, no log line and no answer holds a secret, and one event is one line.

use std::{
    cell::RefCell,
    io::{self, Write},
    sync::{Arc, Mutex, Once},
};

use http::Method;
use portcullis::audit::Actor;
use serde_json::{Value, json};

use crate::town::{IPHONE, MAC, PASSWORD, Town, Weather};

/// Everything that is logged on this thread.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

thread_local! {
    static PAPER: RefCell<Option<Paper>> = const { RefCell::new(None) };
}

/// One log for all threads: what is logged first on a thread without one would be switched off for all of them.
fn listen() -> Paper {
    static LOG: Once = Once::new();
    LOG.call_once(|| {
        let log = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE);
        let written = || PAPER.with_borrow(Clone::clone).unwrap_or_default();
        tracing::subscriber::set_global_default(log.with_writer(written).finish()).unwrap();
    });
    let paper = Paper::default();
    PAPER.set(Some(paper.clone()));
    paper
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn a_whole_story_is_logged_without_a_secret() {
    let paper = listen();
    let town = Town::new();
    let mut secrets = vec!["Typed-by-mistake-1", "Ferry-crossing-at-9", "short-Secret-9", "mistyped-as-name"];
    secrets.push("alice@example.com");
    for secret in &secrets {
        town.keep_secret(secret);
    }

    // A good day.
    let alice = town.with_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.remembered_on(IPHONE).await);
    laptop.get("/orders?card=4111111111111111").await.arrived();
    town.flush().await;
    let body = json!({"current_password": PASSWORD, "new_password": "Ferry-crossing-at-9"});
    assert_eq!(laptop.api("PUT", "/password", body).await.status, 204);
    laptop.post_form("/security/sessions/sign-out-others", &[]).await.answer();
    phone.get("/").await.answer();
    phone.get("/security/sign-in").await.answer();
    // A link.
    let (link, _) = town.parts.accounts.create_link(alice.id(), Actor::Operator).await.unwrap();
    let link = link.expose();
    let form = [("token", link.as_str()), ("new_password", "short"), ("new_password_again", "short")];
    town.stranger().post_form("/security/set-password", &form).await.answer();
    // A bad day.
    for (name, password) in [("alice", "Typed-by-mistake-1"), ("mistyped-as-name", "x"), ("alice", "short-Secret-9")] {
        let _ = town
            .stranger()
            .fetch(Method::POST, "/security/api/v1/sign-in")
            .with("content-type", "application/json")
            .body(json!({"username": name, "password": password}).to_string())
            .send()
            .await
            .answer();
    }
    for weather in [Weather::Away, Weather::AwayFor("record"), Weather::AwayFor("end"), Weather::LosesAnswersOf("open")]
    {
        town.weather(weather);
        laptop.get("/").await.status();
        laptop.api("POST", "/sign-out", Value::Null).await;
        town.stranger().api("POST", "/sign-in", json!({"username": "alice", "password": "Ferry-crossing-at-9"})).await;
        town.advance(crate::town::MINUTE);
        town.flush().await;
    }
    town.weather(Weather::Fair);
    for body in [
        "{\"username\":\"alice\",\"password\":\"Typed-by-mistake-1\"",
        "[\"Typed-by-mistake-1\"]",
        "{\"username\":[\"Typed-by-mistake-1\"]}",
    ] {
        let ask = town
            .stranger()
            .fetch(Method::POST, "/security/api/v1/sign-in")
            .with("content-type", "application/json")
            .body(body)
            .send()
            .await;
        let answer = ask.answer();
        assert!(matches!(answer.status, 400 | 422), "{body}");
    }

    let log = paper.text();
    assert!(log.lines().count() > 10, "something was logged");
    for secret in town.secrets().iter().chain([&link, &"4111111111111111".to_owned()]) {
        let found = log.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(found, None, "{secret}");
    }
}

#[tokio::test]
async fn one_event_is_one_line_whatever_the_name_holds() {
    let paper = listen();
    let town = Town::new();
    let forged = "bob\n{\"level\":\"INFO\",\"message\":\"Recorded signed_in\"}\r\n\u{2028}x";

    town.stranger().sign_in(forged, "wrong").await;

    assert_eq!(town.told(), ["sign_in_failed"]);
    for line in paper.text().lines() {
        let line: Value = serde_json::from_str(line).expect("each line is a record");
        assert_ne!(line["message"], "Recorded signed_in");
    }
}

#[tokio::test]
async fn the_public_id_is_no_key() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let stranger = town.stranger();
    for value in [browser.session(), browser.session().replace("sess_", "")] {
        stranger.puts_into_jar(town.cookie(), &value);
        assert!(!stranger.is_let_in().await);
    }
}

#[tokio::test]
async fn the_journal_holds_no_name_that_nobody_has() {
    let town = Town::new();
    town.stranger().sign_in("mistyped-password-7", "x").await;
    assert!(!format!("{:?}", town.journal()).contains("mistyped"));
}
