//! Clients that take their time, or take none of what they asked for: what each may hold, and for how long.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use nix::sys::socket::{setsockopt, sockopt};
use portcullis::proxy::ConnectionLimits;
use rustls::version::TLS13;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    time::{sleep, timeout},
};

use crate::harness::{App, Client, Door, Http2, Installation, LONG_PATIENCE, PATIENCE, until};

/// Every limit so short that a test can wait for it.
const SHORT: &str = "limits: { head_size: 4KiB, headers: 10, head_deadline: 400ms, body_idle: 400ms, keep_alive: 400ms, \
                     requests_per_connection: 3 }\n";

fn everything_public(app: SocketAddr, keys: &str) -> String {
    format!(
        "upstreams: {{ app: {{ servers: [\"http://{app}\"] }} }}\nroutes: [{{ path: /, access: public, upstream: app }}]\n{keys}"
    )
}

/// As much as fits into many a write.
const PIECE: [u8; 16_000] = [b'x'; 16_000];

/// An app whose answer never ends.
async fn endless() -> App {
    App::serving(|mut stream, app| async move {
        if !app.record_request(&mut stream).await {
            return;
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n").await;
        while stream.write_all(&PIECE).await.is_ok() {}
        app.keep(b"[closed]");
    })
    .await
}

/// A client with no more room for what comes than it must have.
async fn narrow(to: SocketAddr) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    Client(socket.connect(to).await.unwrap())
}

/// Sends a byte now and then until there is an answer, or the connection is closed.
async fn drip(client: &mut Client, bytes: impl Iterator<Item = u8>, pause: Duration) {
    let dripping = async {
        for byte in bytes {
            client.send([byte]).await;
            if timeout(pause, client.0.readable()).await.is_ok() {
                return;
            }
        }
    };
    timeout(LONG_PATIENCE, dripping).await.expect("an end");
}

