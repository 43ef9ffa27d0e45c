//! HTTP/2 towards clients: the same rules as on HTTP/1.1, each stream by itself.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use h2::client::Builder;
use http::{Method, Request};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{sleep, timeout},
};

use crate::harness::{App, Http2, Installation, LONG_PATIENCE, Shown, Streaming, came, next_part, until};

/// A server before an app, all of it for whoever is signed in but what is public; Alice and Bob.
fn town(app: std::net::SocketAddr, more: &str) -> (Installation, Shown) {
    let (house, shown) = Installation::over_tls(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{app}\"] }} }}\nroutes:\n\
         - {{ path: /public, access: public, upstream: app }}\n- {{ path: /, access: signed_in, upstream: app }}\n{more}"
    ));
    for name in ["alice", "bob"] {
        house.user(name, &[]);
    }
    (house, shown)
}

#[tokio::test]
async fn who_calls_is_told_for_each_stream_and_nobody_can_say_it_themselves() {
    let app = App::ok().await;
    let (house, shown) = town(app.address, "");
    let server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    let (alice, bob) = (client.sign_in("alice").await, client.sign_in("bob").await);
    assert!(alice.contains("__Host-portcullis="), "{alice}");
    let forged = |path: &str, cookies: &str| {
        let mut request = client.request(Method::GET, path);
        for cookie in cookies.split("; ") {
            request = request.header("cookie", cookie);
        }
        request.header("remote-user", "root").header("remote_user", "root").header("x-forwarded-user", "root")
    };
    let (one, two, three) = (
        forged("/a", &format!("first=1; {alice}; second=\u{e9}")),
        forged("/b", &bob),
        forged("/public/c", &format!("{alice}; x=y")),
    );
    let (one, two, three) = tokio::join!(client.ask(one, ""), client.ask(two, ""), client.ask(three, ""));
    assert_eq!([one.status, two.status, three.status], [200; 3]);
    let received = app.received();
    let mut seen: Vec<(&str, Vec<&str>, Option<&str>)> = Vec::new();
    for request in received.split("\r\n\r\n").filter(|request| !request.is_empty()) {
        let lines = |wanted: &str| -> Vec<&str> {
            let named = request.lines().filter_map(|line| line.split_once(": "));
            named.filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value).collect()
        };
        let users = [lines("remote-user"), lines("remote_user"), lines("x-forwarded-user")].concat();
        assert_eq!(lines("cookie").len().max(1), 1, "in one line: {request}");
        seen.push((request.split(' ').nth(1).unwrap(), users, lines("cookie").first().copied()));
    }
    seen.sort_unstable();
    assert_eq!(
        seen,
        [
            ("/a", vec!["alice"], Some("first=1; second=\u{e9}")),
            ("/b", vec!["bob"], None),
            ("/public/c", vec![], Some("x=y")),
        ]
    );
    let line = server.says("\"path\":\"/a\"").await;
    assert_eq!((&line["protocol"], &line["user"].is_string()), (&serde_json::json!("HTTP/2"), &true));
}

