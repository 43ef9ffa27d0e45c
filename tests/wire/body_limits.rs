//! How long a body may be that an app is sent.

use futures_util::{SinkExt as _, StreamExt as _};
use portcullis::proxy::ConnectionLimits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{App, Door, Installation, Streaming, until};

const ROUTES: &str = "routes:
  - { path: /large, access: public, upstream: app, body_size: 4KiB }
  - { path: /any, access: public, upstream: app, body_size: null }
  - { path: /, access: public, upstream: app }
";
const LIMIT: &str = "limits: { body_size: 1KiB }\n";

fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST {path} HTTP/1.1\r\nHost: app.test\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn post_chunked(path: &str, parts: usize) -> String {
    let chunk = format!("100\r\n{}\r\n", "x".repeat(256));
    format!(
        "POST {path} HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
        chunk.repeat(parts)
    )
}

#[tokio::test]
async fn a_body_that_says_that_it_is_too_long_does_not_reach_the_app() {
    let app = App::ok().await;
    let door = Door::plan(&[app.address]).routes(ROUTES).keys(LIMIT).open().await;
    for (path, length, status) in
        [("/x", 1024, 200), ("/x", 1025, 413), ("/large", 4096, 200), ("/large", 4097, 413), ("/any", 100_000, 200)]
    {
        let before = app.requests();
        let answer = door.client().await.ask(post(path, &vec![b'x'; length])).await;
        assert_eq!((answer.status, app.requests() - before), (status, usize::from(status == 200)), "{path} {length}");
        assert!(status == 200 || answer.text().contains("urn:portcullis:problem:body-too-large"), "{}", answer.text());
    }
    // Who waits for leave to send is told before.
    let mut client = door.client().await;
    let head = "POST /x HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1025\r\nExpect: 100-continue\r\n\r\n";
    assert_eq!(client.ask(head).await.status, 413);
    assert!(client.is_closed().await);
    // What was left behind is not read as a request.
    let mut client = door.client().await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n".repeat(30);
    assert_eq!(client.ask(post("/x", smuggled.as_bytes())).await.status, 413);
    assert_eq!(client.ask(post("/x", b"")).await.status, 200);
    assert!(!app.received().contains("smuggled"));
}

#[tokio::test]
async fn a_body_in_chunks_that_becomes_too_long_is_cut() {
    // Answers when it has the whole body, which is never.
    let app = App::serving(|mut stream, app| async move {
        let mut part = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut part).await {
            app.keep(&part[..length]);
            if app.received().ends_with("\r\n0\r\n\r\n") {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            }
        }
        app.keep(b"[closed]");
    })
    .await;
    let door = Door::plan(&[app.address]).routes(ROUTES).keys(LIMIT).open().await;
    assert_eq!(door.client().await.ask(post_chunked("/x", 4)).await.status, 200);
    assert_eq!(door.client().await.ask(post_chunked("/large", 16)).await.status, 200);
    for (path, parts) in [("/x", 5), ("/large", 17), ("/x", 400)] {
        let ended = app.received().matches("\r\n0\r\n\r\n").count();
        let mut client = door.client().await;
        let answer = client.ask(post_chunked(path, parts)).await;
        assert_eq!((answer.status, answer.header("connection")), (413, Some("close")), "{path}: {}", answer.text());
        assert!(client.is_closed().await);
        until("the app to see that it was cut", async || app.received().ends_with("[closed]").then_some(())).await;
        assert_eq!(app.received().matches("\r\n0\r\n\r\n").count(), ended, "it never looks whole");
    }
}

#[tokio::test]
async fn an_answer_that_has_begun_breaks_off_with_its_body() {
    let app = App::serving(|mut stream, _| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n").await;
        let mut rest = [0; 4096];
        while let Ok(1..) = stream.read(&mut rest).await {}
    })
    .await;
    let door = Door::plan(&[app.address]).routes(ROUTES).keys(LIMIT).open().await;
    let mut client = door.client().await;
    client.send("POST /x HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n").await;
    assert!(client.head().await.starts_with("HTTP/1.1 200"));
    assert_eq!(client.chunk().await.unwrap(), b"ok");
    client.send(format!("800\r\n{}\r\n", "x".repeat(2048))).await;
    let rest = client.rest().await;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "a part is not taken for the whole: {}", String::from_utf8_lossy(&rest));
}

#[tokio::test]
async fn a_websocket_has_no_length() {
    let app = Streaming::open().await;
    let door =
        Door::plan(&[app.address]).public_url("http://127.0.0.1").keys(LIMIT).limits(ConnectionLimits::default());
    let door = door.open().await;
    let mut request =
        tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request("ws://127.0.0.1/ws").unwrap();
    request.headers_mut().insert("cookie", door.alice.parse().unwrap());
    let stream = tokio::net::TcpStream::connect(door.address).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    for _ in 0..3 {
        socket.send(Message::text("x".repeat(1000))).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap().len(), 1000);
    }
}

#[tokio::test]
async fn another_body_size_counts_after_a_reload() {
    let app = App::ok().await;
    let keys = |size: &str| {
        format!(
            "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes: [{{ path: /, access: public, upstream: app }}]\n\
             limits: {{ body_size: {size} }}\n",
            app.address
        )
    };
    let house = Installation::with(&keys("1KiB"));
    let server = house.run().await;
    let person = house.person();
    let send =
        async || person.request(reqwest::Method::POST, "/x").body(vec![b'x'; 2000]).send().await.unwrap().status();
    assert_eq!(send().await, 413);
    house.configure(&keys("2KiB"));
    server.child.signal("HUP");
    until("the new limit to count", async || (send().await == 200).then_some(())).await;
    server.stop().await;
}
