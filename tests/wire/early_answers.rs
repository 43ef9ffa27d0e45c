//! Answers that we give before the request's body has come, on connections that live on.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::harness::{App, Client, Door, PASSWORD, until};

/// Each of our own answers: status, path, and host of a request that gets it.
const EARLY: [(u16, &str, &str); 5] = [
    (401, "/x", "app.test"),
    (400, "/%2f", "app.test"),
    (421, "/public", "evil.test"),
    (415, "/security/api/v1/sign-in", "app.test"),
    (405, "/security", "app.test"),
];

/// A request of a tool that signs in, as far as its length.
const SIGN_IN: &str = "POST /security/api/v1/sign-in HTTP/1.1\r\nHost: app.test\r\nContent-Type: application/json\r\n";

fn credentials() -> String {
    serde_json::json!({ "username": "alice", "password": PASSWORD }).to_string()
}

async fn post(client: &mut Client, path: &str, host: &str, body: &str) -> u16 {
    post_from(client, "same-origin", path, host, body).await
}

async fn post_from(client: &mut Client, site: &str, path: &str, host: &str, body: &str) -> u16 {
    let site = format!("Sec-Fetch-Site: {site}\r\nContent-Length: {}", body.len());
    client.ask(format!("POST {path} HTTP/1.1\r\nHost: {host}\r\n{site}\r\n\r\n{body}")).await.status
}

#[tokio::test]
async fn a_small_body_is_read_and_the_connection_lives_on() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    for (status, path, host) in EARLY {
        let mut client = door.client().await;
        for _ in 0..3 {
            let smuggled = "GET /admin HTTP/1.1\r\nHost: app.test\r\n\r\n".repeat(20);
            assert_eq!(post(&mut client, path, host, &smuggled).await, status, "{path}");
        }
        assert_eq!(client.ask(door.as_alice("GET /after", "")).await.text(), "ok", "{path}");
    }
    assert_eq!(app.requests(), EARLY.len());
    assert!(!app.received().contains("GET /admin"));
}

#[tokio::test]
async fn c05_a_large_body_is_never_parsed_as_a_request() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let smuggled = door.as_alice("GET /admin", "");
    let body = format!("{}{}", "x".repeat(64 * 1024), smuggled.repeat(3));
    let mut client = door.client().await;
    assert_eq!(post(&mut client, "/x", "app.test", &body).await, 401);
    assert_eq!(client.rest().await, b"");
    let mut client = door.client().await;
    let head = "POST /x HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = client.ask(format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len())).await;
    assert_eq!((answer.status, answer.header("connection")), (401, Some("close")));
    assert_eq!(client.rest().await, b"");
    assert_eq!(app.received(), "");
}

#[tokio::test]
async fn a_body_that_does_not_come_closes_the_connection() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let mut client = door.client().await;
    let answer = client.ask("POST /x HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\nhalf").await;
    assert_eq!((answer.status, answer.header("connection")), (401, Some("close")));
    client.send(door.as_alice("GET /admin", "")).await;
    assert_eq!(client.rest().await, b"");
    assert_eq!(app.received(), "");
}

#[tokio::test]
async fn g01_a_request_of_another_site_is_refused_and_its_body_is_never_parsed() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let mut client = door.client().await;
    let smuggled = "GET /public HTTP/1.1\r\nHost: app.test\r\n\r\n".repeat(20);
    for site in ["cross-site", "same-site"] {
        assert_eq!(post_from(&mut client, site, "/security/x", "app.test", &smuggled).await, 403, "{site}");
    }
    assert_eq!(client.ask(door.as_alice("GET /after", "")).await.text(), "ok");
    assert_eq!(app.requests(), 1);
}

#[tokio::test]
async fn who_waits_for_leave_to_send_is_answered_at_once() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let credentials = credentials();
    let expect = format!("Expect: 100-continue\r\nContent-Length: {}\r\n\r\n", credentials.len());
    let mut client = door.client().await;
    let answer = client.ask(format!("POST /x HTTP/1.1\r\nHost: app.test\r\n{expect}")).await;
    assert_eq!((answer.status, answer.header("connection")), (401, Some("close")));
    let mut client = door.client().await;
    client.send(format!("{SIGN_IN}{expect}")).await;
    assert!(client.head().await.starts_with("HTTP/1.1 100"));
    client.send(credentials).await;
    let answer = client.answer(true).await;
    assert!(answer.status == 200 && answer.text().contains("\"complete\""), "{}", answer.text());
}

#[tokio::test]
async fn a_body_to_our_own_pages_is_bounded() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let sign_in = async |length, client: &mut Client, lines: &str| {
        // Blanks behind it are part of a JSON document.
        let credentials = credentials();
        let body = credentials.clone() + " ".repeat(length - credentials.len()).as_str();
        client.ask(format!("{SIGN_IN}{lines}Content-Length: {length}\r\n\r\n{body}")).await.status
    };
    let alice = format!("Sec-Fetch-Site: same-origin\r\nCookie: {}\r\n", door.alice);
    for (lines, most) in [("", 8 * 1024), (&alice, 64 * 1024)] {
        let mut client = door.client().await;
        assert_eq!(sign_in(most + 1, &mut client, lines).await, 413);
        assert_eq!(client.rest().await, b"");
        let mut client = door.client().await;
        assert_eq!(sign_in(most, &mut client, lines).await, 200, "{most}");
    }
}

