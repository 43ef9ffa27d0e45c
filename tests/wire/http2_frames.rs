//! What no client of HTTP/2 can make it do: frames that are wrong, and right ones without end. Others are served meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{sleep, timeout},
};

use crate::harness::{
    App, Http2, Installation, LONG_PATIENCE, Running, Shown,
    frames::{
        ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PING, PRIORITY, PUSH_PROMISE,
        RST_STREAM, SETTINGS, WINDOW_UPDATE, frame, pressed, text,
    },
};

/// A server before an app, open to all.
async fn town(app: &App, more: &str) -> (Installation, Shown, Running) {
    let (house, shown) = Installation::over_tls(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes: [{{ path: /, access: public, upstream: app }}]\n\
         log: {{ access: false }}\n{more}",
        app.address
    ));
    let server = house.run().await;
    (house, shown, server)
}

/// The head of a request that is right.
fn right<'a>(at: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![(":method", "GET"), (":scheme", "https"), (":authority", at), (":path", path)]
}

#[tokio::test]
async fn frames_that_are_wrong_reach_no_app() {
    let app = App::ok().await;
    let (house, shown, server) = town(&app, "").await;
    let at = house.public.to_string();
    let with = |more: &[(&'static str, &'static str)]| {
        let mut lines = right(&at, "/wrong");
        lines.extend(more);
        frame(HEADERS, END_STREAM | END_HEADERS, 1, &pressed(&lines))
    };
    let without = |name: &str| {
        let mut lines = right(&at, "/wrong");
        lines.retain(|(known, _)| *known != name);
        frame(HEADERS, END_STREAM | END_HEADERS, 1, &pressed(&lines))
    };
    let path = |path: &str| frame(HEADERS, END_STREAM | END_HEADERS, 1, &pressed(&right(&at, path)));
    let open = |stream| frame(HEADERS, END_HEADERS, stream, &pressed(&right(&at, "/wrong")));
    for (what, frames) in [
        ("data for the connection", frame(DATA, 0, 0, b"x")),
        ("data before a head", frame(DATA, END_STREAM, 1, b"x")),
        ("a stream of the server's", open(2)),
        ("a head for the connection", open(0)),
        ("a promise", frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2])),
        ("settings of no length", frame(SETTINGS, 0, 0, &[0; 5])),
        ("settings of a stream", frame(SETTINGS, 0, 1, &[])),
        ("an answer that is more", frame(SETTINGS, ACK, 0, &[0; 6])),
        ("a window that overflows", frame(SETTINGS, 0, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff])),
        ("a frame size below the least", frame(SETTINGS, 0, 0, &[0, 5, 0, 0, 0, 1])),
        ("a ping of no length", frame(PING, 0, 0, &[0; 7])),
        ("a ping of a stream", frame(PING, 0, 1, &[0; 8])),
        ("no more window", frame(WINDOW_UPDATE, 0, 0, &[0; 4])),
        ("too much window", frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])),
        ("a reset of nothing", frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])),
        ("a continuation of nothing", frame(CONTINUATION, END_HEADERS, 1, &pressed(&right(&at, "/wrong")))),
        (
            "a head that is interrupted",
            [frame(HEADERS, END_STREAM, 1, &pressed(&right(&at, "/wrong"))), frame(PING, 0, 0, &[0; 8])].concat(),
        ),
        ("a frame that is too large", frame(HEADERS, END_STREAM | END_HEADERS, 1, &vec![0; 20_000])),
        ("a head that cannot be unpressed", frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xff; 30])),
        ("padding that is more than there is", frame(HEADERS, END_STREAM | END_HEADERS | 8, 1, &[200, 0, 0])),
        ("a name in upper case", with(&[("Remote-User", "root")])),
        ("a name with a space", with(&[("remote user", "root")])),
        ("a name with a colon", with(&[("remote-user:", "root")])),
        ("a name with a line break", with(&[("x\r\nremote-user", "root")])),
        ("an empty name", with(&[("", "root")])),
        ("a value with a line break", with(&[("x", "a\r\nremote-user: root")])),
        ("a value with a line feed", with(&[("x", "a\nb")])),
        ("a value with NUL", with(&[("x", "a\0b")])),
        ("a connection", with(&[("connection", "remote-user")])),
        ("a coding", with(&[("transfer-encoding", "chunked")])),
        ("an upgrade", with(&[("upgrade", "websocket")])),
        ("keep-alive", with(&[("keep-alive", "5")])),
        ("a te", with(&[("te", "gzip")])),
        ("a second path", with(&[(":path", "/other")])),
        ("a pseudo-header after the others", {
            let lines = [&[("x", "y")], &right(&at, "/wrong")[..]].concat();
            frame(HEADERS, END_STREAM | END_HEADERS, 1, &pressed(&lines))
        }),
        ("an unknown pseudo-header", with(&[(":user", "root")])),
        ("a status", with(&[(":status", "200")])),
        ("a protocol", with(&[(":protocol", "websocket")])),
        ("no method", without(":method")),
        ("no path", without(":path")),
        ("no scheme", without(":scheme")),
        ("no authority", without(":authority")),
        ("an empty path", path("")),
        ("a path without a slash", path("wrong")),
        ("a path with a space", path("/wrong HTTP/1.1")),
        ("a path with a line break", path("/wrong\r\nRemote-User: root")),
        ("a path with NUL", path("/wrong\0")),
        ("a whole address", path("https://evil.test/wrong")),
        ("two lengths", with(&[("content-length", "0"), ("content-length", "1")])),
        ("a length that is none", with(&[("content-length", "+0")])),
        ("a length without a body", with(&[("content-length", "5")])),
        (
            "more than its length",
            [
                frame(
                    HEADERS,
                    END_HEADERS,
                    1,
                    &pressed(&[&right(&at, "/wrong")[..], &[("content-length", "1")]].concat()),
                ),
                frame(DATA, END_STREAM, 1, b"xGET /smuggled"),
            ]
            .concat(),
        ),
    ] {
        let mut client = Frames::open(house.public, &shown).await;
        client.write(&frames).await;
        // A right request behind it shows that it was read, where the connection goes on.
        client.ask(3, &right(&at, "/after")).await;
        client.until(|frame| frame.kind == GOAWAY || frame.stream == 3 && frame.kind == HEADERS).await;
        let sent = app.received();
        // What was cut while it came may have begun.
        let whole = sent.split("\r\n\r\n").any(|request| request.contains("/wrong") && !request.contains("ontent-"));
        assert!(!whole && !sent.contains("smuggled") && !sent.contains("root"), "{what}: {sent}");
    }
    // A fragment is cut before anybody reads the path: nobody reads it in two ways.
    let mut client = Frames::open(house.public, &shown).await;
    client.ask(1, &right(&at, "/cut#/wrong")).await;
    client.until(|frame| frame.kind == DATA).await.unwrap();
    assert!(app.received().contains("GET /cut HTTP/1.1"));
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn what_begins_otherwise_is_no_http2() {
    let app = App::ok().await;
    let (house, shown, _server) = town(&app, "").await;
    for begin in [&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", &[0; 64]] {
        let mut client = shown.connect(house.public, &["h2"]).await.unwrap();
        let _ = client.write_all(begin).await;
        let end = timeout(LONG_PATIENCE, client.read_to_end(&mut Vec::new())).await;
        assert!(end.is_ok(), "{begin:?}");
    }
    // And without TLS there is none.
    assert_eq!(app.requests(), 0);
}

