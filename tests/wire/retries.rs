//! A reused connection that the app closes: what is safe is sent once more, over a new one, and nothing else is.

use std::time::Duration;

use http::Method;
use tokio::io::AsyncWriteExt as _;

use crate::harness::{App, Door, Http2, Installation, read_request, until};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An app that answers the first request of each connection, and does to later ones what their path says. It does it to
/// the first one, too, where the path has `always` in it.
async fn app() -> App {
    App::serving(|mut stream, app| async move {
        let mut first = true;
        while let Some(request) = read_request(&mut stream).await {
            app.keep(&request);
            let text = String::from_utf8_lossy(&request).into_owned();
            let target = text.split(' ').nth(1).unwrap_or_default();
            let answer = if std::mem::take(&mut first) && !target.contains("always") {
                OK
            } else if target.contains("half") {
                b"HTTP/1.1 200 O"
            } else if target.contains("hint") {
                b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
            } else if target.contains("silent") {
                std::future::pending::<()>().await;
                return;
            } else if target.contains("lost") {
                if target.contains("reset") {
                    stream.set_zero_linger().unwrap();
                }
                return;
            } else {
                OK
            };
            if stream.write_all(answer).await.is_err() || !answer.ends_with(b"ok") {
                return;
            }
        }
    })
    .await
}

/// How often the app has seen this path.
fn seen(app: &App, path: &str) -> usize {
    app.received().matches(&format!(" {path} HTTP/1.1\r\n")).count()
}

/// Sends a request into a connection that the app has answered on before; the status, and how often the app saw it.
async fn reused(door: &Door, app: &App, request_line: &str, lines: &str, body: &str) -> (u16, usize) {
    app.forget();
    let mut client = door.client().await;
    assert_eq!(client.ask(door.as_alice("GET /first", "")).await.status, 200);
    let request = door.as_alice(request_line, lines) + body;
    let answer = client.ask(request).await;
    (answer.status, seen(app, request_line.split(' ').nth(1).unwrap()))
}

#[tokio::test]
async fn what_is_safe_is_sent_once_more_over_a_new_connection() {
    let app = app().await;
    let door = Door::before(&app).await;
    for method in ["GET", "HEAD", "OPTIONS"] {
        for path in ["/lost", "/lost/reset", "/public/lost"] {
            assert_eq!(reused(&door, &app, &format!("{method} {path}"), "", "").await, (200, 2), "{method} {path}");
        }
    }
    // Its new connection serves nobody else: the next request of anybody finds one that is in the pool, or opens one.
    assert_eq!(door.client().await.ask(door.as_alice("GET /x", "")).await.status, 200);
}

#[tokio::test]
async fn what_may_have_been_done_is_never_sent_twice() {
    let app = app().await;
    let door = Door::before(&app).await;
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        for (lines, body) in [("Content-Length: 4\r\n", "body"), ("Content-Length: 0\r\n", ""), ("", "")] {
            let sent = reused(&door, &app, &format!("{method} /lost"), lines, body).await;
            assert_eq!(sent, (502, 1), "{method} {lines}");
        }
    }
    for (what, request_line, lines, body) in [
        ("content", "GET /lost", "Content-Length: 4\r\n", "body"),
        ("content in chunks", "GET /lost", "Transfer-Encoding: chunked\r\n", "4\r\nbody\r\n0\r\n\r\n"),
        ("half a head", "GET /half", "", ""),
        ("an answer before the answer", "GET /hint", "", ""),
        (
            "a wish for a WebSocket",
            "GET /lost",
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            "",
        ),
    ] {
        let (status, times) = reused(&door, &app, request_line, lines, body).await;
        assert_eq!(times, 1, "{what}");
        assert!(status == 502 || status == 103, "{what}: {status}");
    }
    assert_eq!(reused(&door, &app, "GET /lost/always", "", "").await, (502, 2), "once, and not again");
}

#[tokio::test]
async fn a_new_connection_is_not_retried_and_silence_neither() {
    let app = app().await;
    let door = Door::plan(&[app.address]).read(Duration::from_millis(300)).open().await;
    let answer = door.client().await.ask(door.as_alice("GET /lost/always", "")).await;
    assert_eq!((answer.status, seen(&app, "/lost/always")), (502, 1));
    assert_eq!(reused(&door, &app, "GET /silent", "", "").await, (504, 1));
}

#[tokio::test]
async fn over_http2_too() {
    let app = app().await;
    let (house, shown) = Installation::over_tls(&format!("upstream: http://{}\n", app.address));
    house.user("alice", &[]);
    let _server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    let alice = client.sign_in("alice").await;
    let ask = async |method: Method, path: &str, body: &str| {
        app.forget();
        assert_eq!(client.get("/first", &alice).await.status, 200);
        let answer = client.ask(client.request(method, path).header("cookie", &alice), body).await;
        (answer.status, seen(&app, path))
    };
    assert_eq!(ask(Method::GET, "/lost", "").await, (200, 2));
    assert_eq!(ask(Method::OPTIONS, "/lost/reset", "").await, (200, 2));
    assert_eq!(ask(Method::POST, "/lost", "body").await, (502, 1));
    assert_eq!(ask(Method::DELETE, "/lost", "").await, (502, 1));
    assert_eq!(ask(Method::GET, "/half", "").await, (502, 1));
}

#[tokio::test]
async fn before_it_is_sent_once_more_it_is_judged_again() {
    let (go, wait) = tokio::sync::watch::channel(false);
    let app = App::serving(move |mut stream, app| {
        let mut wait = wait.clone();
        async move {
            app.record_request(&mut stream).await;
            stream.write_all(OK).await.unwrap();
            app.record_request(&mut stream).await;
            // The next request of this connection gets no answer; by then something has changed.
            let _ = wait.wait_for(|go| *go).await;
        }
    })
    .await;
    let house = Installation::with(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes: [{{ path: /, access: {{ roles: [staff] }}, upstream: app }}]\n",
        app.address
    ));
    house.user("alice", &["--role", "staff"]);
    let _server = house.run().await;
    let alice = house.signed_in("alice").await;
    assert_eq!(alice.status("/first").await, 200);
    let (status, ()) = tokio::join!(alice.status("/second"), async {
        until("the app to have it", async || (seen(&app, "/second") == 1).then_some(())).await;
        house.cli(&["users", "roles", "alice", "--none"]).ok();
        go.send_replace(true);
    });
    assert_eq!((status, seen(&app, "/second")), (403, 1));
}
