//! Slow readers: of too many of one session, or of one address, the one that has been slow for longest is cut.

use std::{net::IpAddr, time::Duration};

use h2::client::Builder;
use http::Method;
use portcullis::proxy::ConnectionLimits;
use tokio::{io::AsyncWriteExt as _, net::TcpSocket, time::timeout};

use crate::harness::{App, Client, Door, Http2, Installation, LONG_PATIENCE, read_request, until};

/// How long one takes nothing before it counts.
const SLOW: Duration = Duration::from_millis(300);
const SLOW_READERS: &str = "portcullis_slow_readers";
const CUT: &str = "portcullis_streams_cut_total{reason=\"slow_reader\"}";
/// As much as fits into many a write.
const PIECE: [u8; 16_000] = [b'x'; 16_000];
const LONG: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n";
const AGREED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
/// Head of a frame with one piece in it.
const FRAME: &[u8] = &[0x82, 126, 0x3e, 0x80];

/// An app whose answers never end; it tells which of them are over.
async fn endless() -> App {
    App::serving(|mut stream, app| async move {
        let Some(request) = read_request(&mut stream).await else { return };
        let request = String::from_utf8(request).unwrap();
        let target = request.split(' ').nth(1).unwrap();
        let (head, frame) = if target.ends_with("/ws") { (AGREED, FRAME) } else { (LONG, &[][..]) };
        let _ = stream.write_all(head).await;
        while stream.write_all(frame).await.is_ok() && stream.write_all(&PIECE).await.is_ok() {}
        app.keep(format!("[closed {target}]").as_bytes());
    })
    .await
}

/// A client that takes nothing of what it asks for.
async fn slow(door: &Door, request: String) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut client = Client(socket.connect(door.address).await.unwrap());
    client.send(request).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.1 101"), "{head}");
    client
}

async fn there_are(door: &Door, slow: usize) {
    let line = format!("\n{SLOW_READERS} {slow}\n");
    until(&line, async || door.metrics.render().contains(&line).then_some(())).await;
}

async fn is_let_go(app: &App, targets: &[&str]) {
    until("the app to be let go", async || {
        targets.iter().all(|target| app.received().contains(&format!("[closed {target}]"))).then_some(())
    })
    .await;
    assert_eq!(app.received().matches("[closed").count(), targets.len(), "{}", app.received());
}

#[tokio::test]
async fn of_too_many_of_one_session_the_slowest_is_cut() {
    let app = endless().await;
    let limits = ConnectionLimits { slow_after: SLOW, slow_readers_per_session: 2, ..ConnectionLimits::default() };
    let door = Door::plan(&[app.address]).limits(limits).open().await;
    let hers = |target: &str| door.as_alice(&format!("GET {target}"), "");
    let anybodys = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: app.test\r\n\r\n");
    let _first = slow(&door, hers("/1")).await;
    there_are(&door, 1).await;
    let mut second = slow(&door, hers("/2")).await;
    there_are(&door, 2).await;
    let _nobodys = slow(&door, anybodys("/public/x")).await;
    there_are(&door, 3).await;
    assert_eq!(app.received(), "");
    let _third = slow(&door, hers("/3")).await;
    is_let_go(&app, &["/1"]).await;
    until("it to be counted", async || door.metrics.render().contains(&format!("{CUT} 1")).then_some(())).await;

    // Who reads on is no slow reader any more, and counts anew.
    let reading = async {
        loop {
            second.exactly(16 * 1024).await;
        }
    };
    there_are(&door, 3).await;
    let more = async {
        there_are(&door, 2).await;
        let fourth = slow(&door, hers("/4")).await;
        there_are(&door, 3).await;
        assert_eq!(app.received().matches("[closed").count(), 1, "{}", app.received());
        let fifth = slow(&door, hers("/5")).await;
        is_let_go(&app, &["/1", "/3"]).await;
        (fourth, fifth)
    };
    let _more = tokio::select! {
        more = timeout(LONG_PATIENCE, more) => more.expect("an end"),
        () = reading => unreachable!(),
    };
}