#[tokio::test]
async fn an_end_resets_the_streams_of_its_session_and_no_other() {
    let app = Streaming::open().await;
    let (house, shown) = town(app.address, "");
    let server = house.run().await;
    let (one, two) = (Http2::connect(house.public, &shown).await, Http2::connect(house.public, &shown).await);
    let (ends, stays) = (one.sign_in("alice").await, one.sign_in("alice").await);
    let begin = async |cookie: &str, method: Method, path: &str, end: bool| {
        let request = one.request(method, path).header("cookie", cookie).body(()).unwrap();
        one.begin(request, end).await
    };
    let (events, _) = begin(&ends, Method::GET, "/ends/events", true).await;
    let (held, _) = begin(&ends, Method::GET, "/ends/held", true).await;
    let (upload, mut sending) = begin(&ends, Method::POST, "/ends/upload", false).await;
    sending.send_data(Bytes::from_static(b"part of it"), false).unwrap();
    let (other, _) = begin(&stays, Method::GET, "/stays/events", true).await;
    let (public, _) = begin(&ends, Method::GET, "/public/events", true).await;
    for path in ["/ends/events", "/ends/held", "/ends/upload", "/stays/events", "/public/events"] {
        app.has_begun(path).await;
    }
    let (mut events, mut other) = (events.await.unwrap().into_body(), other.await.unwrap().into_body());
    let mut public = public.await.unwrap().into_body();

    let request = two.request(Method::GET, "/security/api/v1/me").header("cookie", &ends);
    let me: serde_json::Value = serde_json::from_slice(&two.ask(request, "").await.body).unwrap();
    let id = me["session"]["id"].as_str().unwrap();
    let request = two.request(Method::DELETE, &format!("/security/api/v1/sessions/{id}"));
    let request = request.header("cookie", &stays).header("sec-fetch-site", "same-origin");
    assert_eq!(two.ask(request, "").await.status, 204);

    // A second is promised; the rest is for a machine that is busy with other tests.
    let in_time = Duration::from_millis(1_500);
    assert!(timeout(in_time, events.data()).await.expect("events are cut").is_none_or(|part| part.is_err()));
    assert!(timeout(in_time, held).await.expect("what is held is cut").is_err());
    assert!(timeout(in_time, upload).await.expect("the upload is cut").is_err());
    for path in ["/ends/events", "/ends/held", "/ends/upload"] {
        app.has_lost(path).await;
    }
    app.say_something();
    assert_eq!(&next_part(&mut other).await.unwrap().unwrap()[..], b"data: x\n\n");
    assert_eq!(&next_part(&mut public).await.unwrap().unwrap()[..], b"data: x\n\n");
    assert_eq!(one.get("/stays/ok", &stays).await.text(), "ok", "and the connection");
    assert_eq!(one.get("/ends/ok", &ends).await.status, 401);
    server.metric_becomes("portcullis_streams_cut_total{reason=\"other_device\"}", 3.0).await;
}

#[tokio::test]
async fn what_could_be_read_in_two_ways_is_refused() {
    let app = App::ok().await;
    let (house, shown) = town(app.address, "");
    let _server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    let at = house.public;
    let of = |uri: String| Request::builder().method(Method::GET).uri(uri);
    let public = || of(format!("https://{at}/public"));
    for (request, status) in [
        (of("https://evil.test/public".to_owned()), 421),
        (public().header("host", "evil.test"), 400),
        (of("https://evil.test/public".to_owned()).header("host", at.to_string()), 400),
        (of(format!("https://user@{at}/public")), 400),
        (public().header("host", at.to_string()), 200),
        (public().header("content_length", "5"), 400),
        (public().header("transfer_encoding", "chunked"), 400),
        (public().header("content-length", "0"), 200),
        (of(format!("https://{at}/public/%2e%2e%2fx")), 400),
        (of(format!("https://{at}/public/../x")), 401),
        (of(format!("https://{at}//x")), 401),
        (Request::builder().method(Method::CONNECT).uri(at.to_string()), 405),
        (public().method("OPTIONS"), 200),
        (public().header("te", "trailers"), 200),
    ] {
        let shown = format!("{:?}", request.uri_ref());
        assert_eq!(client.ask(request, "").await.status, status, "{shown}");
    }
    let sent = app.received();
    assert!(!sent.contains("evil") && !sent.contains("content_length"), "{sent}");
    assert!(!sent.to_ascii_lowercase().contains("\r\nte:"), "it concerns neighbours only: {sent}");

    for (name, length) in [("content-length", "3"), ("content-length", "9")] {
        let request = client.request(Method::POST, "/public/lie").header(name, length);
        assert!(client.try_to_ask(request, "12345").await.is_err(), "{length}");
    }
    assert_eq!(client.get("/public", "").await.status, 200, "the connection goes on");
    let whole = app.received().split("/public/lie").skip(1).any(|rest| rest.contains("12345"));
    assert!(!whole, "what lies about its length does not arrive whole");
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let app = App::ok().await;
    let (house, shown) = town(app.address, "");
    let _server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    let with = |count: usize, size: usize, name: &str| {
        let value = "x".repeat(size);
        let request = client.request(Method::GET, "/public");
        (0..count).fold(request, |request, number| request.header(name.replace('#', &number.to_string()), &value))
    };
    assert_eq!(client.ask(with(99, 5, "x-#"), "").await.status, 200);
    assert_eq!(client.ask(with(101, 5, "x-#"), "").await.status, 431);
    assert_eq!(client.ask(with(150, 5, "cookie"), "").await.status, 200, "each may come in a line of its own");
    assert_eq!(client.ask(with(180, 150, "cookie"), "").await.status, 200, "27 KB of cookies, as browsers split them");
    assert!(app.header("cookie").iter().any(|line| line.len() == 180 * 152 - 2), "in one line");
    assert_eq!(client.ask(with(1_000, 20, "cookie"), "").await.status, 200);
    assert_eq!(client.ask(with(1, 27_000, "cookie"), "").await.status, 200, "one line of them is as long");
    assert_eq!(client.ask(with(220, 150, "cookie"), "").await.status, 431, "33 KB in one line");
    assert_eq!(client.ask(with(1, 33_000, "cookie"), "").await.status, 431, "and so are these");
    assert_eq!(client.ask(with(40, 1024, "x-#"), "").await.status, 431);
    assert_eq!(client.ask(with(100, 1024, "x-#"), "").await.status, 431);
    assert_eq!(client.get("/public", "").await.status, 200, "the connection goes on");
    assert_eq!(app.requests(), 6);
}

