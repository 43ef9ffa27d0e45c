//! Heads, each behind a request that was served on the same connection, and before one that is smuggled: what could be read in
//! two ways gets 400, no app sees it, and it is the last of its connection.

use crate::harness::{App, Client, Door};

const FIRST: &str = "GET /public/first HTTP/1.1\r\nHost: app.test\r\n\r\n";
const SMUGGLED: &str = "GET /public/smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n";

/// Lines beside a `Host` that says what the app is called.
const LINES: [&str; 66] = [
    // Two framings.
    "Content-Length: 4\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 4",
    "Transfer-Encoding: chunked\r\nContent-Length: 0",
    // A coding that is not the one, or not once.
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: identity, chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunkedx",
    "Transfer-Encoding: chunked,",
    "Transfer-Encoding: ,chunked",
    "Transfer-Encoding: \"chunked\"",
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: \x0bchunked",
    "Transfer-Encoding: \x0cchunked",
    "Transfer-Encoding: chun\tked",
    "Transfer-Encoding: ",
    "Transfer-Encoding",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding:\r\n chunked",
    // Names that are the same to a program behind a CGI-like interface.
    "Transfer_Encoding: chunked",
    "transfer.encoding: chunked",
    "Content_Length: 4",
    "CONTENT~LENGTH: 4",
    "Content-Length: 4\r\nContent_Length: 4",
    // A length that is none, or not once.
    "Content-Length : 4",
    "Content-Length: 4\r\nContent-Length: 4",
    "Content-Length: 4\r\nContent-Length: 5",
    "Content-Length: 5, 5",
    "Content-Length: 5 5",
    "Content-Length: +5",
    "Content-Length: -1",
    "Content-Length: 0x5",
    "Content-Length: 1e1",
    "Content-Length: 5.0",
    "Content-Length: 5_0",
    "Content-Length: 010",
    "Content-Length: 00",
    "Content-Length: \u{665}",
    "Content-Length: ",
    "Content-Length",
    "Content-Length: 9223372036854775808",
    "Content-Length: 99999999999999999999",
    "Content-Length:\r\n 4",
    // Lines that are none.
    "X: y\r\n folded",
    "X: y\r\n\tfolded",
    "X: y\rz",
    "X: y\nZ: z",
    "X: y\n\r\nZ: z",
    "X: y\0",
    "X: y\x7f",
    "X: y\x01",
    "X : y",
    "X\t: y",
    "X y: z",
    ": z",
    "no colon",
    "X\u{e9}: z",
    "(X): z",
    "X\x01: z",
    // A second host.
    "Host: app.test",
    "Host: evil.test",
    "Host : evil.test",
];

/// What stands where a request begins.
const BEGINNINGS: [&str; 33] = [
    "\r\n\r\nGET /public HTTP/1.1",
    "\nGET /public HTTP/1.1",
    "\rGET /public HTTP/1.1",
    "\0GET /public HTTP/1.1",
    " GET /public HTTP/1.1",
    "\tGET /public HTTP/1.1",
    "GET\t/public HTTP/1.1",
    "GET /public\tHTTP/1.1",
    "GET /public HTTP/1.1\t",
    "GET /public HTTP/1.1 ",
    "GET  /public HTTP/1.1",
    "GET /public\x0bHTTP/1.1",
    "GET /pub lic HTTP/1.1",
    "GET /pub\tlic HTTP/1.1",
    "GET /public\0 HTTP/1.1",
    "GET /public#x HTTP/1.1",
    "GET /public",
    "GET /public HTTP/0.9",
    "GET /public HTTP/1.2",
    "GET /public HTTP/1.10",
    "GET /public HTTP/01.1",
    "GET /public HTTP/2.0",
    "GET /public HTTP/2",
    "GET /public http/1.1",
    "GET /public HTTPS/1.1",
    "GET /public HTTP/1.1 HTTP/1.1",
    "G(T /public HTTP/1.1",
    "GET app.test HTTP/1.1",
    "GET http://evil.test/public HTTP/1.1",
    "GET http://u@app.test/public HTTP/1.1",
    "GET http:///public HTTP/1.1",
    "PRI * HTTP/2.0",
    "POST /public HTTP/1.0\r\nTransfer-Encoding: chunked",
];

/// A connection that has served a request, and how much the app has seen.
async fn lived_on(app: &App, door: &Door) -> (Client, usize) {
    let mut client = door.client().await;
    assert_eq!(client.ask(FIRST).await.status, 200);
    (client, app.received().len())
}

async fn is_refused(app: &App, door: &Door, request: &str) {
    let (mut client, seen) = lived_on(app, door).await;
    let answer = client.ask(format!("{request}{SMUGGLED}")).await;
    assert_eq!((answer.status, answer.header("connection")), (400, Some("close")), "{request:?}");
    assert_eq!(client.rest().await, b"", "{request:?}");
    assert_eq!(app.received()[seen..], *"", "{request:?}");
}