#[tokio::test]
async fn a_websocket_that_is_not_read_counts_too() {
    let app = endless().await;
    let limits = ConnectionLimits { slow_after: SLOW, slow_readers_per_session: 1, ..ConnectionLimits::default() };
    let door = Door::plan(&[app.address]).limits(limits).open().await;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let _first = slow(&door, door.as_alice("GET /1/ws", upgrade)).await;
    there_are(&door, 1).await;
    let _second = slow(&door, door.as_alice("GET /2/ws", upgrade)).await;
    is_let_go(&app, &["/1/ws"]).await;
    until("it to be counted", async || door.metrics.render().contains(&format!("{CUT} 1")).then_some(())).await;
}

#[tokio::test]
async fn of_too_many_of_one_address_the_slowest_is_cut_but_not_of_a_proxy() {
    let app = endless().await;
    let limits =
        ConnectionLimits { slow_after: SLOW, slow_readers_per_address: Some(1), ..ConnectionLimits::default() };
    let plan = Door::plan(&[app.address]).limits(limits).keys("trusted_proxies: [127.0.0.1/32]\n");
    let door = plan.open().await;
    let from = |target: &str, ip: &str| {
        format!("GET /public/{target} HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: {ip}\r\n\r\n")
    };
    let ip: IpAddr = "2001:db8::1".parse().unwrap();
    let _first = slow(&door, from("1", &ip.to_string())).await;
    there_are(&door, 1).await;
    let _other = slow(&door, from("2", "2001:db8:0:1::1")).await;
    // Of the proxy itself, which names nobody.
    let _own = [slow(&door, from("3", "")).await, slow(&door, from("4", "")).await];
    there_are(&door, 4).await;
    assert_eq!(app.received(), "");
    let _second = slow(&door, from("5", "2001:db8::ffff")).await;
    is_let_go(&app, &["/public/1"]).await;
}

#[tokio::test]
async fn over_http2_our_own_pages_count_too() {
    let (house, shown) = Installation::over_tls(
        "upstream: http://127.0.0.1:9\ntrusted_proxies: [127.0.0.1/32]\nlimits: { slow_readers_per_address: 1 }\n",
    );
    let server = house.run().await;
    let (client, _over) = Http2::connect_with(house.public, &shown, Builder::new().initial_window_size(100)).await;
    let mut open = Vec::new();
    for (target, before) in [("/security/sign-in?first", 0.0), ("/security/sign-in?second", 1.0)] {
        server.metric_becomes(SLOW_READERS, before).await;
        let request = client.request(Method::GET, target).header("x-forwarded-for", "192.0.2.9").body(()).unwrap();
        let (answer, _sending) = client.begin(request, true).await;
        let answer = timeout(LONG_PATIENCE, answer).await.expect("an answer").unwrap();
        assert_eq!(answer.status(), 200);
        open.push(answer);
    }
    let line = server.child.line(|line| line.contains("\"slow_reader\"")).await;
    assert!(line.contains("\"/security/sign-in\""), "{line}");
    server.metric_becomes(CUT, 1.0).await;
    drop(open);
    server.stop().await;
}

#[tokio::test]
async fn over_http2_each_stream_counts_and_the_log_says_so() {
    let app = endless().await;
    let (house, shown) = Installation::over_tls(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes: [{{ path: /, access: signed_in, upstream: app }}]\n\
         limits: {{ slow_readers_per_session: 1 }}\n",
        app.address
    ));
    house.user("alice", &[]);
    let server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    let cookie = client.sign_in("alice").await;
    let mut open = Vec::new();
    for (target, before) in [("/first", 0.0), ("/second", 1.0)] {
        server.metric_becomes(SLOW_READERS, before).await;
        let request = client.request(Method::GET, target).header("cookie", &cookie).body(()).unwrap();
        let (answer, _sending) = client.begin(request, true).await;
        open.push(timeout(LONG_PATIENCE, answer).await.expect("an answer").unwrap());
    }
    let line = server.child.line(|line| line.contains("\"/first\"")).await;
    assert!(line.contains("\"cut\":\"slow_reader\"") && line.contains("\"status\":200"), "{line}");
    is_let_go(&app, &["/first"]).await;
    server.metric_becomes(CUT, 1.0).await;
    drop(open);
    server.stop().await;
}