#[tokio::test]
async fn the_limits_of_the_configuration_hold() {
    let app = App::ok().await;
    let house = Installation::with(&everything_public(app.address, SHORT));
    let server = house.run().await;
    let at = house.public;
    let get = |lines: &str| format!("GET /x HTTP/1.1\r\nHost: {at}\r\n{lines}\r\n");
    let connect = || Client::connect(at);

    assert_eq!(connect().await.ask(get(&"A: b\r\n".repeat(9))).await.status, 200);
    assert_eq!(connect().await.ask(get(&"A: b\r\n".repeat(10))).await.status, 431);
    assert_eq!(connect().await.ask(get(&format!("A: {}\r\n", "b".repeat(4000)))).await.status, 200);
    assert_eq!(connect().await.ask(get(&format!("A: {}\r\n", "b".repeat(4096)))).await.status, 431);

    // Sooner than without the configuration.
    assert!(connect().await.is_closed().await, "it has said nothing");
    let mut slow = connect().await;
    let head = format!("GET /x HTTP/1.1\r\nHost: {at}\r\nA: ");
    drip(&mut slow, head.bytes().chain(std::iter::repeat(b'b')), Duration::from_millis(20)).await;
    assert_eq!(slow.answer(true).await.status, 408);
    assert!(slow.is_closed().await);

    let mut idle = connect().await;
    assert_eq!(idle.ask(get("")).await.status, 200);
    assert!(idle.is_closed().await, "it was silent");
    let mut many = connect().await;
    for connection in ["keep-alive", "keep-alive", "close"] {
        assert_eq!(many.ask(get("")).await.header("connection"), Some(connection));
    }
    assert!(many.is_closed().await);

    // One that stops in a body, to the app and to a page of ours, by its length and in chunks.
    for path in ["/x", "/security/api/v1/sign-in"] {
        for framing in ["Content-Length: 100\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
            let mut client = connect().await;
            let lines = "Content-Type: application/json\r\nSec-Fetch-Site: same-origin\r\n";
            let answer = client.ask(format!("POST {path} HTTP/1.1\r\nHost: {at}\r\n{lines}{framing}")).await;
            assert_eq!((answer.status, answer.header("connection")), (408, Some("close")), "{path} {framing:?}");
            assert!(client.is_closed().await);
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn who_does_not_take_an_answer_is_cut() {
    let app = endless().await;
    let limits = ConnectionLimits { write_idle: Duration::from_millis(400), ..ConnectionLimits::default() };
    let door = Door::plan(&[app.address]).limits(limits).open().await;
    let mut client = narrow(door.address).await;
    client.send("GET /public HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert!(client.head().await.starts_with("HTTP/1.1 200"));
    until("the app to be let go", async || app.received().ends_with("[closed]").then_some(())).await;
    until("the client to be let go", async || (*door.open.borrow() == 0).then_some(())).await;
    let cut = "portcullis_streams_cut_total{reason=\"write_idle\"} 1";
    until("it to be counted", async || door.metrics.render().contains(cut).then_some(())).await;
}

/// A film that pauses is longer silent than an upload may be.
#[tokio::test]
async fn who_pauses_within_the_limit_reads_on() {
    let app = endless().await;
    let limits = ConnectionLimits {
        body_idle: Duration::from_millis(200),
        write_idle: LONG_PATIENCE,
        ..ConnectionLimits::default()
    };
    let door = Door::plan(&[app.address]).read(Duration::from_millis(200)).limits(limits).open().await;
    let mut client = narrow(door.address).await;
    client.send("GET /public HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert!(client.head().await.starts_with("HTTP/1.1 200"));
    // The pause itself.
    sleep(Duration::from_secs(1)).await;
    let more = timeout(LONG_PATIENCE, client.exactly(1024 * 1024)).await.expect("it comes");
    assert_eq!(more.len(), 1024 * 1024);
    assert!(!app.received().ends_with("[closed]"));
}

/// Over HTTP/2 it is the stream's window that nobody opens.
#[tokio::test]
async fn who_does_not_take_an_answer_of_http2_is_cut_and_logged() {
    let app = endless().await;
    let (house, shown) = Installation::over_tls(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes: [{{ path: /, access: public, upstream: app }}]\n\
         limits: {{ write_idle: 500ms }}\n",
        app.address
    ));
    let server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    let request = client.request(http::Method::GET, "/film").body(()).unwrap();
    let (answer, _sending) = client.begin(request, true).await;
    let answer = timeout(LONG_PATIENCE, answer).await.expect("an answer").unwrap();
    let line = server.child.line(|line| line.contains("\"/film\"")).await;
    assert!(line.contains("\"cut\":\"write_idle\"") && line.contains("\"status\":200"), "{line}");
    until("the app to be let go", async || app.received().ends_with("[closed]").then_some(())).await;
    server.metric_becomes("portcullis_streams_cut_total{reason=\"write_idle\"}", 1.0).await;
    drop(answer);
    server.stop().await;
}

/// Its windows are open: what it does not read of its socket waits in buffers of ours, and no write is pending.
#[tokio::test]
async fn who_stops_reading_the_socket_of_http2_is_cut_too() {
    let app = App::serving(|mut stream, app| async move {
        if app.record_request(&mut stream).await {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n").await;
            let _ = stream.write_all(&PIECE.repeat(24)).await;
            while stream.read_u8().await.is_ok() {}
            app.keep(b"[closed]");
        }
    })
    .await;
    let keys = "limits: { write_idle: 500ms }\n";
    let (house, shown) = Installation::over_tls(&everything_public(app.address, keys));
    let server = house.run().await;
    // In small segments, so that the kernel keeps little of it: what it does not take fits into one buffer of `h2`.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    setsockopt(&socket, sockopt::TcpMaxSeg, &536).unwrap();
    let stream = socket.connect(house.public).await.unwrap();
    let stream = shown.over(stream, &["h2"], &[&TLS13]).await.unwrap();
    let mut settings = h2::client::Builder::new();
    settings.initial_window_size(1 << 30).initial_connection_window_size(1 << 30);
    let (requests, mut connection) = settings.handshake::<_, Bytes>(stream).await.unwrap();
    let request = http::Request::get(format!("https://{}/film", house.public)).body(()).unwrap();
    let asking = async { requests.ready().await.unwrap().send_request(request, true).unwrap().0.await };
    let answer = tokio::select! {
        answer = timeout(LONG_PATIENCE, asking) => answer.expect("an answer").unwrap(),
        _ = &mut connection => panic!("the connection is over"),
    };
    // From here on nobody polls the connection.
    let line = server.child.line(|line| line.contains("\"/film\"")).await;
    assert!(line.contains("\"cut\":\"write_idle\"") && line.contains("\"status\":200"), "{line}");
    until("the app to be let go", async || app.received().ends_with("[closed]").then_some(())).await;
    drop((answer, connection));
    server.stop().await;
}

#[tokio::test]
async fn who_takes_an_answer_byte_by_byte_is_cut_too() {
    let app = endless().await;
    let limits = ConnectionLimits { write_idle: Duration::from_millis(400), ..ConnectionLimits::default() };
    let door = Door::plan(&[app.address]).limits(limits).open().await;
    let mut client = narrow(door.address).await;
    client.send("GET /public HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    let taking = async {
        while *door.open.borrow() > 0 {
            client.exactly(1).await;
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LONG_PATIENCE, taking).await.expect("it to be let go");
    until("the app to be let go", async || app.received().ends_with("[closed]").then_some(())).await;
}

#[tokio::test]
async fn an_app_that_takes_nothing_of_a_body_is_given_up() {
    let app = App::serving(|stream, app| async move {
        app.keep(b"[open]");
        sleep(LONG_PATIENCE * 4).await;
        drop(stream);
    })
    .await;
    let door = Door::plan(&[app.address]).read(Duration::from_millis(400)).open().await;
    let mut client = door.client().await;
    let (mut reading, mut writing) = client.0.split();
    let head = "POST /public HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1099511627776\r\n\r\n";
    let sending = async {
        writing.write_all(head.as_bytes()).await.unwrap();
        while writing.write_all(&PIECE).await.is_ok() {}
    };
    let mut first = [0; 12];
    let told = tokio::io::AsyncReadExt::read_exact(&mut reading, &mut first);
    let told = timeout(LONG_PATIENCE, async { tokio::join!(sending, told).1 }).await.expect("an end");
    told.unwrap();
    assert_eq!(std::str::from_utf8(&first).unwrap(), "HTTP/1.1 504");
}

#[tokio::test]
async fn many_requests_sent_at_once_are_one_request() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let (first, rest) =
        ("GET /public HTTP/1.1\r\nHost: app.test\r\n\r\n", "GET /public/more HTTP/1.1\r\nHost: app.test\r\n\r\n");
    let mut client = door.client().await;
    client.send(format!("{first}{}", rest.repeat(50))).await;
    assert_eq!(client.answer(true).await.status, 200);
    assert!(client.is_closed().await);
    // What does not fit into one read is never read: the answer may be lost with it.
    let mut client = door.client().await;
    client.send(format!("{first}{}", rest.repeat(5_000))).await;
    client.rest().await;
    until("the connections to end", async || (*door.open.borrow() == 0).then_some(())).await;
    assert!(!app.received().contains("more"), "the others are for another connection");
}

/// Hundreds that are silent and hundreds that are slow: everybody else is served, and so are the silent ones when they speak.
#[tokio::test(flavor = "multi_thread")]
async fn j01_a_crowd_of_idle_and_slow_clients_keeps_nobody_out() {
    let app = App::ok().await;
    let house = Installation::with(&everything_public(app.address, "limits: { head_deadline: 3s }\n"));
    let server = house.run().await;
    let at = house.public;
    let get = format!("GET /x HTTP/1.1\r\nHost: {at}\r\n\r\n");
    let mut idle = join_all((0..500).map(|_| Client::connect(at))).await;
    for client in &mut idle {
        assert_eq!(client.ask(&get).await.status, 200);
    }
    let slow = (0..200).map(|number| async move {
        let mut client = Client::connect(at).await;
        let body = number % 2 == 0;
        let head =
            if body { format!("POST /x HTTP/1.1\r\nHost: {at}\r\nContent-Length: 30\r\n\r\n") } else { String::new() };
        client.send(&head).await;
        let line = "GET /x HTTP/1.1\r\nA: ".bytes().chain(std::iter::repeat(b'b'));
        let bytes: Box<dyn Iterator<Item = u8> + Send> = if body { Box::new(line.take(30)) } else { Box::new(line) };
        drip(&mut client, bytes, Duration::from_millis(100)).await;
        client.answer(true).await.status
    });
    let others = async {
        for asked in 0..200 {
            let answer = Client::connect(at).await.ask(&get).await;
            assert_eq!(answer.status, 200, "after {asked}");
            sleep(Duration::from_millis(10)).await;
        }
    };
    let (statuses, ()) = tokio::join!(join_all(slow), others);
    for (number, status) in statuses.into_iter().enumerate() {
        assert_eq!(
            status,
            if number % 2 == 0 { 200 } else { 408 },
            "{number}: a slow body is a body, a slow head is none"
        );
    }
    for client in &mut idle {
        assert_eq!(timeout(PATIENCE, client.ask(&get)).await.unwrap().status, 200, "who was silent may speak");
    }
    assert_eq!(server.admin("/readyz").await.unwrap().0, 200);
    server.stop().await;
}