#[tokio::test]
async fn a_body_that_does_not_come_and_one_that_is_not_taken_are_given_up() {
    let app = Streaming::open().await;
    let flood_is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&flood_is_over);
    let flood = App::serving(move |mut stream, app| {
        let over = Arc::clone(&over);
        async move {
            app.record_request(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n").await;
            while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
            over.store(true, SeqCst);
        }
    })
    .await;
    let (house, shown) = Installation::over_tls(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"], timeouts: {{ read: 1s }} }}, flood: {{ servers: [\"http://{}\"] }} }}\nroutes:\n\
         - {{ path: /public/flood, access: public, upstream: flood }}\n- {{ path: /, access: signed_in, upstream: app }}\n\
         limits: {{ body_idle: 1s, write_idle: 1s }}\n",
        app.address, flood.address
    ));
    house.user("alice", &[]);
    let _server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    let cookie = client.sign_in("alice").await;
    let request = |path: &str| client.request(Method::POST, path).header("cookie", &cookie).body(()).unwrap();
    let (stalled, mut sending) = client.begin(request("/a/upload"), false).await;
    sending.send_data(Bytes::from_static(b"part of it"), false).unwrap();
    app.has_begun("/a/upload").await;
    let ended = timeout(LONG_PATIENCE, stalled).await.expect("it is given up");
    assert_eq!(ended.unwrap().status(), 504, "who of the two stalls is not seen");
    app.has_lost("/a/upload").await;

    // An answer that never ends, and a window that is never made larger.
    let (answer, _) = client.begin(client.request(Method::GET, "/public/flood").body(()).unwrap(), true).await;
    let mut body = answer.await.unwrap().into_body();
    until("the flood to be given up", async || flood_is_over.load(SeqCst).then_some(())).await;
    let end = timeout(LONG_PATIENCE, async {
        loop {
            match body.data().await {
                Some(Ok(_)) => {}
                end => return end,
            }
        }
    });
    assert!(end.await.expect("it is given up").is_none_or(|end| end.is_err()));
    drop(body);
    assert_eq!(client.get("/c/ok", &cookie).await.text(), "ok", "its neighbours go on");
    drop(sending);
}

