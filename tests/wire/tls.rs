//! TLS: what is spoken, what is shown, and what is not served without it.

use std::fs;

use rustls::version::{TLS12, TLS13};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::harness::{App, Client, Http2, Installation, LONG_PATIENCE, Shown, Streaming, free_port, until};

/// Public, so that a request needs nothing else.
fn open_to_all(app: &App) -> String {
    format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes: [{{ path: /, access: public, upstream: app }}]\n",
        app.address
    )
}

#[tokio::test]
async fn both_versions_and_both_protocols_are_spoken() {
    let app = App::ok().await;
    let (house, shown) = Installation::over_tls(&open_to_all(&app));
    let _server = house.run().await;
    for version in [&TLS12, &TLS13] {
        for (offered, chosen) in [
            (&["h2", "http/1.1"][..], Some("h2")),
            (&["http/1.1"], Some("http/1.1")),
            (&["http/1.1", "h2"], Some("h2")),
            (&["http/1.0"], Some("http/1.0")),
            (&[], None),
        ] {
            let stream = shown.connect_with(house.public, offered, &[version]).await.unwrap();
            let about = stream.get_ref().1;
            assert_eq!(about.protocol_version(), Some(version.version));
            assert_eq!(about.alpn_protocol(), chosen.map(str::as_bytes), "{offered:?}");
            if chosen != Some("h2") {
                let answer = Client(stream).ask(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", house.public)).await;
                assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
            }
        }
    }
    assert!(shown.connect(house.public, &["spdy/3"]).await.is_err(), "and nothing else");
    assert_eq!(Http2::connect(house.public, &shown).await.get("/", "").await.text(), "ok");
    assert_eq!(app.header("x-forwarded-proto").first().map(String::as_str), Some("https"));
}

/// A client that knows nothing newer than TLS 1.1 is sent away (RFC 8996).
#[tokio::test]
async fn older_versions_are_not_spoken() {
    let (house, _) = Installation::over_tls("upstream: http://127.0.0.1:9\n");
    let _server = house.run().await;
    for (minor, is_too_old) in [(1, true), (2, true), (3, false)] {
        let mut hello = vec![3, minor];
        hello.extend([7; 32]);
        // No session to come back to, ECDHE-ECDSA with AES, no compression; curve P-256 and ECDSA with SHA-256.
        hello.extend([0, 0, 4, 0xc0, 0x0a, 0xc0, 0x2b, 1, 0]);
        let more = [0, 10, 0, 4, 0, 2, 0, 23, 0, 13, 0, 4, 0, 2, 4, 3, 0, 11, 0, 2, 1, 0, 0, 23, 0, 0];
        hello.extend([0, u8::try_from(more.len()).unwrap()]);
        hello.extend(more);
        let length = u8::try_from(hello.len()).unwrap();
        let record = [&[22, 3, 1, 0, length + 4, 1, 0, 0, length], &hello[..]].concat();
        let mut client = Client::connect(house.public).await;
        client.send(record).await;
        let head = client.exactly(7).await;
        // 21: an alert, 70: no such version. 22: the handshake goes on.
        if is_too_old {
            assert_eq!((head[0], head[6]), (21, 70), "version 3.{minor}");
        } else {
            assert_eq!(head[0], 22, "version 3.{minor}");
        }
    }
}

#[tokio::test]
async fn plain_http_is_told_where_to_go() {
    let app = App::ok().await;
    let from = free_port();
    let (house, _) = Installation::over_tls(&open_to_all(&app));
    house.configure(&format!(
        "{}tls: {{ certificate_file: tls.crt, key_file: tls.key, redirect_from: 127.0.0.1:{from} }}\n",
        open_to_all(&app)
    ));
    let _server = house.run().await;
    let public = house.public;

    let mut bare = Client::connect(public).await;
    let answer = bare.ask(format!("GET / HTTP/1.1\r\nHost: {public}\r\n\r\n")).await;
    assert_eq!((answer.status, answer.text().as_str()), (400, "This port speaks HTTPS only.\n"));
    assert!(bare.is_closed().await);

    let mut client = Client::connect(([127, 0, 0, 1], from).into()).await;
    for (target, host, leads_to) in [
        ("/a/b?c=d&e", "localhost", "/a/b?c=d&e"),
        ("/", "evil.test", "/"),
        ("//evil.test/x", "localhost", "//evil.test/x"),
        ("/a%2f..%0d%0aSet-Cookie:x", "localhost", "/a%2f..%0d%0aSet-Cookie:x"),
        ("http://evil.test/x", "evil.test", "/x"),
    ] {
        for method in ["GET", "POST"] {
            let answer =
                client.ask(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n")).await;
            assert_eq!(answer.status, 308, "{target}");
            assert_eq!(answer.header("location"), Some(format!("https://{public}{leads_to}").as_str()));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    // Nobody waits there for a body.
    let mut slow = Client::connect(([127, 0, 0, 1], from).into()).await;
    let answer = slow.ask("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\npart of it").await;
    assert_eq!((answer.status, answer.header("connection")), (308, Some("close")));
    assert!(slow.is_closed().await);
    assert_eq!(app.requests(), 0, "not a byte of it went to the app");
}

#[tokio::test]
async fn a_renewed_certificate_drops_nobody() {
    let app = Streaming::open().await;
    let (house, old) = Installation::over_tls(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes: [{{ path: /, access: public, upstream: app }}]\n",
        app.address
    ));
    let server = house.run().await;
    let expiry = server.metric("portcullis_certificate_expiry_timestamp_seconds").await;
    let mut kept = Client(old.connect(house.public, &["http/1.1"]).await.unwrap());
    kept.send(format!("GET /one/events HTTP/1.1\r\nHost: {}\r\n\r\n", house.public)).await;
    assert!(kept.head().await.starts_with("HTTP/1.1 200"));
    let beside = Http2::connect(house.public, &old).await;
    let (answer, _) = beside.begin(beside.request(http::Method::GET, "/two/events").body(()).unwrap(), true).await;
    let mut events = answer.await.unwrap().into_body();

    // Whoever renews writes one file after the other: a key of another certificate is not taken.
    let key = fs::read(house.path("tls.key")).unwrap();
    let new = Shown::issue_as(house.folder.path(), "tls", "127.0.0.1", 2998);
    let new_key = fs::read(house.path("tls.key")).unwrap();
    fs::write(house.path("tls.key"), key).unwrap();
    server.metric_becomes("portcullis_config_last_reload_successful", 0.0).await;
    server.says("tls.key_file: is the key of another certificate").await;
    old.connect(house.public, &["h2"]).await.unwrap();
    fs::write(house.path("tls.key"), new_key).unwrap();
    server.metric_becomes("portcullis_config_last_reload_successful", 1.0).await;

    until("the new one to be shown", async || new.connect(house.public, &["h2"]).await.ok()).await;
    assert!(old.connect(house.public, &["h2"]).await.is_err(), "and the old one no more");
    assert!(server.metric("portcullis_certificate_expiry_timestamp_seconds").await < expiry);
    // Both connections go on, and what they carry, too.
    app.say_something();
    assert_eq!(kept.chunk().await.unwrap(), b"data: x\n\n");
    assert_eq!(&crate::harness::next_part(&mut events).await.unwrap().unwrap()[..], b"data: x\n\n");
    assert_eq!(beside.get("/three/ok", "").await.text(), "ok");
}

#[tokio::test]
async fn what_browsers_would_not_like_is_told() {
    let (house, _) = Installation::over_tls("upstream: http://127.0.0.1:9\n");
    Shown::issue_as(house.folder.path(), "tls", "other.example", 2001);
    let server = house.run().await;
    server.says("was good until 2001-01-01T00:00:00Z; renew it").await;
    server.says("stands for other.example, and not for 127.0.0.1; have it issued for this host").await;
    Shown::issue_as(house.folder.path(), "tls", "*.example.com", 2999);
    let wildcard = "(*.example.com stands for one label before example.com, and not for example.com itself)";
    let printed = || server.log().iter().filter(|line| line.to_string().contains(wildcard)).count();
    assert_eq!(printed(), 0, "there is none in it");
    server.says("stands for *.example.com, and not for 127.0.0.1").await;
    assert_eq!(printed(), 1);
    Shown::issue_as(house.folder.path(), "tls", "127.0.0.1", 2001);
    let doctor = house.cli(&["doctor"]);
    assert!(doctor.out.contains("tls: the certificate in") && doctor.out.contains("renew it"), "{}", doctor.out);
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for() {
    let (house, shown) = Installation::over_tls("upstream: http://127.0.0.1:9\nlimits: { head_deadline: 1s }\n");
    let _server = house.run().await;
    let (mut silent, mut half) =
        (TcpStream::connect(house.public).await.unwrap(), TcpStream::connect(house.public).await.unwrap());
    half.write_all(&[22, 3, 1, 1, 0, 1, 0]).await.unwrap();
    let mut no_request = shown.connect(house.public, &["http/1.1"]).await.unwrap();
    let mut no_preface = shown.connect(house.public, &["h2"]).await.unwrap();
    for stream in [&mut silent, &mut half] {
        let end = timeout(LONG_PATIENCE, stream.read_to_end(&mut Vec::new())).await;
        assert!(end.is_ok(), "it is waited for");
    }
    for stream in [&mut no_request, &mut no_preface] {
        let end = timeout(LONG_PATIENCE, stream.read_to_end(&mut Vec::new())).await;
        assert!(end.is_ok(), "it is waited for");
    }
}

#[tokio::test]
async fn browsers_are_told_to_come_by_tls_only_where_the_operator_says_so() {
    let app =
        App::answering(b"HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=5\r\nContent-Length: 0\r\n\r\n").await;
    let plain = App::ok().await;
    let keys = |hsts: &str| {
        format!(
            "upstreams: {{ app: {{ servers: [\"http://{}\"] }}, plain: {{ servers: [\"http://{}\"] }} }}\nroutes:\n\
             - {{ path: /app, access: public, upstream: app }}\n- {{ path: /plain, access: public, upstream: plain }}\n\
             tls: {{ certificate_file: tls.crt, key_file: tls.key{hsts} }}\n",
            app.address, plain.address
        )
    };
    for (hsts, ours) in [("", None), (", hsts: 1h", Some("max-age=3600"))] {
        let (house, shown) = Installation::over_tls("upstream: http://127.0.0.1:9\n");
        house.configure(&keys(hsts));
        let _server = house.run().await;
        let client = Http2::connect(house.public, &shown).await;
        for (path, says) in
            [("/app", Some("max-age=5")), ("/plain", ours), ("/security/sign-in", ours), ("/nowhere", ours)]
        {
            assert_eq!(client.get(path, "").await.header("strict-transport-security"), says, "{path}");
        }
    }
}