/// Each flood for a while, and somebody else who is served meanwhile.
#[tokio::test]
async fn a_flood_of_frames_drowns_nobody() {
    let app = App::ok().await;
    let (house, shown, server) = town(&app, "").await;
    let at = house.public.to_string();
    let head = |stream| frame(HEADERS, END_HEADERS, stream, &pressed(&right(&at, "/flood")));
    let grown = {
        // A line of 3,900 bytes that the table remembers, and then is only pointed at, a thousand times a head.
        let mut block = pressed(&right(&at, "/bomb"));
        block.push(0x40);
        block.extend(text(b"x"));
        block.extend(text(&[b'x'; 3900]));
        block.extend([0xbe; 1000]);
        frame(HEADERS, END_STREAM | END_HEADERS, 1, &block)
    };
    let begun = server.child.peak_memory();
    for (what, first, again, times) in [
        ("pings", Vec::new(), frame(PING, 0, 0, &[7; 8]), 20_000),
        ("settings", Vec::new(), frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 9]), 20_000),
        ("priorities", Vec::new(), frame(PRIORITY, 0, 9, &[0, 0, 0, 1, 5]), 20_000),
        ("windows", Vec::new(), frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]), 20_000),
        ("empty data", head(1), frame(DATA, 0, 1, &[]), 20_000),
        ("padding alone", head(1), frame(DATA, 8, 1, &[255; 256]), 5_000),
        (
            "empty continuations",
            frame(HEADERS, 0, 1, &pressed(&right(&at, "/flood"))),
            frame(CONTINUATION, 0, 1, &[]),
            20_000,
        ),
        (
            "continuations",
            frame(HEADERS, 0, 1, &pressed(&right(&at, "/flood"))),
            frame(CONTINUATION, 0, 1, &pressed(&[("x", "y")])),
            20_000,
        ),
        ("heads that grow", grown.clone(), Vec::new(), 0),
        ("unknown frames", Vec::new(), frame(99, 0, 0, &[0; 100]), 20_000),
    ] {
        let (other, mut client) =
            (Http2::connect(house.public, &shown).await, Frames::open(house.public, &shown).await);
        client.write(&first).await;
        let piece = again.repeat(500);
        let flood = async {
            for _ in 0..times / 500 {
                if !client.write(&piece).await {
                    break;
                }
            }
        };
        let neighbour = async {
            for number in 0..5 {
                assert_eq!(other.get(&format!("/served/{number}"), "").await.status, 200, "{what}");
            }
        };
        tokio::join!(flood, neighbour);
    }
    assert!(!app.received().contains("/bomb"), "a head that grew too large");
    let grown = server.child.peak_memory() - begun;
    assert!(grown < 64 * 1024, "it took {grown} KiB of memory");
    assert_eq!(Http2::connect(house.public, &shown).await.get("/", "").await.text(), "ok");
}