#[tokio::test]
async fn a_connection_has_its_share_and_no_more() {
    let app = App::ok().await;
    let (house, shown) = town(app.address, "limits: { requests_per_connection: 5 }\n");
    let server = house.run().await;
    let (busy, busy_is_over) = Http2::connect_with(house.public, &shown, &Builder::new()).await;
    for number in 0..5 {
        assert_eq!(busy.get(&format!("/public/{number}"), "").await.status, 200);
    }
    let over = timeout(LONG_PATIENCE, busy_is_over).await.expect("it has had its share").unwrap();
    assert!(over.is_ok(), "it is told so: {over:?}");
    assert_eq!(app.requests(), 5);
    server.stop().await;

    let (house, shown) = town(app.address, "limits: { keep_alive: 1s }\n");
    let server = house.run().await;
    let (quiet, quiet_is_over) = Http2::connect_with(house.public, &shown, &Builder::new()).await;
    assert_eq!(quiet.get("/public", "").await.status, 200);
    let over = timeout(LONG_PATIENCE, quiet_is_over).await.expect("nothing comes any more").unwrap();
    assert!(over.is_ok(), "it is told so: {over:?}");
    drop(quiet);
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn what_is_under_way_ends_well_when_the_server_stops() {
    let app = App::serving(|mut stream, app| async move {
        while app.record_request(&mut stream).await {
            sleep(Duration::from_millis(500)).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    })
    .await;
    let (house, shown) = town(app.address, "");
    let server = house.run().await;
    let (client, is_over) = Http2::connect_with(house.public, &shown, &Builder::new()).await;
    let (_idle, idle_is_over) = Http2::connect_with(house.public, &shown, &Builder::new()).await;
    let (answer, _) = client.begin(client.request(Method::GET, "/public").body(()).unwrap(), true).await;
    until("the app to be asked", async || (app.requests() == 1).then_some(())).await;
    let stopped = server.stop();
    let (code, answer) = tokio::join!(stopped, came(answer));
    assert_eq!((code, answer.unwrap().text().as_str()), (0, "ok"));
    assert!(is_over.await.unwrap().is_ok() && idle_is_over.await.unwrap().is_ok(), "both were told so");
}

#[tokio::test]
async fn more_streams_than_are_allowed_wait_or_are_refused() {
    let app = Streaming::open().await;
    let (house, shown) = town(app.address, "limits: { http2_streams: 3 }\n");
    let _server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    let mut open = Vec::new();
    for number in 0..3 {
        let path = format!("/public/{number}/events");
        open.push(client.begin(client.request(Method::GET, &path).body(()).unwrap(), true).await);
        app.has_begun(&path).await;
    }
    // A client that keeps to what it was told waits.
    let mut fourth = Box::pin(client.get("/public/4/ok", ""));
    assert!(timeout(Duration::from_millis(200), &mut fourth).await.is_err());
    let (mut one, _) = open.remove(0);
    drop(open);
    assert_eq!(fourth.await.text(), "ok");
    assert!(timeout(LONG_PATIENCE, &mut one).await.unwrap().is_ok(), "and the first goes on");
}

/// An app may take its time with what it is sent, as long as it may be silent.
#[tokio::test]
async fn an_upload_waits_for_an_app_that_takes_its_time() {
    const LENGTH: usize = 24 << 20;
    let app = App::serving(|mut stream, app| async move {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        app.keep(&head);
        // Longer than a client may be silent.
        sleep(Duration::from_secs(2)).await;
        let mut body = vec![0; LENGTH];
        stream.read_exact(&mut body).await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole").await;
    })
    .await;
    let (house, shown) = town(app.address, "limits: { body_idle: 1s }\n");
    let _server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    let request = client.request(Method::POST, "/public/file").header("content-length", LENGTH);
    let (answer, mut sending) = client.begin(request.body(()).unwrap(), false).await;
    let uploading = async {
        let mut left = LENGTH;
        while left > 0 {
            sending.reserve_capacity(left.min(65_536));
            let room = std::future::poll_fn(|context| sending.poll_capacity(context)).await.unwrap().unwrap();
            let piece = room.min(left);
            left -= piece;
            sending.send_data(Bytes::from(vec![b'x'; piece]), left == 0).unwrap();
        }
    };
    let arriving = async { timeout(LONG_PATIENCE, answer).await.expect("an answer").unwrap().status() };
    let ((), status) = tokio::join!(uploading, arriving);
    assert_eq!(status, 200);
}
