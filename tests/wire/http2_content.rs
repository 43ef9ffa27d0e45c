//! Content of HTTP/2 requests that say no length: an app of HTTP/1.1 gets each one with one end, and no framing where there
//! is none.

use std::{future::poll_fn, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{sleep, timeout},
};

use crate::harness::{
    App, Http2, Installation, Running, Shown, came,
    frames::{DATA, END_HEADERS, END_STREAM, Frame, Frames, HEADERS, pressed},
};

/// Flag of a frame with padding.
const PADDED: u8 = 8;
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An app that keeps every byte of each connection, behind a server that is open to all. A request ends with `end!`, or
/// with its head where its path is `/none`.
async fn before_a_recorder() -> (App, Installation, Shown, Running) {
    let app = App::serving(|mut stream, app| async move {
        let mut unread = Vec::new();
        while let Ok(1..) = stream.read_buf(&mut unread).await {
            let text = String::from_utf8_lossy(&unread).into_owned();
            let none = text.contains(" /none ");
            // What comes behind an end shows in the next request.
            if (none && text.ends_with("\r\n\r\n")) || text.ends_with("\r\n0\r\n\r\n") || text.ends_with("end!") {
                app.keep(&unread);
                unread.clear();
                if stream.write_all(OK).await.is_err() {
                    return;
                }
            }
        }
        app.keep(&unread);
    })
    .await;
    let (house, shown) = Installation::over_tls(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes: [{{ path: /, access: public, upstream: app }}]\n",
        app.address
    ));
    let server = house.run().await;
    (app, house, shown, server)
}

/// What the app received of one request: its framing, and what came behind its head.
fn framing(received: &str) -> (Vec<String>, String) {
    let (head, body) = received.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{received:?}"));
    let lines = head.to_ascii_lowercase();
    let framed = lines.lines().filter(|line| line.starts_with("transfer-") || line.starts_with("content-length"));
    (framed.map(str::to_owned).collect(), body.to_owned())
}

#[tokio::test]
async fn a_body_has_one_end_however_it_ends() {
    let (app, house, shown, _server) = before_a_recorder().await;
    let client = Http2::connect(house.public, &shown).await;
    let pieces: [(&str, &[&str], bool); 5] = [
        ("an empty end", &["one", ""], false),
        ("empty pieces all over", &["", "one", "", "", "two", "", ""], false),
        ("a full end", &["one", "two"], false),
        ("trailers", &["one"], true),
        ("an empty piece and trailers", &["one", ""], true),
    ];
    for (what, pieces, trailers) in pieces {
        app.forget();
        let (answer, mut sending) = client.begin(client.request(Method::POST, "/x").body(()).unwrap(), false).await;
        for (place, piece) in pieces.iter().enumerate() {
            let last = place + 1 == pieces.len() && !trailers;
            sending.send_data(Bytes::copy_from_slice(piece.as_bytes()), last).unwrap();
            // Each in its own time, so that it is a piece of its own at the other end.
            sleep(Duration::from_millis(30)).await;
        }
        if trailers {
            sending
                .send_trailers(HeaderMap::from_iter([("x-sum".parse().unwrap(), HeaderValue::from_static("1"))]))
                .unwrap();
        }
        assert_eq!(came(answer).await.unwrap().status, 200, "{what}");
        // On the same connection: what was left over would stand before it.
        assert_eq!(client.get("/none", "").await.status, 200, "{what}");
        let received = app.received();
        let (first, second) = received.split_once("GET /none").unwrap_or_else(|| panic!("{what}: {received}"));
        let full = pieces.iter().filter(|piece| !piece.is_empty());
        let sent: Vec<_> = full.map(|piece| format!("3\r\n{piece}\r\n")).collect();
        assert_eq!(framing(first), (vec!["transfer-encoding: chunked".into()], sent.concat() + "0\r\n\r\n"), "{what}");
        assert!(second.ends_with("\r\n\r\n"), "{what}: {second}");
    }
}

#[tokio::test]
async fn a_length_that_is_said_needs_no_other_end() {
    let (app, house, shown, _server) = before_a_recorder().await;
    let client = Http2::connect(house.public, &shown).await;
    let request = client.request(Method::PUT, "/x").header("content-length", "4").body(()).unwrap();
    let (answer, mut sending) = client.begin(request, false).await;
    sending.send_data(Bytes::from_static(b"end!"), false).unwrap();
    sleep(Duration::from_millis(30)).await;
    sending.send_data(Bytes::new(), true).unwrap();
    assert_eq!(came(answer).await.unwrap().status, 200);
    assert_eq!(client.get("/none", "").await.status, 200);
    let received = app.received();
    let (first, second) = received.split_once("GET /none").unwrap();
    assert_eq!(framing(first), (vec!["content-length: 4".into()], "end!".into()));
    assert!(second.ends_with("\r\n\r\n"), "{second}");
}

