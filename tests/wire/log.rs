//! One line for each request, whatever became of it, and nothing in it that is nobody's business.

use std::{
    cell::RefCell,
    io::Write,
    sync::{Arc, Mutex, Once},
    time::Duration,
};

use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, time::timeout};

use crate::harness::{App, Door, PATIENCE};

/// What was logged on this thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

thread_local! {
    static LINES: RefCell<Option<Lines>> = const { RefCell::new(None) };
}

impl Lines {
    /// One log for all threads: what is logged first on a thread without one would be switched off for all of them.
    fn capture() -> Self {
        static LOG: Once = Once::new();
        LOG.call_once(|| {
            let written = || LINES.with_borrow(Clone::clone).unwrap_or_default();
            let log = tracing_subscriber::fmt().json().flatten_event(true).with_writer(written).finish();
            tracing::subscriber::set_global_default(log).unwrap();
        });
        let lines = Self::default();
        LINES.set(Some(lines.clone()));
        lines
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn access(&self) -> Vec<Value> {
        let lines = self.text();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["target"] == "access").collect()
    }
}

async fn all_gone(door: &Door) {
    timeout(PATIENCE, door.open.subscribe().wait_for(|open| *open == 0)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_request_is_one_line() {
    let lines = Lines::capture();
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let mut client = door.client().await;
    client.ask(door.as_alice("GET //a/../b\u{e9}?token=hush", "")).await;
    client.ask("GET /x?token=hush HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    client.ask("GET /security/y HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    client.ask(door.as_alice("GET /security/sessions", "")).await;
    drop(client);
    all_gone(&door).await;
    let [passed, refused, served, hers] = &lines.access()[..] else { panic!("{}", lines.text()) };
    assert_eq!((&passed["method"], &passed["status"], &passed["bytes"]), (&"GET".into(), &200.into(), &2.into()));
    assert_eq!(
        (&passed["decision"], &passed["route"], &passed["upstream"]),
        (&"allow".into(), &"/".into(), &"app".into())
    );
    assert_eq!((&passed["ip"], &passed["protocol"]), (&"127.0.0.1".into(), &"HTTP/1.1".into()));
    assert_eq!(passed["path"], "/b%C3%A9");
    assert!(passed["session"].as_str().unwrap().starts_with("sess_"));
    assert!(passed["user"].as_str().unwrap().starts_with("usr_"));
    assert_eq!(vec![passed["request_id"].as_str().unwrap()], app.header("x-request-id"));
    assert!(passed["duration_ms"].as_f64() >= passed["auth_ms"].as_f64());
    assert_eq!(
        (&refused["decision"], &refused["status"], &refused["route"]),
        (&"unauthorized".into(), &401.into(), &"/".into())
    );
    assert_eq!((&served["decision"], &served["path"]), (&"public".into(), &"/security/y".into()));
    assert!(served["session"].is_null() && served["user"].is_null(), "{served}");
    assert_eq!((&hers["session"], &hers["user"]), (&passed["session"], &passed["user"]));
    let secret = door.alice.rsplit('.').next().unwrap();
    assert!(!lines.text().contains("hush") && !lines.text().contains(secret) && !lines.text().contains("alice"));
    assert!(door.metrics.render().contains("portcullis_requests_total{code_class=\"2xx\",route=\"/\"} 1"));
}

#[tokio::test]
async fn a_refused_request_has_the_route_that_it_fell_under() {
    let lines = Lines::capture();
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let websocket = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: https://evil.test\r\n";
    for (request, status, route) in [
        ("GET /x HTTP/1.1\r\nHost: app.test\r\nAccept: text/html\r\n\r\n".to_owned(), 302, "/"),
        (door.as_alice("GET /x", websocket), 403, "/"),
        (door.as_alice("GET /x/%2fy", ""), 400, "none"),
    ] {
        let before = lines.access().len();
        door.client().await.ask(&request).await;
        all_gone(&door).await;
        let line = lines.access()[before].clone();
        assert_eq!((&line["status"], &line["route"]), (&status.into(), &route.into()), "{line:?}");
    }
    assert!(door.metrics.render().contains("portcullis_requests_total{code_class=\"3xx\",route=\"none\"} 1"));
}

#[tokio::test]
async fn a_connection_that_breaks_is_logged_too() {
    let lines = Lines::capture();
    let app = App::serving(|mut stream, app| async move {
        app.record_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await.unwrap();
        tokio::time::sleep(Duration::from_mins(1)).await;
    })
    .await;
    let door = Door::before(&app).await;
    let mut client = door.client().await;
    client.send(door.as_alice("GET /x", "")).await;
    client.head().await;
    client.exactly(4).await;
    drop(client);
    all_gone(&door).await;
    let [line] = &lines.access()[..] else { panic!("{}", lines.text()) };
    assert_eq!((&line["status"], &line["bytes"]), (&200.into(), &4.into()));
    assert!(!lines.text().to_lowercase().contains("fail to proxy"), "{}", lines.text());
}

#[tokio::test]
async fn why_a_request_is_denied_stands_in_its_line() {
    let lines = Lines::capture();
    let app = App::ok().await;
    let door = Door::before(&app).await;
    for (request, why) in [
        (door.as_alice("GET /x/%2fy", ""), Some("path: %2f, allow_encoded_slash")),
        (door.as_alice("GET /security%5cy", ""), Some("path: %5c")),
        (door.as_alice("GET /a/..%0a\u{e9}\"", ""), Some("path: dot-segment")),
        (door.as_alice("TRACE /x", ""), Some("method")),
        ("GET http://app.test./x HTTP/1.1\r\nHost: app.test.\r\n\r\n".to_owned(), Some("wrong_host")),
        (
            door.as_alice("POST /security/sign-out", "Sec-Fetch-Site: cross-site\r\nContent-Length: 0\r\n"),
            Some("cross_site"),
        ),
        ("GET /x HTTP/1.1\r\nHost: evil.test\r\n\r\n".to_owned(), Some("wrong_host")),
        ("GET /x HTTP/1.1\r\nHost: app.test\r\n\r\n".to_owned(), None),
        (door.as_alice("GET /x", ""), None),
    ] {
        let before = lines.access().len();
        door.client().await.ask(&request).await;
        all_gone(&door).await;
        let line = lines.access()[before].clone();
        assert_eq!(line["refused"].as_str(), why, "{line:?}");
        assert!(line["path"].as_str().unwrap().is_ascii(), "{line:?}");
        let came = request.split("Host: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        assert_eq!(line["host"].as_str(), came.filter(|_| why == Some("wrong_host")), "{line:?}");
    }
}