#[tokio::test]
async fn head_has_no_body_and_says_how_long_it_would_be() {
    let app = App::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n").await;
    let door = Door::before(&app).await;
    let mut client = door.client().await;
    let answer = client.ask("HEAD /x HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("content-length").is_some_and(|length| length != "0"));
    let page = client.ask("GET /security/sign-in HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    let answer = client.ask("HEAD /security/sign-in HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert_eq!((answer.status, answer.header("content-length")), (200, page.header("content-length")));
    assert_eq!(answer.header("content-length"), Some(page.body.len().to_string().as_str()));
    let answer = client.ask(door.as_alice("HEAD /x", "")).await;
    assert_eq!((answer.status, answer.header("content-length")), (200, Some("2")));
    assert_eq!(client.ask("GET /x HTTP/1.1\r\nHost: app.test\r\n\r\n").await.status, 401);
}

#[tokio::test]
async fn a_refused_upgrade_closes_the_connection() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let mut client = door.client().await;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n";
    let answer = client.ask(format!("GET /ws HTTP/1.1\r\nHost: app.test\r\n{upgrade}")).await;
    assert_eq!((answer.status, answer.header("connection")), (401, Some("close")));
    assert!(client.is_closed().await);
    assert_eq!(app.received(), "");
}

#[tokio::test]
async fn an_answer_without_content_has_no_length_and_the_connection_lives_on() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let mut client = door.client().await;
    let sign_out = "POST /security/api/v1/sign-out HTTP/1.1\r\nHost: app.test\r\nSec-Fetch-Site: same-origin\r\n\r\n";
    for _ in 0..2 {
        let answer = client.ask(sign_out).await;
        assert_eq!((answer.status, answer.header("content-length")), (204, None));
        assert_eq!(answer.header("connection"), Some("keep-alive"));
        assert!(answer.header("x-request-id").is_some_and(|id| id.len() == 32));
    }
}

#[tokio::test]
async fn those_who_take_their_time_with_a_body_keep_nobody_out() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let head = |lines: &str, length: usize| format!("{SIGN_IN}{lines}Content-Length: {length}\r\n\r\n");
    let mut slow = join_all((0..250).map(|_| door.client())).await;
    for client in &mut slow {
        client.send(head("", 100) + "{").await;
    }
    // Whoever finds no place to wait is told so, and may come back.
    let told = until("those for whom there is no place to be told", async || {
        let told = slow.iter().map(|client| timeout(Duration::from_millis(100), client.0.readable()));
        let told: Vec<bool> = join_all(told).await.iter().map(Result::is_ok).collect();
        (told.iter().filter(|told| **told).count() >= 250 - 192).then_some(told)
    })
    .await;
    for (client, _) in slow.iter_mut().zip(&told).filter(|(_, told)| **told) {
        let answer = client.answer(true).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")), "{}", answer.text());
        assert!(client.is_closed().await);
    }
    assert_eq!(told.iter().filter(|told| **told).count(), 250 - 192, "the others are waited for");
    let whole = credentials();
    let answer = door.client().await.ask(head("", whole.len()) + &whole).await;
    assert_eq!(answer.status, 200, "who says all at once need not wait: {}", answer.text());
    // Who is signed in has other places.
    let mut alice = door.client().await;
    let lines = format!("Sec-Fetch-Site: same-origin\r\nCookie: {}\r\n", door.alice);
    alice.send(head(&lines, whole.len())).await;
    assert!(timeout(Duration::from_millis(100), alice.0.readable()).await.is_err(), "it is waited for");
    assert_eq!(alice.ask(&whole).await.status, 200);
    // Once they are gone, strangers may take their time again.
    slow.clear();
    until("them to be gone", async || (*door.open.borrow() <= 1).then_some(())).await;
    let mut late = door.client().await;
    late.send(head("", whole.len())).await;
    assert!(timeout(Duration::from_millis(100), late.0.readable()).await.is_err(), "it is waited for");
    assert_eq!(late.ask(&whole).await.status, 200);
}

#[tokio::test]
async fn bodies_that_nobody_wants_are_waited_for_within_bounds() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let mut clients = join_all((0..300).map(|_| door.client())).await;
    for client in &mut clients {
        client.send("POST /x HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100\r\n\r\nhalf").await;
    }
    for client in &mut clients {
        let answer = client.answer(true).await;
        assert_eq!((answer.status, answer.header("connection")), (401, Some("close")));
        assert!(client.is_closed().await);
    }
    assert_eq!(app.received(), "");
}