#[tokio::test]
async fn without_content_there_is_no_coding() {
    let (app, house, shown, _server) = before_a_recorder().await;
    let client = Http2::connect(house.public, &shown).await;
    for method in [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS, Method::POST] {
        for empty in 0..3 {
            app.forget();
            let request = client.request(method.clone(), "/none").body(()).unwrap();
            let (answer, mut sending) = client.begin(request, false).await;
            for _ in 0..empty {
                sleep(Duration::from_millis(30)).await;
                sending.send_data(Bytes::new(), false).unwrap();
            }
            sleep(Duration::from_millis(100)).await;
            if empty == 0 {
                sending.send_trailers(HeaderMap::new()).unwrap();
            } else {
                sending.send_data(Bytes::new(), true).unwrap();
            }
            assert_eq!(came(answer).await.unwrap().status, 200, "{method} {empty}");
            let (framed, body) = framing(&app.received());
            assert!(!framed.iter().any(|line| line.starts_with("transfer-")), "{method} {empty}: {framed:?}");
            assert_eq!(body, "", "{method} {empty}");
        }
    }
}

#[tokio::test]
async fn padding_is_no_content() {
    let (app, house, shown, _server) = before_a_recorder().await;
    let mut frames = Frames::open(house.public, &shown).await;
    let at = house.public.to_string();
    let lines = |method, path| vec![(":method", method), (":scheme", "https"), (":authority", &*at), (":path", path)];
    let ended = |stream| move |frame: &Frame| frame.stream == stream && frame.flags & END_STREAM != 0 && frame.kind < 2;
    frames.send(HEADERS, END_HEADERS, 1, &pressed(&lines("DELETE", "/none"))).await;
    frames.send(DATA, END_STREAM | PADDED, 1, &[&[200][..], &[0; 200]].concat()).await;
    assert!(frames.until(ended(1)).await.is_some());
    assert_eq!(framing(&app.received()).1, "");
    assert!(!app.received().to_ascii_lowercase().contains("transfer-encoding"), "{}", app.received());

    app.forget();
    frames.send(HEADERS, END_HEADERS, 3, &pressed(&lines("POST", "/x"))).await;
    frames.send(DATA, PADDED, 3, &[&[9][..], b"one", &[0; 9]].concat()).await;
    sleep(Duration::from_millis(100)).await;
    frames.send(DATA, END_STREAM | PADDED, 3, &[&[255][..], &[0; 255]].concat()).await;
    assert!(frames.until(ended(3)).await.is_some());
    frames.send(HEADERS, END_HEADERS | END_STREAM, 5, &pressed(&lines("GET", "/none"))).await;
    assert!(frames.until(ended(5)).await.is_some());
    let received = app.received();
    let (first, second) = received.split_once("GET /none").unwrap();
    assert_eq!(framing(first), (vec!["transfer-encoding: chunked".into()], "3\r\none\r\n0\r\n\r\n".into()));
    assert!(second.ends_with("\r\n\r\n"), "{second}");
}

/// A client may wait for the answer before it sends: that is no deadlock.
#[tokio::test]
async fn who_sends_nothing_before_the_answer_gets_one() {
    let app = App::serving(|mut stream, _| async move {
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            read.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        let _ = stream.read_to_end(&mut read).await;
    })
    .await;
    let (house, shown) = Installation::over_tls(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes: [{{ path: /, access: public, upstream: app }}]\n",
        app.address
    ));
    let _server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    let (answer, mut sending) = client.begin(client.request(Method::POST, "/x").body(()).unwrap(), false).await;
    let (head, _body) = answer.await.unwrap().into_parts();
    assert_eq!(head.status, 200);
    sending.send_data(Bytes::from_static(b"late"), true).unwrap();
}

/// The app is told of the wish, and nobody gives leave: what the client sends then arrives all the same.
#[tokio::test]
async fn who_waits_for_leave_gets_none_and_may_send() {
    let (app, house, shown, server) = before_a_recorder().await;
    let client = Http2::connect(house.public, &shown).await;
    let request = client.request(Method::POST, "/waits").header("expect", "100-continue").header("content-length", 4);
    let (mut answer, mut sending) = client.begin(request.body(()).unwrap(), false).await;
    let early = timeout(Duration::from_millis(1_500), poll_fn(|context| answer.poll_informational(context))).await;
    assert!(early.is_err(), "{early:?}");
    sending.send_data(Bytes::from_static(b"end!"), true).unwrap();
    assert_eq!(came(answer).await.unwrap().status, 200);
    let received = app.received().to_ascii_lowercase();
    assert!(received.contains("expect: 100-continue") && received.ends_with("end!"), "{received}");
    server.stop().await;
}
