//! Listeners, the admin listener's adapter, and the end of it all.

use std::{
    convert::Infallible,
    net::SocketAddr,
    process::{self, Command},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    response::sse::{Event, Sse},
    routing::{get, post},
};
use futures_util::stream;
use portcullis::proxy::{
    AxumApp, ConnectionAcceptor, ConnectionLimiter, ConnectionLimits, Listeners, ServeError, ShutdownTiming,
};
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
    task::{JoinHandle, LocalSet, spawn_local},
    time::timeout,
};

use crate::harness::{App, Client, Installation, PATIENCE, free_port, until};

async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// A request that takes as long as the test wants.
#[derive(Clone, Default)]
struct Slow {
    begun: Arc<Notify>,
    may_end: Arc<Notify>,
}

fn router(slow: &Slow) -> Router {
    let echo = |body: bytes::Bytes| async move { format!("{} bytes", body.len()) };
    let Slow { begun, may_end } = slow.clone();
    let slow = move || async move {
        begun.notify_one();
        may_end.notified().await;
        "done"
    };
    let parts = || async { Body::from_stream(stream::iter(["a", "b"].map(Ok::<_, Infallible>))) };
    let events = || async { Sse::new(stream::pending::<Result<Event, Infallible>>()) };
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/echo", post(echo))
        .route("/slow", get(slow))
        .route("/parts", get(parts))
        .route("/events", get(events))
}

struct Running {
    address: SocketAddr,
    ready: watch::Receiver<bool>,
    hung_up: Arc<Notify>,
    end: JoinHandle<Result<(), ServeError>>,
}

fn entrance() -> ConnectionAcceptor {
    ConnectionAcceptor::new(ConnectionLimits::default(), ConnectionLimiter::new(9))
}

async fn run(stopping: ShutdownTiming, slow: &Slow) -> Running {
    let address = free_address().await;
    let mut listening = Listeners::default();
    listening.add(&address.to_string(), entrance(), AxumApp::new(router(slow))).unwrap();
    let (ready, mut is_ready) = watch::channel(false);
    let hung_up = Arc::new(Notify::new());
    let told = Arc::clone(&hung_up);
    let end = spawn_local(async move { listening.run(stopping, &ready, async || told.notify_one()).await });
    timeout(PATIENCE, is_ready.wait_for(|ready| *ready)).await.unwrap().unwrap();
    until("it to listen", async || tokio::net::TcpStream::connect(address).await.ok()).await;
    Running { address, ready: is_ready, hung_up, end }
}

fn signal(which: &str) {
    assert!(Command::new("kill").args([which, &process::id().to_string()]).status().unwrap().success());
}

fn get_(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// One test, because a signal is for the whole process.
#[tokio::test]
async fn a_router_is_served_until_a_signal_ends_it() {
    LocalSet::new().run_until(a_life()).await;
}

async fn a_life() {
    let stopping = ShutdownTiming { drain: Duration::from_millis(300), grace: PATIENCE };
    let slow = Slow::default();
    let mut running = run(stopping, &slow).await;
    let mut client = Client::connect(running.address).await;
    for _ in 0..2 {
        assert_eq!(client.ask(get_("/")).await.text(), "hello");
        assert_eq!(client.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await.header("content-length"), Some("5"));
        assert_eq!(
            client.ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").await.text(),
            "3 bytes"
        );
        assert_eq!(client.ask(get_("/parts")).await.text(), "ab");
        assert_eq!(client.ask(get_("/nothing")).await.status, 404);
    }
    let mut events = Client::connect(running.address).await;
    events.send(get_("/events")).await;
    assert!(events.head().await.contains("text/event-stream"));
    drop(events);

    signal("-HUP");
    timeout(PATIENCE, running.hung_up.notified()).await.unwrap();

    signal("-TERM");
    timeout(PATIENCE, running.ready.wait_for(|ready| !*ready)).await.unwrap().unwrap();
    let mut late = Client::connect(running.address).await;
    assert_eq!(late.ask(get_("/")).await.text(), "hello", "new connections are taken while it drains");
    client.send(get_("/slow")).await;
    timeout(PATIENCE, slow.begun.notified()).await.unwrap();
    assert!(late.is_closed().await, "an idle connection ends with the listener");
    slow.may_end.notify_one();
    assert_eq!(client.answer(true).await.text(), "done", "what is under way is finished");
    timeout(PATIENCE, running.end).await.unwrap().unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(running.address).await.is_err());

    let running = run(ShutdownTiming { drain: PATIENCE * 10, grace: Duration::from_millis(100) }, &slow).await;
    let mut held = Client::connect(running.address).await;
    held.send(get_("/events")).await;
    held.head().await;
    signal("-INT");
    timeout(PATIENCE, running.end).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = Listeners::default().add(&address, entrance(), AxumApp::new(router(&Slow::default())));
    let told = refused.unwrap_err().to_string();
    assert!(told.starts_with(&format!("cannot listen on {address}: another program listens on {address}")), "{told}");
}

/// As the manual writes them: each takes what is its own.
#[tokio::test]
async fn both_families_are_listened_on_beside_each_other() {
    let app = App::ok().await;
    let port = free_port();
    for both in [
        format!("[0.0.0.0:{port}, \"[::]:{port}\"]"),
        format!("[\"[::]:{port}\", 0.0.0.0:{port}]"),
        format!("\"[::]:{port}\""),
    ] {
        let mut house = Installation::with("upstream: http://127.0.0.1:9\n");
        house.public.set_port(port);
        house.configure(&format!(
            "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes: [{{ path: /, access: public, upstream: app }}]\n\
             insecure_http: true\nlisten: {both}\n",
            app.address
        ));
        let server = house.run().await;
        for from in ["127.0.0.1", "[::1]"] {
            let mut client = Client::connect(format!("{from}:{port}").parse().unwrap()).await;
            let answer = client.ask(format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")).await;
            assert_eq!(answer.text(), "ok", "{both} {from}");
        }
        assert_eq!(app.header("x-forwarded-for").last().map(String::as_str), Some("::1"));
        server.stop().await;
    }
}