#[tokio::test]
async fn lines_with_two_readings_are_refused_whatever_the_method_and_the_route() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    for lines in LINES {
        for begin in ["POST /public", "GET /public", "DELETE /x", "OPTIONS /security/sign-in"] {
            is_refused(&app, &door, &format!("{begin} HTTP/1.1\r\nHost: app.test\r\n{lines}\r\n\r\n")).await;
        }
    }
}

#[tokio::test]
async fn what_does_not_begin_as_a_request_is_refused() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    for begin in BEGINNINGS {
        is_refused(&app, &door, &format!("{begin}\r\nHost: app.test\r\n\r\n")).await;
    }
}

#[tokio::test]
async fn a_host_is_ours_or_nobody_gets_the_request() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    for (host, status) in [
        ("", 400),
        ("Host: u@app.test\r\n", 400),
        ("Host: app.test@evil.test\r\n", 400),
        ("Host: app.test\u{e9}\r\n", 400),
        ("Host:\r\n", 421),
        ("Host: \r\n", 421),
        ("Host: app.test:\r\n", 421),
        ("Host: app.test:0\r\n", 421),
        ("Host: app.test:81\r\n", 421),
        ("Host: app.test:99999\r\n", 421),
        ("Host: app.test:80:80\r\n", 421),
        ("Host: app.test:+80\r\n", 421),
        ("Host: app.test.\r\n", 421),
        ("Host: app.test, app.test\r\n", 421),
        ("Host: app.test evil.test\r\n", 421),
        ("Host: app.test\tx\r\n", 421),
        ("Host: app.test/\r\n", 421),
        ("Host: app.test\\\r\n", 421),
        ("Host: app.test#\r\n", 421),
        ("Host: app.test?\r\n", 421),
        ("Host: app%2etest\r\n", 421),
        ("Host: [::1]\r\n", 421),
    ] {
        let (mut client, seen) = lived_on(&app, &door).await;
        let answer = client.ask(format!("GET /public HTTP/1.1\r\n{host}\r\n")).await;
        assert_eq!(answer.status, status, "{host:?}");
        assert_eq!(app.received()[seen..], *"", "{host:?}");
    }
    for host in ["Host: app.test", "host:app.test", "HOST: \tAPP.TEST\t", "Host: app.test:80"] {
        let (mut client, seen) = lived_on(&app, &door).await;
        assert_eq!(client.ask(format!("GET /public HTTP/1.1\r\n{host}\r\n\r\n")).await.status, 200, "{host:?}");
        let told = app.received().split_off(seen).to_lowercase();
        assert_eq!(told.matches("\r\nhost: app.test\r\n").count(), 1, "{told}");
    }
}

#[tokio::test]
async fn a_body_is_a_body_whatever_the_method_and_however_its_framing_is_spelled() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let length = SMUGGLED.len();
    let plain = |line: String| format!("{line}\r\n\r\n{SMUGGLED}");
    let chunked = |line: &str| format!("{line}\r\n\r\n{length:x}\r\n{SMUGGLED}\r\n0\r\n\r\n");
    for method in ["GET", "DELETE", "OPTIONS", "PATCH", "get"] {
        for lines in [
            plain(format!("Content-Length: {length}")),
            plain(format!("CONTENT-LENGTH:\t{length} \t")),
            plain(format!("Content-Length: {length}\r\nConnection: content-length")),
            chunked("Transfer-Encoding: chunked"),
            chunked("transfer-encoding:\tCHUNKED\t"),
            chunked("Transfer-Encoding: chunked\r\nConnection: transfer-encoding"),
        ] {
            let (mut client, seen) = lived_on(&app, &door).await;
            let request = format!("{method} /public HTTP/1.1\r\nHost: app.test\r\n{lines}");
            assert_eq!(client.ask(&request).await.text(), "ok", "{request:?}");
            let told = app.received().split_off(seen);
            let (head, body) = told.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("{method} /public HTTP/1.1\r\n")), "{told}");
            let framing = ["content-length:", "transfer-encoding:"].map(|it| head.to_lowercase().matches(it).count());
            assert_eq!(framing.iter().sum::<usize>(), 1, "{told}");
            let chunk = format!("{length:x}\r\n{SMUGGLED}\r\n0\r\n\r\n");
            assert!(body == SMUGGLED || body == chunk, "{told}");
            assert_eq!(client.ask(FIRST).await.text(), "ok", "the connection lives on: {request:?}");
        }
    }
}

#[tokio::test]
async fn a_client_of_http_1_0_is_served_once_unless_it_asks_for_more() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    for (line, lives_on) in [("", false), ("Connection: close\r\n", false), ("Connection: keep-alive\r\n", true)] {
        let mut client = door.client().await;
        let answer = client.ask(format!("GET /public HTTP/1.0\r\nHost: app.test\r\n{line}\r\n")).await;
        let said = if lives_on { "keep-alive" } else { "close" };
        assert_eq!((answer.status, answer.header("connection")), (200, Some(said)), "{line:?}");
        if lives_on {
            assert_eq!(client.ask(FIRST).await.status, 200);
        } else {
            client.send(SMUGGLED).await;
            assert_eq!(client.rest().await, b"", "{line:?}");
        }
    }
    assert!(!app.received().contains("smuggled"), "{}", app.received());
}
