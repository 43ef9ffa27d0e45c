//! What the client says on an open stream is a sign of life of its session; what the app says is none.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::AsyncWriteExt as _,
    time::{interval, timeout},
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::harness::{
    App, Installation, PATIENCE, Person, Running, Socket, Streaming, accept, read_request, websocket,
};

/// Twice what a session may be quiet here.
const LONG: Duration = Duration::from_secs(4);

async fn set(app: std::net::SocketAddr) -> (Installation, Running) {
    let house = Installation::with(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{app}\"] }} }}\nroutes:\n\
         - {{ path: /poll, access: signed_in, upstream: app, counts_as_activity: false }}\n\
         - {{ path: /, access: signed_in, upstream: app }}\nsessions: {{ idle_timeout: 2s }}\n"
    ));
    house.user("alice", &[]);
    let server = house.run().await;
    (house, server)
}

/// Sends this now and then, for long; stops where the connection ends.
async fn keep_sending(socket: &mut Socket, message: Message) {
    let mut now_and_then = interval(Duration::from_millis(400));
    let sending = async {
        loop {
            tokio::select! {
                _ = now_and_then.tick() => if socket.send(message.clone()).await.is_err() { return },
                heard = socket.next() => if !matches!(heard, Some(Ok(_))) { return },
            }
        }
    };
    let _ = timeout(LONG, sending).await;
}

/// Why it was closed by the proxy.
async fn closed(socket: &mut Socket) -> Option<CloseCode> {
    let hearing = async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(Some(CloseFrame { code, .. })) = message {
                return Some(code);
            }
        }
        None
    };
    timeout(PATIENCE, hearing).await.expect("it goes on")
}

async fn is_in(person: &Person) -> bool {
    person.status("/security/api/v1/me").await == 200
}

#[tokio::test]
async fn whoever_says_something_stays() {
    let app = Streaming::open().await;
    let (house, _server) = set(app.address).await;
    let alice = house.signed_in("alice").await;
    let mut socket = websocket(house.public, &alice.cookie(), "/x/ws").await;
    keep_sending(&mut socket, Message::text("here")).await;
    assert!(is_in(&alice).await);
    assert_eq!(closed(&mut socket).await, Some(CloseCode::Policy), "silent, it goes");
    assert!(!is_in(&alice).await);
}

#[tokio::test]
async fn an_upload_is_a_sign_of_life_too() {
    let app = Streaming::open().await;
    let (house, _server) = set(app.address).await;
    let alice = house.signed_in("alice").await;
    let mut client = app.start(house.public, &alice.cookie(), "/x/upload").await;
    let mut now_and_then = interval(Duration::from_millis(400));
    let sending = async {
        loop {
            now_and_then.tick().await;
            client.0.write_all(b"another part").await.expect("it is not cut");
        }
    };
    assert!(timeout(LONG, sending).await.is_err());
    assert!(is_in(&alice).await);
}

#[tokio::test]
async fn what_a_route_says_is_none_is_none() {
    let app = Streaming::open().await;
    let (house, _server) = set(app.address).await;
    let alice = house.signed_in("alice").await;
    let mut socket = websocket(house.public, &alice.cookie(), "/poll/ws").await;
    keep_sending(&mut socket, Message::text("by itself")).await;
    assert!(!is_in(&alice).await);
    assert_eq!(closed(&mut socket).await, None, "it was closed long ago");
}

#[tokio::test]
async fn what_the_app_says_is_none() {
    let app = Streaming::open().await;
    let (house, server) = set(app.address).await;
    let alice = house.signed_in("alice").await;
    let mut socket = websocket(house.public, &alice.cookie(), "/x/ws").await;
    let mut events = app.start(house.public, &alice.cookie(), "/x/events").await;
    let talking = async {
        loop {
            app.say_something();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let code = tokio::select! {
        () = talking => None,
        code = closed(&mut socket) => code,
    };
    assert_eq!(code, Some(CloseCode::Policy));
    events.rest().await;
    assert!(!is_in(&alice).await);
    server.metric_becomes("portcullis_streams_cut_total{reason=\"idle\"}", 2.0).await;
}

/// A browser answers a Ping by itself, whether anybody sits before it or not.
#[tokio::test]
async fn an_answer_to_a_ping_of_the_app_is_none() {
    let app = App::serving(|stream, _| async move {
        let Some(mut socket) = accept(stream).await else { return };
        let mut now_and_then = interval(Duration::from_millis(200));
        loop {
            tokio::select! {
                _ = now_and_then.tick() => if socket.send(Message::Ping("?".into())).await.is_err() { return },
                heard = socket.next() => if !matches!(heard, Some(Ok(_))) { return },
            }
        }
    })
    .await;
    let (house, _server) = set(app.address).await;
    let alice = house.signed_in("alice").await;
    let mut socket = websocket(house.public, &alice.cookie(), "/x/ws").await;
    assert_eq!(closed(&mut socket).await, Some(CloseCode::Policy));
    assert!(!is_in(&alice).await);
}

/// A request whose answer takes longer than a session may be quiet is cut: nobody has used the session meanwhile.
#[tokio::test]
async fn a_request_that_the_app_holds_is_no_sign_of_life() {
    let app = App::serving(|mut stream, app| async move {
        app.keep(&read_request(&mut stream).await.unwrap_or_default());
        let _ = tokio::io::AsyncReadExt::read_u8(&mut stream).await;
    })
    .await;
    let (house, server) = set(app.address).await;
    let alice = house.signed_in("alice").await;
    assert!(alice.request(reqwest::Method::GET, "/held").send().await.is_err());
    assert_eq!(server.says("\"path\":\"/held\"").await["cut"], "idle");
}