/// The class of CVE-2023-44487: a request costs its client a few bytes, and us a call of the app.
#[tokio::test]
async fn requests_that_are_reset_at_once_are_bounded() {
    let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = (Arc::clone(&at_once), Arc::clone(&most));
    let app = App::serving(move |mut stream, app| {
        let (at_once, most) = seen.clone();
        async move {
            while app.record_request(&mut stream).await {
                most.fetch_max(at_once.fetch_add(1, SeqCst) + 1, SeqCst);
                sleep(Duration::from_millis(20)).await;
                at_once.fetch_sub(1, SeqCst);
                if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    let (house, shown, _server) = town(&app, "limits: { http2_streams: 10, requests_per_connection: 500 }\n").await;
    let at = house.public.to_string();
    let other = Http2::connect(house.public, &shown).await;
    let mut client = Frames::open(house.public, &shown).await;
    let flood = async {
        for number in 0..2_000_u32 {
            let stream = number * 2 + 1;
            let both = [
                frame(HEADERS, END_STREAM | END_HEADERS, stream, &pressed(&right(&at, "/reset"))),
                frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]),
            ];
            if !client.write(&both.concat()).await {
                break;
            }
        }
    };
    let served = async {
        for number in 0..10 {
            assert_eq!(other.get(&format!("/served/{number}"), "").await.status, 200);
        }
    };
    tokio::join!(flood, served);
    let asked = app.received().matches("/reset").count();
    assert!(asked <= 500, "{asked} requests of one connection");
    assert!(most.load(SeqCst) <= 2 * 10 + 1, "{} at once", most.load(SeqCst));
}

#[tokio::test]
async fn a_connection_that_ends_by_a_rule_says_so_first() {
    let app = App::ok().await;
    for (rule, requests) in [("requests_per_connection: 2", 2), ("keep_alive: 1s", 1)] {
        let (house, shown, _server) = town(&app, &format!("limits: {{ {rule} }}\n")).await;
        let at = house.public.to_string();
        let mut client = Frames::open(house.public, &shown).await;
        for number in 0..requests {
            client.ask(number * 2 + 1, &right(&at, "/x")).await;
        }
        let told = client.until(|frame| frame.kind == GOAWAY).await.expect("a last word");
        assert_eq!(told.payload[4..8], [0; 4], "no error: {told:?}");
        assert!(client.until(|_| false).await.is_none(), "and then the end");
    }
    let (house, shown, server) = town(&app, "").await;
    let at = house.public.to_string();
    let mut idle = Frames::open(house.public, &shown).await;
    idle.ask(1, &right(&at, "/4")).await;
    idle.until(|frame| frame.kind == DATA).await.unwrap();
    let (code, told) = tokio::join!(server.stop(), idle.until(|frame| frame.kind == GOAWAY));
    assert_eq!((code, &told.unwrap().payload[4..8]), (0, &[0_u8; 4][..]));
}

/// What a client has sent before it learns that there is no more may be sent again.
#[tokio::test]
async fn requests_beyond_the_share_of_a_connection_may_be_sent_again() {
    let app = App::ok().await;
    let (house, shown, _server) = town(&app, "limits: { requests_per_connection: 2 }\n").await;
    let at = house.public.to_string();
    let mut client = Frames::open(house.public, &shown).await;
    let heads =
        [1, 3, 5, 7].map(|stream| frame(HEADERS, END_STREAM | END_HEADERS, stream, &pressed(&right(&at, "/x"))));
    client.write(&heads.concat()).await;
    let (mut answered, mut refused) = (Vec::new(), Vec::new());
    client
        .until(|frame| {
            match frame.kind {
                HEADERS => answered.push(frame.stream),
                // 7: nothing was done (RFC 9113, 8.7).
                RST_STREAM => refused.push((frame.stream, frame.payload[3])),
                _ => {}
            }
            answered.len() + refused.len() == 4
        })
        .await;
    answered.sort_unstable();
    assert_eq!((answered, refused), (vec![1, 3], vec![(5, 7), (7, 7)]));
    assert_eq!(app.requests(), 2);
}
