//! An app that is away, silent or confused: our words, never Pingora's.

use std::{sync::Arc, time::Duration};

use pingora::{apps::HttpServerApp as _, protocols::http::ServerSession};
use serde_json::Value;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpListener,
    sync::{Notify, watch},
    time::timeout,
};

use crate::harness::{Answer, App, Client, Door, beside, until};

/// A problem document of ours.
fn is_ours(answer: &Answer, status: u16, problem: &str) {
    assert_eq!(answer.status, status);
    let document: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(document["type"], format!("urn:portcullis:problem:{problem}"));
    assert!(!answer.head.to_ascii_lowercase().contains("pingora"), "{}", answer.head);
    assert_eq!(answer.header("connection"), Some("close"), "an answer that says whether the connection lives on");
}

#[tokio::test]
async fn an_app_that_is_away() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let door = Door::plan(&[gone]).open().await;
    let mut client = door.client().await;
    let answer = client.ask(door.as_alice("GET /x", "")).await;
    is_ours(&answer, 502, "app-unreachable");
    assert!(client.is_closed().await);
    let page = door.client().await.ask(door.as_alice("GET /x", "Accept: text/html\r\n")).await;
    assert_eq!(page.status, 502);
    assert!(page.text().contains("Alice \u{c5}ngstr\u{f6}m"), "whoever was let through is known: {}", page.text());
    let with_body = door.as_alice("POST /x", "Content-Length: 5\r\n") + "12345";
    is_ours(&door.client().await.ask(with_body).await, 502, "app-unreachable");
    assert!(door.metrics.render().contains("portcullis_upstream_up{upstream=\"app\"} 0"));
}

#[tokio::test]
async fn an_app_that_is_silent() {
    let app = App::serving(|mut stream, app| async move {
        app.record_request(&mut stream).await;
        // Until the other side has had enough.
        app.record_request(&mut stream).await;
    })
    .await;
    let door = Door::plan(&[app.address]).read(Duration::from_millis(200)).open().await;
    is_ours(&door.client().await.ask(door.as_alice("GET /x", "")).await, 504, "app-timeout");
    assert_eq!(app.requests(), 1, "it was sent once");
}

#[tokio::test]
async fn an_app_that_breaks_off_before_it_answers() {
    let app = App::serving(|mut stream, app| async move {
        app.record_request(&mut stream).await;
    })
    .await;
    let door = Door::before(&app).await;
    is_ours(&door.client().await.ask(door.as_alice("GET /x", "")).await, 502, "app-bad-answer");
    assert_eq!(app.requests(), 1, "it was sent once");
}

#[tokio::test]
async fn an_app_that_breaks_off_in_its_answer() {
    let app = App::serving(|mut stream, app| async move {
        app.record_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n").await.unwrap();
    })
    .await;
    let door = Door::before(&app).await;
    let mut client = door.client().await;
    client.send(door.as_alice("GET /x", "")).await;
    assert!(client.head().await.starts_with("HTTP/1.1 200"));
    let rest = client.rest().await;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "nobody takes a part for the whole: {rest:?}");
}

/// What a route says of its app's silence counts there, shorter or longer than what its upstream says.
#[tokio::test]
async fn an_app_may_be_silent_for_as_long_as_its_route_says() {
    const ROUTES: &str = "routes:
  - { path: /short, access: public, upstream: app, timeouts: { read: 300ms } }
  - { path: /long, access: public, upstream: app, timeouts: { read: 1m } }
  - { path: /, access: public, upstream: app }
";
    let app = App::serving(|mut stream, app| async move {
        app.record_request(&mut stream).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    })
    .await;
    for (upstream, path, status) in [
        (Duration::from_mins(1), "/short", 504),
        (Duration::from_mins(1), "/x", 200),
        (Duration::from_millis(300), "/long", 200),
        (Duration::from_millis(300), "/x", 504),
    ] {
        let door = Door::plan(&[app.address]).routes(ROUTES).read(upstream).open().await;
        let answer = door.client().await.ask(format!("GET {path} HTTP/1.1\r\nHost: app.test\r\n\r\n")).await;
        assert_eq!(answer.status, status, "{path} {upstream:?}");
    }
}

#[tokio::test]
async fn an_app_that_talks_nonsense() {
    let app = App::answering(b"this is not HTTP\r\n\r\n").await;
    let door = Door::before(&app).await;
    is_ours(&door.client().await.ask(door.as_alice("GET /x", "")).await, 502, "app-bad-answer");
}

#[tokio::test]
async fn what_is_not_safe_is_not_sent_again_on_another_connection() {
    let app = App::serving(|mut stream, app| async move {
        app.record_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        // The second request on this connection is read, and then there is nobody any more.
        app.record_request(&mut stream).await;
    })
    .await;
    let door = Door::before(&app).await;
    let mut client = door.client().await;
    assert_eq!(client.ask(door.as_alice("GET /1", "")).await.status, 200);
    is_ours(&client.ask(door.as_alice("POST /2", "")).await, 502, "app-bad-answer");
    assert_eq!(app.requests(), 2);
}

#[tokio::test]
async fn a_client_that_stops_in_its_body_is_told_so() {
    let app = App::ok().await;
    let limits = portcullis::proxy::ConnectionLimits { body_idle: Duration::from_millis(200), ..Default::default() };
    let door = Door::plan(&[app.address]).limits(limits).open().await;
    let answer = door.client().await.ask(door.as_alice("POST /x", "Content-Length: 10\r\n") + "half").await;
    is_ours(&answer, 408, "body-incomplete");
}

#[tokio::test]
async fn what_is_under_way_at_the_end_is_answered_and_then_the_connection_closes() {
    let answer = Arc::new(Notify::new());
    let may_answer = Arc::clone(&answer);
    let app = App::serving(move |mut stream, app| {
        let may_answer = Arc::clone(&may_answer);
        async move {
            app.record_request(&mut stream).await;
            may_answer.notified().await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        }
    })
    .await;
    let door = Door::before(&app).await;
    let (mut busy, mut idle) = (door.client().await, door.client().await);
    assert_eq!(idle.ask("GET /x HTTP/1.1\r\nHost: app.test\r\n\r\n").await.status, 401);
    busy.send(door.as_alice("GET /x", "")).await;
    until("the app has the request", async || (app.requests() == 1).then_some(())).await;
    door.close().await;
    assert!(idle.is_closed().await);
    answer.notify_one();
    let answer = busy.answer(true).await;
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert!(busy.is_closed().await);
    timeout(Duration::from_secs(1), door.open.subscribe().wait_for(|open| *open == 0)).await.unwrap().unwrap();
}

/// The registry of open requests is what an end cuts: a request that is not in it would go on for ever.
#[tokio::test]
async fn a_request_that_nobody_could_cut_reaches_no_app() {
    let app = App::ok().await;
    let (proxy, alice) = Door::plan(&[app.address]).proxy().await;
    let proxy = Arc::new(proxy);
    for path in ["/x", "/public/x", "/security/"] {
        let (client, server) = tokio::io::duplex(4096);
        let (proxy, (_stop, stopped)) = (Arc::clone(&proxy), watch::channel(false));
        beside(async move {
            // As an application of Pingora would be served, and not by way of our connections.
            let _ = proxy.process_new_http(ServerSession::new_http1(Box::new(server)), &stopped).await;
        });
        let request = format!("GET {path} HTTP/1.1\r\nHost: app.test\r\nCookie: {alice}\r\n\r\n");
        is_ours(&Client(client).ask(request).await, 500, "broken");
    }
    assert_eq!(app.received(), "");
}
