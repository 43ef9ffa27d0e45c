//! `timeouts.read`: how long an app may be silent, and that an event stream may be for ever. The answer decides, whatever was
//! asked for.

use std::{net::SocketAddr, time::Duration};

use http::Method;
use portcullis::proxy::ConnectionLimits;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::harness::{
    App, Client, Door, Http2, Installation, LONG_PATIENCE, Running, came, next_part, read_request, until,
};

const READ: Duration = Duration::from_millis(300);
/// Silence of an app that is longer than it may be.
const SILENCE: Duration = Duration::from_secs(1);
/// Each begins an event stream, and says one event.
const STREAMS: [&str; 6] = [
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: x\n\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-type: Text/EVENT-stream ; charset=utf-8; a=b\r\n\r\ndata: x\n\n",
    "HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: x\n\n",
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\ndata: x\n\n",
    "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: x\n\n",
    "HTTP/1.1 206 Partial Content\r\nContent-Type: text/event-stream\r\nContent-Length: 1000\r\n\r\ndata: x\n\n",
];
/// Each begins an answer of another kind.
const OTHERS: [&str; 3] = [
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-streams\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\nhalf",
    "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf",
];
/// More than any buffer on its way takes.
const FULL: usize = 8 * 1024 * 1024;

/// An app that falls silent: `/dead` at once, `/stream/N` and `/other/N` after what the lists above say, `/full` after a whole
/// answer; a stream says a second event when it is over. `/drip` takes its time with a head.
async fn silent() -> App {
    App::serving(|mut stream, app| async move {
        while let Some(request) = read_request(&mut stream).await {
            let request = String::from_utf8(request).unwrap();
            app.keep(request.as_bytes());
            let target = request.split(' ').nth(1).unwrap().to_owned();
            answer(&mut stream, &request, &target).await;
            if !target.ends_with("ok") {
                // Until the proxy hangs up.
                while stream.read_u8().await.is_ok() {}
                app.keep(format!("[closed {target}]").as_bytes());
                return;
            }
        }
    })
    .await
}

async fn answer(stream: &mut TcpStream, request: &str, target: &str) {
    let number = target.rsplit('/').next().and_then(|number| number.parse::<usize>().ok());
    let mut say = async |what: &[u8]| {
        // Who asked may be gone.
        let _ = stream.write_all(what).await;
    };
    match number {
        _ if request.starts_with("HEAD") || target.ends_with("/ok") => {
            let length = if request.starts_with("HEAD") { "" } else { "ok" };
            say(format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{length}").as_bytes()).await;
        }
        Some(number) if target.starts_with("/public/stream") => {
            say(STREAMS[number].as_bytes()).await;
            sleep(SILENCE).await;
            say(if number == 0 { b"9\r\ndata: y\n\n\r\n" } else { b"data: y\n\n" }).await;
        }
        Some(number) => say(OTHERS[number].as_bytes()).await,
        None if target.ends_with("/full") => {
            say(format!("HTTP/1.1 200 OK\r\nContent-Length: {FULL}\r\n\r\n").as_bytes()).await;
            say(&vec![b'x'; FULL]).await;
        }
        None if target.ends_with("/drip") => {
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" {
                say(&[*byte]).await;
                sleep(SILENCE / 16).await;
            }
        }
        None => {}
    }
}

async fn door(app: &App, read: Duration) -> Door {
    let limits = ConnectionLimits { body_idle: READ, ..ConnectionLimits::default() };
    Door::plan(&[app.address]).limits(limits).read(read).open().await
}

async fn is_let_go(app: &App, target: &str) {
    let closed = format!("[closed {target}]");
    until(&closed, async || app.received().contains(&closed).then_some(())).await;
}

/// A client of HTTP/2 before this app, whose silence is bounded to [`READ`].
async fn over_http2(app: SocketAddr) -> (Installation, Running, Http2) {
    let (house, shown) = Installation::over_tls(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{app}\"], timeouts: {{ read: {READ:?} }} }} }}\n\
         routes: [{{ path: /, access: public, upstream: app }}]\n"
    ));
    let server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    (house, server, client)
}

#[tokio::test]
async fn an_event_stream_may_be_silent_whatever_was_asked_for() {
    let app = silent().await;
    let door = door(&app, READ).await;
    for version in ["1.1", "1.0"] {
        for number in 0..STREAMS.len() {
            let mut client = door.client().await;
            client.send(format!("GET /public/stream/{number} HTTP/{version}\r\nHost: app.test\r\n\r\n")).await;
            let reading = async {
                let mut come = Vec::new();
                while !come.ends_with(b"data: y\n\n")
                    && let Ok(byte) = client.0.read_u8().await
                {
                    come.push(byte);
                }
                come
            };
            let come = String::from_utf8(timeout(LONG_PATIENCE, reading).await.expect("an end")).unwrap();
            assert!(come.ends_with("data: y\n\n"), "{number} over HTTP/{version}: {come} {}", app.received());
        }
    }
}

