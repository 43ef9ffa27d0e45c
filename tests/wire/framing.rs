//! What could be read in two ways is read in none.

use std::time::Duration;

use portcullis::proxy::ConnectionLimits;
use tokio::io::AsyncWriteExt as _;

use crate::harness::{Answer, App, Door};

async fn refused(request: impl AsRef<[u8]>, status: u16) {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let shown = String::from_utf8_lossy(request.as_ref()).into_owned();
    let mut client = door.client().await;
    let answer = client.ask(&request).await;
    assert_eq!(answer.status, status, "{shown:?}");
    assert_eq!(answer.header("connection"), Some("close"), "{shown:?}");
    assert!(!answer.head.to_ascii_lowercase().contains("pingora"), "{}", answer.head);
    is_hardened(&answer);
    assert!(client.is_closed().await, "{shown:?}");
    assert_eq!(app.received(), "", "{shown:?}");
}

/// What our own pages carry, the shortest of our answers carries, too.
fn is_hardened(answer: &Answer) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.headers(name), [value], "{name} in {}", answer.head);
    }
    let policy = answer.header("content-security-policy");
    assert!(policy.is_some_and(|policy| policy.starts_with("default-src 'none'")), "{}", answer.head);
}

#[tokio::test]
async fn bytes_beyond_ascii_reach_the_app_encoded() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let latin_1 = b"GET /public/\xff?\xc3 HTTP/1.1\r\nHost: app.test\r\n\r\n";
    assert_eq!(door.client().await.ask(latin_1).await.status, 200);
    assert!(app.received().starts_with("GET /public/%FF?%C3 HTTP/1.1\r\n"), "{}", app.received());
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let text = "GET /public/\u{e9}?\u{e9} HTTP/1.1\r\nHost: app.test\r\n\r\n";
    assert_eq!(door.client().await.ask(text).await.status, 200);
    assert!(app.received().starts_with("GET /public/%C3%A9?%C3%A9 HTTP/1.1\r\n"), "{}", app.received());
}

#[tokio::test]
async fn whatever_byte_stands_wherever_no_answer_names_pingora() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    for byte in 0..=u8::MAX {
        for (before, after) in [
            ("G", "T /public HTTP/1.1\r\nHost: app.test\r\n"),
            ("GET /public/", "x HTTP/1.1\r\nHost: app.test\r\n"),
            ("GET ", "/public HTTP/1.1\r\nHost: app.test\r\n"),
            ("GET http://app.test", "/public HTTP/1.1\r\nHost: app.test\r\n"),
            ("GET http:", "//app.test/public HTTP/1.1\r\nHost: app.test\r\n"),
            ("GET /public?", " HTTP/1.1\r\nHost: app.test\r\n"),
            ("GET /public HTTP/1.", "\r\nHost: app.test\r\n"),
            ("GET /public HTTP/1.1\r\nHost: app", ".test\r\n"),
            ("GET /public HTTP/1.1\r\nHost: app.test\r\nX", "Y: z\r\n"),
            ("GET /public HTTP/1.1\r\nHost: app.test\r\nX: y", "z\r\n"),
            ("GET /public HTTP/1.1\r\nHost: app.test\r\nContent-Length: ", "\r\n"),
        ] {
            let request = [before.as_bytes(), &[byte], after.as_bytes(), b"Connection: close\r\n\r\n"].concat();
            let shown = String::from_utf8_lossy(&request).into_owned();
            let mut client = door.client().await;
            client.send(&request).await;
            // What cannot be a whole request yet is not answered before its deadline.
            client.0.shutdown().await.unwrap();
            let answer = String::from_utf8_lossy(&client.rest().await).to_ascii_lowercase();
            assert!(!answer.contains("pingora"), "{shown:?} is answered by {answer}");
        }
    }
}

#[tokio::test]
async fn b06_an_absolute_target_is_its_path() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let mut client = door.client().await;
    assert_eq!(client.ask("GET http://app.test/public/x?y HTTP/1.1\r\nHost: app.test\r\n\r\n").await.status, 200);
    assert_eq!(client.ask("GET http://app.test HTTP/1.1\r\nHost: app.test\r\n\r\n").await.status, 401);
    assert_eq!(client.ask("GET http://app.test/public/../admin HTTP/1.1\r\nHost: app.test\r\n\r\n").await.status, 401);
    assert!(app.received().starts_with("GET /public/x?y HTTP/1.1\r\n"), "{}", app.received());
    assert_eq!(app.requests(), 1);
}

#[tokio::test]
async fn b06_a_host_that_is_not_one_is_refused() {
    refused("GET http://evil.test/public HTTP/1.1\r\nHost: app.test\r\n\r\n", 400).await;
    refused("GET /public HTTP/1.1\r\nHost: app.test\r\nHost: app.test\r\n\r\n", 400).await;
    let app = App::ok().await;
    let door = Door::before(&app).await;
    assert_eq!(door.client().await.ask("GET /public HTTP/1.1\r\n\r\n").await.status, 400);
    assert_eq!(door.client().await.ask("GET /public HTTP/1.1\r\nHost: evil.test\r\n\r\n").await.status, 421);
    assert_eq!(app.received(), "");
}

#[tokio::test]
async fn c01_two_framings_are_none() {
    refused(
        "POST /public HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
         0\r\n\r\nGET /admin HTTP/1.1\r\nHost: app.test\r\n\r\n",
        400,
    )
    .await;
    refused("POST /public HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: xchunked\r\n\r\n", 400).await;
    refused("POST /public HTTP/1.1\r\nHost: app.test\r\nContent_Length: 4\r\n\r\n", 400).await;
}

