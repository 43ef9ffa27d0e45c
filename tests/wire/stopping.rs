//! How it stops: politely, at once, and when it is asked twice.

use std::{sync::Arc, time::Duration};

use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::Notify, time::timeout};

use crate::harness::{App, Installation, PATIENCE, Running, until};

/// An app that holds the answer to `/slow` back until it is told to give it.
async fn holding() -> (App, Arc<Notify>) {
    let go = Arc::new(Notify::new());
    let hold = Arc::clone(&go);
    let app = App::serving(move |mut stream, app| {
        let hold = Arc::clone(&hold);
        async move {
            while let Some(request) = crate::harness::read_request(&mut stream).await {
                app.keep(&request);
                if request.starts_with(b"GET /slow") {
                    hold.notified().await;
                }
                if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    (app, go)
}

async fn set(shutdown: &str) -> (App, Arc<Notify>, Installation, Running) {
    let (app, go) = holding().await;
    let house = Installation::with(&format!("upstream: http://{}\nshutdown: {shutdown}\n", app.address));
    house.user("alice", &[]);
    let server = house.run().await;
    (app, go, house, server)
}

async fn is_not_ready(server: &Running) {
    until("readiness to turn false", async || server.admin("/readyz").await.filter(|(status, _)| *status == 503)).await;
}

#[tokio::test]
async fn sigterm_drains_then_lets_what_has_begun_finish() {
    let (app, go, house, mut server) = set("{ drain: 2s, grace: 30s }").await;
    let (alice, slow) = (house.signed_in("alice").await, house.signed_in("alice").await);
    let slow = async {
        let answer = slow.get("/slow").await;
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let stopping = async {
        until("the slow request to have begun", async || (app.requests() == 1).then_some(())).await;
        server.child.signal("TERM");
        is_not_ready(&server).await;
        assert_eq!(server.admin("/livez").await.unwrap().0, 200);
        assert_eq!(house.cli(&["healthcheck"]).refused(1).trim(), "not ready: starting or stopping");
        // A load balancer has not seen it yet, and sends on.
        assert_eq!(alice.status("/x").await, 200);
        assert_eq!(house.signed_in("alice").await.status("/y").await, 200);
        until("the listener to close", async || TcpStream::connect(house.public).await.is_err().then_some(())).await;
        assert!(server.child.runs());
        go.notify_one();
        server.child.end().await
    };
    let (answer, end) = tokio::join!(slow, stopping);
    assert_eq!(answer, (200, "ok".to_owned()));
    assert_eq!(end.code(), Some(0), "{end}");
}

#[tokio::test]
async fn sigint_does_not_drain() {
    let (_app, _go, _house, mut server) = set("{ drain: 1m, grace: 1m }").await;
    server.child.signal("INT");
    assert_eq!(timeout(PATIENCE, server.child.end()).await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_cuts_the_drain_and_a_third_the_grace() {
    let (app, _go, house, mut server) = set("{ drain: 1m, grace: 1m }").await;
    let slow = house.signed_in("alice").await;
    let stopping = async {
        until("the slow request to have begun", async || (app.requests() == 1).then_some(())).await;
        server.child.signal("TERM");
        is_not_ready(&server).await;
        server.child.signal("TERM");
        until("the listener to close", async || TcpStream::connect(house.public).await.is_err().then_some(())).await;
        assert!(server.child.runs());
        server.child.signal("INT");
        timeout(PATIENCE, server.child.end()).await.unwrap()
    };
    let request = slow.request(reqwest::Method::GET, "/slow").send();
    let (answer, end) = tokio::join!(request, stopping);
    assert!(answer.is_err(), "the answer never came");
    assert_eq!(end.code(), Some(0), "{end}");
}

#[tokio::test]
async fn what_takes_longer_than_the_grace_is_cut() {
    let (app, _go, house, mut server) = set("{ drain: 0s, grace: 1s }").await;
    let slow = house.signed_in("alice").await;
    let stopping = async {
        until("the slow request to have begun", async || (app.requests() == 1).then_some(())).await;
        server.child.signal("TERM");
        timeout(PATIENCE, server.child.end()).await.unwrap()
    };
    let (answer, end) = tokio::join!(slow.request(reqwest::Method::GET, "/slow").send(), stopping);
    assert!(answer.is_err(), "the answer never came");
    assert_eq!(end.code(), Some(0), "{end}");
    server.says("Open connections cancelled at shutdown").await;
}

#[tokio::test]
async fn the_last_heartbeat_is_written_at_the_end() {
    let app = App::ok().await;
    let house =
        Installation::with(&format!("upstream: http://{}\nsessions: {{ heartbeat_interval: 1h }}\n", app.address));
    house.user("alice", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    let stored = || house.cli(&["sessions", "list", "--json"]).json()["items"][0]["session"].clone();
    assert_eq!(alice.visit("/first").await.status(), 200);
    until("the first hit to be written", async || {
        (stored()["activity"]["last_page"]["path"] == "/first").then_some(())
    })
    .await;
    let before = stored();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(alice.visit("/second").await.status(), 200);
    assert_eq!(alice.request(reqwest::Method::POST, "/act").send().await.unwrap().status(), 200);
    assert_eq!(stored(), before, "an hour has not passed");
    assert_eq!(server.stop().await, 0);
    let after = stored();
    assert_eq!(
        (&after["activity"]["last_page"]["path"], &after["activity"]["actions"]),
        (&"/second".into(), &1.into())
    );
    assert!(after["last_active_at"].as_str().unwrap() > before["last_active_at"].as_str().unwrap(), "{after}");
    let _server = house.run().await;
    assert_eq!(alice.status("/third").await, 200);
}

#[tokio::test]
async fn the_admin_listener_says_what_may_be_asked_of_it() {
    let (_app, _go, _house, server) = set("{ drain: 0s, grace: 0s }").await;
    for path in ["/livez", "/readyz", "/metrics"] {
        for (method, status) in [("OPTIONS", 204), ("HEAD", 200), ("POST", 405)] {
            let answer = server.ask_admin(method, path).await;
            assert_eq!(answer.status, status, "{method} {path}");
            if status != 200 {
                let mut allowed: Vec<_> = answer.header("allow").unwrap().split(',').map(str::trim).collect();
                allowed.sort_unstable();
                assert_eq!(allowed, ["GET", "HEAD", "OPTIONS"], "{method} {path}");
            }
            if status == 204 {
                assert_eq!(answer.header("content-length"), None, "without a body (RFC 9110, 8.6)");
            }
        }
    }
}