#[tokio::test]
async fn an_event_stream_of_http2_may_be_silent_too() {
    let app = silent().await;
    let (_house, server, client) = over_http2(app.address).await;
    for number in 0..STREAMS.len() {
        let request = client.request(Method::GET, &format!("/public/stream/{number}")).body(()).unwrap();
        let (answer, _sending) = client.begin(request, true).await;
        let mut body = timeout(LONG_PATIENCE, answer).await.expect("an answer").unwrap().into_body();
        let mut come = Vec::new();
        while !String::from_utf8_lossy(&come).contains("data: y") {
            come.extend(next_part(&mut body).await.unwrap().unwrap_or_else(|| panic!("no more of {number}")));
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn to_ask_for_an_event_stream_lifts_nothing() {
    let app = silent().await;
    let door = door(&app, READ).await;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (target, lines) in [
        ("/public/a/dead", "Accept: text/event-stream\r\n"),
        ("/public/b/dead", "Accept: text/event-stream, */*\r\nCache-Control: no-cache\r\n"),
        ("/public/c/dead", upgrade),
    ] {
        let mut client = door.client().await;
        let answer = client.ask(format!("GET {target} HTTP/1.1\r\nHost: app.test\r\n{lines}\r\n")).await;
        assert_eq!((answer.status, answer.header("connection")), (504, Some("close")), "{target}");
        is_let_go(&app, target).await;
    }
    let (_house, server, client) = over_http2(app.address).await;
    let request = client.request(Method::GET, "/public/d/dead").header("accept", "text/event-stream");
    let (answer, _sending) = client.begin(request.body(()).unwrap(), true).await;
    assert_eq!(timeout(LONG_PATIENCE, came(answer)).await.expect("an answer").unwrap().status, 504);
    is_let_go(&app, "/public/d/dead").await;
    assert_eq!(client.get("/public/ok", "").await.status, 200, "its neighbours go on");
    server.stop().await;
}

#[tokio::test]
async fn an_answer_of_another_type_that_falls_silent_is_broken_off() {
    let app = silent().await;
    let door = door(&app, READ).await;
    let (_house, server, http2) = over_http2(app.address).await;
    for number in 0..OTHERS.len() {
        let target = format!("/public/other/{number}");
        let mut client = door.client().await;
        client.send(format!("GET {target} HTTP/1.1\r\nHost: app.test\r\nAccept: text/event-stream\r\n\r\n")).await;
        assert!(client.head().await.starts_with("HTTP/1.1 200"));
        let rest = timeout(LONG_PATIENCE, client.rest()).await.expect("an end");
        assert!(!rest.ends_with(b"0\r\n\r\n") && rest.len() < 12, "nobody takes a part for the whole: {rest:?}");
        is_let_go(&app, &target).await;

        app.forget();
        let (answer, _sending) = http2.begin(http2.request(Method::GET, &target).body(()).unwrap(), true).await;
        let end = timeout(LONG_PATIENCE, came(answer)).await.expect("an end");
        assert!(end.is_err(), "nobody takes a part for the whole: {end:?}");
        is_let_go(&app, &target).await;
    }
    let line = server.says("\"path\":\"/public/other/2\"").await;
    assert_eq!(line["status"], 200, "{line}");
    server.stop().await;
}

#[tokio::test]
async fn what_comes_byte_by_byte_is_no_silence() {
    let app = silent().await;
    let door = door(&app, SILENCE).await;
    let answer = door.client().await.ask("GET /public/drip HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
}

/// Whatever the app still has to say, the client takes its time with it.
#[tokio::test]
async fn a_client_that_pauses_does_not_make_the_app_silent() {
    let app = silent().await;
    let door = door(&app, READ).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut client = Client(socket.connect(door.address).await.unwrap());
    client.send("GET /public/full HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert!(client.head().await.starts_with("HTTP/1.1 200"));
    // The pause itself.
    sleep(SILENCE).await;
    assert_eq!(timeout(LONG_PATIENCE, client.exactly(FULL)).await.expect("all of it").len(), FULL);

    let (_house, server, client) = over_http2(app.address).await;
    let request = client.request(Method::GET, "/public/full").body(()).unwrap();
    let (answer, _sending) = client.begin(request, true).await;
    let mut body = timeout(LONG_PATIENCE, answer).await.expect("an answer").unwrap().into_body();
    sleep(SILENCE).await;
    let mut come = 0;
    while let Some(part) = next_part(&mut body).await.expect("more of it") {
        come += part.len();
    }
    assert_eq!(come, FULL);
    server.stop().await;
}

/// The time-out of one request is not that of the next on the same connections.
#[tokio::test]
async fn the_time_out_ends_with_the_answer() {
    let app = silent().await;
    let door = door(&app, READ).await;
    let mut client = door.client().await;
    for method in ["GET", "HEAD", "GET"] {
        client.send(format!("{method} /public/ok HTTP/1.1\r\nHost: app.test\r\n\r\n")).await;
        assert_eq!(client.answer(method == "GET").await.status, 200);
        // Longer than an app may be silent that is asked something.
        sleep(READ * 2).await;
    }
    assert_eq!(app.requests(), 3);
    assert!(!app.received().contains("closed"), "{}", app.received());
}
