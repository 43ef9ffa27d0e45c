//! Upgrades: a WebSocket is passed on where both sides agree on one. Nothing else becomes a pipe past the gate.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{App, Door, until};

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
const SMUGGLED: &str = "GET /admin/smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n";

/// What is no opening of a WebSocket: method and version of a request, and its lines.
fn others() -> Vec<(&'static str, &'static str, String)> {
    let websocket = format!("Connection: Upgrade\r\nUpgrade: websocket\r\n{KEY}");
    let named = |names: &str| {
        format!("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {names}\r\nHTTP2-Settings: AAMAAABk\r\n{KEY}")
    };
    vec![
        ("GET", "1.1", named("h2c")),
        ("GET", "1.1", named("H2C")),
        ("GET", "1.1", named("websocket, h2c")),
        ("GET", "1.1", named("h2c, websocket")),
        ("GET", "1.1", named("websocket\r\nUpgrade: h2c")),
        ("GET", "1.1", named("TLS/1.0")),
        ("GET", "1.1", named("connect-udp")),
        ("GET", "1.1", named("websocketx")),
        ("GET", "1.1", format!("Upgrade: websocket\r\n{KEY}")),
        ("GET", "1.1", format!("Connection: Upgrade\r\n{KEY}")),
        ("GET", "1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n".to_owned()),
        ("GET", "1.1", format!("{websocket}{KEY}")),
        ("POST", "1.1", websocket.clone()),
        ("OPTIONS", "1.1", websocket.clone()),
        ("GET", "1.0", format!("{websocket}Connection: keep-alive\r\n")),
    ]
}

#[tokio::test]
async fn what_is_no_websocket_is_served_as_the_plain_request_that_it_is() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    for (method, version, lines) in others() {
        for path in ["/public", "/x"] {
            let before = app.received().len();
            let mut client = door.client().await;
            let cookie = &door.alice;
            let request =
                format!("{method} {path} HTTP/{version}\r\nHost: app.test\r\nCookie: {cookie}\r\n{lines}\r\n");
            assert_eq!(client.ask(&request).await.text(), "ok", "{request}");
            let told = app.received().split_off(before).to_lowercase();
            for wish in ["\r\nupgrade:", "\r\nconnection:", "\r\nhttp2-settings:"] {
                assert!(!told.contains(wish), "{request:?} reached the app as {told}");
            }
        }
    }
}

#[tokio::test]
async fn no_app_opens_a_pipe_for_whom_did_not_ask_for_a_websocket() {
    let agreed: [&'static [u8]; 3] = [
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nContent-Length: 4\r\n\r\n",
    ];
    for agreed in agreed {
        let app = eager(agreed).await;
        let door = Door::before(&app).await;
        for (method, version, lines) in others().into_iter().chain([("GET", "1.1", String::new())]) {
            let mut client = door.client().await;
            let request = format!("{method} /public HTTP/{version}\r\nHost: app.test\r\n{lines}\r\n");
            assert_eq!(client.ask(&request).await.status, 502, "{request}");
            client.send(SMUGGLED).await;
            assert_eq!(client.rest().await, b"", "{request}");
        }
        assert!(!app.received().contains("smuggled"), "{}", app.received());
    }
}

#[tokio::test]
async fn c04_what_follows_a_websocket_that_the_app_declines_is_not_passed_on() {
    let upgrade = |lines| {
        let websocket = format!("Connection: Upgrade\r\nUpgrade: websocket\r\n{KEY}{lines}");
        format!("GET /public HTTP/1.1\r\nHost: app.test\r\n{websocket}\r\n")
    };
    let answers: [(&'static [u8], u16); 7] = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200),
        (b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nok", 426),
        (b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 400),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 502),
        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 502),
        (b"HTTP/1.0 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", 502),
    ];
    for (answer, status) in answers {
        for (at_once, lines) in
            [(true, ""), (false, ""), (true, "Content-Length: 0\r\n"), (false, "Content-Length: 0\r\n")]
        {
            let upgrade = upgrade(lines);
            let app = eager(answer).await;
            let door = Door::before(&app).await;
            let mut client = door.client().await;
            client.send(if at_once { format!("{upgrade}{SMUGGLED}") } else { upgrade.clone() }).await;
            let shown = String::from_utf8_lossy(answer);
            let answer = client.answer(status != 204).await;
            assert_eq!(answer.status, status, "{shown:?}");
            client.send(SMUGGLED).await;
            if at_once || status == 502 {
                assert_eq!(client.rest().await, b"", "{shown:?}");
            } else {
                assert_eq!(client.answer(true).await.status, 401, "a request like any other: {shown:?}");
            }
            assert!(!app.received().contains("smuggled"), "{shown:?}: {}", app.received());
        }
    }
}

#[tokio::test]
async fn a_websocket_that_both_agree_on_is_a_pipe() {
    let app = eager(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n").await;
    let door = Door::before(&app).await;
    for length in ["", "Content-Length: 0\r\n", "content-length:0\r\n"] {
        app.forget();
        let mut client = door.client().await;
        let lines = format!("connection: keep-alive, upgrade\r\nupgrade: WebSocket\r\n{length}{KEY}");
        client.send(format!("GET /public HTTP/1.1\r\nHost: app.test\r\n{lines}\r\n")).await;
        assert!(client.head().await.starts_with("HTTP/1.1 101"), "{length}");
        client.send("said on it").await;
        until("the app to hear it", async || app.received().contains("said on it").then_some(())).await;
        let told = app.received().to_lowercase();
        assert!(told.contains("\r\nconnection: upgrade\r\n") && told.contains("\r\nupgrade: websocket\r\n"), "{told}");
        assert!(!told.contains("content-length"), "{told}");
    }
}

#[tokio::test]
async fn who_is_signed_out_is_answered_by_what_the_request_is() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let page = "Host: app.test\r\nSec-Fetch-Mode: navigate\r\nConnection: Upgrade\r\n";
    for (upgrade, status) in [("Upgrade: h2c\r\n".to_owned(), 302), (format!("Upgrade: websocket\r\n{KEY}"), 401)] {
        let mut client = door.client().await;
        assert_eq!(client.ask(format!("GET /x HTTP/1.1\r\n{page}{upgrade}\r\n")).await.status, status, "{upgrade}");
    }
    assert_eq!(app.received(), "");
}

/// An app that gives this answer to each request, and keeps whatever comes after it, request or not.
async fn eager(answer: &'static [u8]) -> App {
    App::serving(move |mut stream, app| async move {
        let mut read = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut read).await {
            app.keep(&read[..length]);
            // As an app that takes its time (README, limits).
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            if read[..length].ends_with(b"\r\n\r\n") && stream.write_all(answer).await.is_err() {
                return;
            }
        }
    })
    .await
}
