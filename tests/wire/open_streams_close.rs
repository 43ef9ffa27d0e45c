//! A WebSocket that is cut is told so: a page that knows why connects again, is refused, and asks its visitor to sign in.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::harness::{App, Client, Installation, Person, Running, Socket, Streaming, websocket};

/// A second is promised; the rest is for a machine that is busy with other tests.
const IN_TIME: Duration = Duration::from_millis(1_500);

async fn set(keys: &str) -> (Streaming, Installation, Running) {
    let app = Streaming::open().await;
    let house = Installation::with(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes:\n\
         - {{ path: /public, access: public, upstream: app }}\n- {{ path: /, access: signed_in, upstream: app }}\n{keys}",
        app.address
    ));
    house.user("alice", &[]);
    let server = house.run().await;
    (app, house, server)
}

/// With what it was closed; the connection is closed after that.
async fn closed(socket: &mut Socket) -> Option<CloseFrame> {
    let hearing = async {
        let mut close = None;
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(frame) = message {
                close = frame;
            }
        }
        close
    };
    timeout(IN_TIME, hearing).await.expect("it goes on")
}

async fn end(by: &Person, whose: &Person) {
    let id = whose.session().await;
    assert_eq!(by.call(Method::DELETE, &format!("/sessions/{id}"), &json!({})).await.status(), 204);
}

fn frame(code: u16, reason: &'static str) -> CloseFrame {
    CloseFrame { code: CloseCode::from(code), reason: reason.into() }
}

#[tokio::test]
async fn who_is_signed_out_is_told_so_and_comes_back_to_a_refusal() {
    let (app, house, _server) = set("").await;
    let (here, there) = (house.signed_in("alice").await, house.signed_in("alice").await);
    let (mut silent, mut busy) = (
        websocket(house.public, &there.cookie(), "/silent/ws").await,
        websocket(house.public, &there.cookie(), "/busy/ws").await,
    );
    let mut stays = websocket(house.public, &here.cookie(), "/here/ws").await;
    for size in [1, 200, 70_000] {
        busy.send(Message::text("x".repeat(size))).await.unwrap();
        assert_eq!(busy.next().await.unwrap().unwrap().len(), size);
    }

    end(&here, &there).await;

    assert_eq!(closed(&mut silent).await, Some(frame(1008, "signed out")));
    assert_eq!(closed(&mut busy).await, Some(frame(1008, "signed out")));
    app.has_lost("/silent/ws").await;
    app.has_lost("/busy/ws").await;
    stays.send(Message::text("still here")).await.unwrap();
    assert_eq!(stays.next().await.unwrap().unwrap(), Message::text("still here"));
    let mut again = Client::connect(house.public).await;
    let ask = format!(
        "GET /silent/ws HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        house.public,
        there.cookie()
    );
    assert_eq!(again.ask(ask).await.status, 401);
}

#[tokio::test]
async fn while_the_store_is_away_it_is_told_to_come_back_later() {
    let (_app, house, server) = set("").await;
    let alice = house.signed_in("alice").await;
    let mut guarded = websocket(house.public, &alice.cookie(), "/x/ws").await;
    let mut public = websocket(house.public, "", "/public/ws").await;
    std::fs::rename(house.path("portcullis.db"), house.path("aside.db")).unwrap();
    server.says("Streams cut, sessions cannot be checked").await;
    assert_eq!(closed(&mut guarded).await, Some(frame(1013, "try again later")));
    public.send(Message::text("open to all")).await.unwrap();
    assert_eq!(public.next().await.unwrap().unwrap(), Message::text("open to all"));
}

#[tokio::test]
async fn at_the_end_of_the_grace_everybody_is_told_to_go() {
    let (_app, house, server) = set("shutdown: { drain: 0s, grace: 500ms }\n").await;
    let alice = house.signed_in("alice").await;
    let mut guarded = websocket(house.public, &alice.cookie(), "/x/ws").await;
    let mut public = websocket(house.public, "", "/public/ws").await;
    server.child.signal("TERM");
    assert_eq!(closed(&mut guarded).await, Some(frame(1001, "going away")));
    assert_eq!(closed(&mut public).await, Some(frame(1001, "going away")));
    let line = server.says("\"path\":\"/x/ws\"").await;
    assert_eq!(line["cut"], "stopping");
    assert_eq!(server.stop().await, 0);
}

/// Says this after a WebSocket is agreed on, whatever it is, and waits for the end.
async fn saying(words: &'static [u8]) -> App {
    App::serving(move |mut stream, app| async move {
        app.record_request(&mut stream).await;
        // As `accept` does.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
        stream.write_all(&[head, words].concat()).await.unwrap();
        while matches!(stream.read(&mut [0; 64]).await, Ok(1..)) {}
    })
    .await
}

/// All that a client hears on such a WebSocket until it is over, its session being ended in the middle.
async fn heard(words: &'static [u8], client_says: Option<&'static [u8]>) -> Vec<u8> {
    let app = saying(words).await;
    let house = Installation::before(app.address);
    house.user("alice", &[]);
    let _server = house.run().await;
    let (here, there) = (house.signed_in("alice").await, house.signed_in("alice").await);
    let mut client = Client(TcpStream::connect(house.public).await.unwrap());
    let ask = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: x\r\n\r\n",
        house.public,
        there.cookie()
    );
    client.send(ask).await;
    client.head().await;
    let mut heard = client.exactly(words.len()).await;
    if let Some(says) = client_says {
        client.send(says).await;
    }
    end(&here, &there).await;
    timeout(IN_TIME, client.0.read_to_end(&mut heard)).await.expect("it goes on").unwrap();
    heard
}

#[tokio::test]
async fn nothing_is_put_into_the_middle_of_a_frame() {
    // Five bytes are announced, and two have come.
    assert_eq!(heard(b"\x81\x05he", None).await, b"\x81\x05he");
    // The app has closed it already.
    assert_eq!(heard(b"\x88\x02\x03\xe8", None).await, b"\x88\x02\x03\xe8");
    // A part of a message is whole, and more of it was to come.
    assert_eq!(heard(b"\x01\x02he", None).await, b"\x01\x02he\x88\x0c\x03\xf0signed out");
}

#[tokio::test]
async fn who_does_not_listen_is_not_waited_for() {
    // A client in the middle of a frame, and one that does not close its side: it is over in time all the same.
    assert_eq!(heard(b"\x81\x02he", Some(b"\x81\x85abcd1")).await, b"\x81\x02he\x88\x0c\x03\xf0signed out");
}
