//! HTTP/1.0, on either side.

use tokio::io::AsyncWriteExt as _;

use crate::harness::{App, Door};

/// Answers with these bytes and hangs up.
async fn old(answer: &'static [u8]) -> App {
    App::serving(move |mut stream, app| async move {
        if app.record_request(&mut stream).await {
            stream.write_all(answer).await.unwrap();
        }
    })
    .await
}

#[tokio::test]
async fn an_app_that_speaks_http_1_0_is_answered_for_in_http_1_1() {
    for (answer, body) in [
        (&b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"[..], &b"hello"[..]),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil it closes", b"until it closes"),
        (b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n", b""),
        (b"HTTP/1.0 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.0 304 Not Modified\r\n\r\n", b""),
        (b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n", b""),
    ] {
        let app = old(answer).await;
        let door = Door::before(&app).await;
        let mut client = door.client().await;
        for _ in 0..2 {
            let answer = client.ask(door.as_alice("GET /x", "")).await;
            assert!(answer.head.starts_with("HTTP/1.1 "), "{}", answer.head);
            assert_eq!(answer.body, body, "{}", answer.head);
            assert_eq!(answer.header("connection"), Some("keep-alive"), "{}", answer.head);
        }
        let head = client.ask(door.as_alice("HEAD /x", "")).await;
        assert!(head.head.starts_with("HTTP/1.1 "), "{}", head.head);
    }
}

#[tokio::test]
async fn a_client_that_speaks_http_1_0_gets_no_chunks() {
    for answer in [
        &b"HTTP/1.0 200 OK\r\n\r\nhello"[..],
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ] {
        let app = old(answer).await;
        let door = Door::before(&app).await;
        let mut client = door.client().await;
        client.send(door.as_alice("GET /x", "Connection: keep-alive\r\n").replace("HTTP/1.1", "HTTP/1.0")).await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(!head.to_ascii_lowercase().contains("transfer-encoding"), "{head}");
        if head.to_ascii_lowercase().contains("content-length") {
            assert_eq!(client.exactly(5).await, b"hello");
        } else {
            assert!(head.to_ascii_lowercase().contains("connection: close"), "{head}");
            assert_eq!(client.rest().await, b"hello", "{head}");
        }
    }
}