#[tokio::test]
async fn c03_two_lengths_are_none() {
    refused("POST /public HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400)
        .await;
    refused("POST /public HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4, 5\r\n\r\nabcde", 400).await;
}

#[tokio::test]
async fn c07_bytes_that_have_no_place_in_a_head() {
    for line in ["A: b\0", "A: b\rc", "A: b\nC: d", "A: b\r\n folded", "A : b", "Transfer-Encoding : chunked"] {
        refused(format!("GET /public HTTP/1.1\r\nHost: app.test\r\n{line}\r\n\r\n"), 400).await;
    }
    refused("GET /public HTTP/1.1\nHost: app.test\n\n", 400).await;
    refused(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400).await;
    refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400).await;
}

#[tokio::test]
async fn tunnels_and_traces_are_refused() {
    refused("CONNECT app.test:443 HTTP/1.1\r\nHost: app.test:443\r\n\r\n", 405).await;
    let app = App::ok().await;
    let door = Door::before(&app).await;
    for asked in ["TRACE /public", "CONNECT app.test:443"] {
        let answer = door.client().await.ask(format!("{asked} HTTP/1.1\r\nHost: app.test:443\r\n\r\n")).await;
        let allowed = answer.header("allow");
        assert_eq!(
            (answer.status, allowed),
            (405, Some("GET, HEAD, OPTIONS, QUERY, POST, PUT, PATCH, DELETE")),
            "{asked}"
        );
    }
    assert_eq!(app.received(), "");
}

#[tokio::test]
async fn connection_options_that_are_none_are_refused() {
    refused("GET /public HTTP/1.1\r\nHost: app.test\r\nConnection: \"Remote-User\"\r\n\r\n", 400).await;
    refused("GET /public HTTP/1.1\r\nHost: app.test\r\nConnection: host\r\n\r\n", 400).await;
}

#[tokio::test]
async fn a_head_has_its_limits() {
    refused(format!("GET /public HTTP/1.1\r\nHost: app.test\r\nA: {}\r\n\r\n", "b".repeat(100_000)), 431).await;
    refused(format!("GET /public HTTP/1.1\r\nHost: app.test\r\n{}\r\n", "A: b\r\n".repeat(300)), 431).await;
}

#[tokio::test]
async fn a_slow_head_has_one_deadline_for_all_of_it() {
    let app = App::ok().await;
    let limits = ConnectionLimits { head_deadline: Duration::from_millis(300), ..ConnectionLimits::default() };
    let door = Door::plan(&[app.address]).limits(limits).open().await;
    let mut client = door.client().await;
    for byte in b"GET /public HTTP/1.1\r\nA: ".iter().chain(std::iter::repeat(&b'b')) {
        client.send([*byte]).await;
        if tokio::time::timeout(Duration::from_millis(20), client.0.readable()).await.is_ok() {
            break;
        }
    }
    let answer = client.answer(true).await;
    assert_eq!(answer.status, 408);
    is_hardened(&answer);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_head_may_come_in_pieces() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let mut client = door.client().await;
    for part in ["\r\nPOST /public HTTP/1.1\r", "\nHost: app.te", "st\r\nContent-Length: 3\r\n\r", "\na", "bc"] {
        client.send(part).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.answer(true).await.status, 200);
    assert!(app.received().ends_with("\r\n\r\nabc"), "{}", app.received());
}

#[tokio::test]
async fn a_pipelined_request_is_not_served_and_the_connection_closes() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let mut client = door.client().await;
    let request = "GET /public HTTP/1.1\r\nHost: app.test\r\n\r\n";
    client.send(request.repeat(2)).await;
    assert_eq!(client.answer(true).await.status, 200);
    assert_eq!(client.rest().await, b"", "the second one is for another connection");
    assert_eq!(app.requests(), 1);
}

#[tokio::test]
async fn a_connection_serves_so_many_requests_and_says_when_it_is_the_last() {
    let app = App::ok().await;
    let door =
        Door::plan(&[app.address]).limits(ConnectionLimits { requests: 2, ..ConnectionLimits::default() }).open().await;
    let mut client = door.client().await;
    let request = "GET /public HTTP/1.1\r\nHost: app.test\r\n\r\n";
    assert_eq!(client.ask(request).await.header("connection"), Some("keep-alive"));
    assert_eq!(client.ask(request).await.header("connection"), Some("close"));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_connection_on_which_nothing_comes_has_no_longer_than_a_head() {
    let app = App::ok().await;
    let limits = ConnectionLimits {
        head_deadline: Duration::from_millis(200),
        idle: Duration::from_mins(10),
        ..ConnectionLimits::default()
    };
    let door = Door::plan(&[app.address]).limits(limits).open().await;
    assert_eq!(door.client().await.rest().await, b"", "nobody is told what nobody asked for");
    let mut client = door.client().await;
    client.send("GET /pub").await;
    assert_eq!(client.answer(true).await.status, 408);
    let mut client = door.client().await;
    for _ in 0..2 {
        assert_eq!(client.ask("GET /public HTTP/1.1\r\nHost: app.test\r\n\r\n").await.status, 200);
        // Longer than a head may take: between two requests there is more time.
        assert!(tokio::time::timeout(Duration::from_millis(400), client.is_closed()).await.is_err());
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let app = App::ok().await;
    let limits = ConnectionLimits { idle: Duration::from_millis(100), ..ConnectionLimits::default() };
    let door = Door::plan(&[app.address]).limits(limits).open().await;
    let mut client = door.client().await;
    assert_eq!(client.ask("GET /public HTTP/1.1\r\nHost: app.test\r\n\r\n").await.status, 200);
    assert!(client.is_closed().await);
}
