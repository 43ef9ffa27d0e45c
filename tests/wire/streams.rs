//! WebSocket, events, and bodies that are larger than anybody should hold in memory.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{Notify, mpsc},
    time::{sleep, timeout},
};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};

use crate::harness::{App, Door, PATIENCE, read_request};

const LARGE: usize = 50 * 1024 * 1024;
const PART: usize = 64 * 1024;
/// Who could not write a byte for so long is stuck.
const STUCK: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_websocket_passes_and_may_be_silent_for_longer_than_a_body() {
    let app = App::serving(|stream, _| async move {
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() || message.is_binary() {
                socket.send(message).await.unwrap();
            }
        }
    })
    .await;
    let limits = portcullis::proxy::ConnectionLimits { body_idle: Duration::from_millis(200), ..Default::default() };
    let door = Door::plan(&[app.address]).limits(limits).read(Duration::from_millis(200)).open().await;
    let mut request = "ws://app.test/ws".into_client_request().unwrap();
    request.headers_mut().insert("cookie", door.alice.parse().unwrap());
    let stream = TcpStream::connect(door.address).await.unwrap();
    let (mut socket, answer) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    assert_eq!(answer.status(), 101);
    for size in [1, 70_000] {
        let message = Message::binary(vec![7; size]);
        socket.send(message.clone()).await.unwrap();
        assert_eq!(timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap(), message);
        assert!(door.metrics.render().contains("portcullis_open_streams{kind=\"websocket\"} 1"));
        sleep(Duration::from_millis(600)).await;
    }
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = timeout(PATIENCE, socket.next()).await.unwrap() {}
    timeout(PATIENCE, door.open.subscribe().wait_for(|open| *open == 0)).await.unwrap().unwrap();
    assert!(door.metrics.render().contains("portcullis_open_streams{kind=\"websocket\"} 0"));
}

#[tokio::test]
async fn an_event_arrives_before_the_next_is_sent() {
    let (send, next) = mpsc::unbounded_channel::<()>();
    let next = Arc::new(tokio::sync::Mutex::new(next));
    let app = App::serving(move |mut stream, _| {
        let next = Arc::clone(&next);
        async move {
            read_request(&mut stream).await;
            let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.write_all(head).await.unwrap();
            let mut next = next.lock().await;
            while next.recv().await.is_some() {
                stream.write_all(b"9\r\ndata: x\n\n\r\n").await.unwrap();
            }
        }
    })
    .await;
    let door = Door::plan(&[app.address]).read(Duration::from_millis(200)).open().await;
    let mut client = door.client().await;
    client.send(door.as_alice("GET /events", "Accept: text/event-stream\r\n")).await;
    assert!(client.head().await.starts_with("HTTP/1.1 200"));
    for _ in 0..3 {
        send.send(()).unwrap();
        assert_eq!(client.chunk().await.unwrap(), b"data: x\n\n");
        assert!(door.metrics.render().contains("portcullis_open_streams{kind=\"sse\"} 1"));
        sleep(Duration::from_millis(300)).await;
    }
    drop(client);
    timeout(PATIENCE, door.open.subscribe().wait_for(|open| *open == 0)).await.unwrap().unwrap();
    assert!(door.metrics.render().contains("portcullis_open_streams{kind=\"sse\"} 0"));
}

#[tokio::test]
async fn an_upload_flows_as_fast_as_the_app_takes_it() {
    let take = Arc::new(Notify::new());
    let may_take = Arc::clone(&take);
    let app = App::serving(move |mut stream, app| {
        let may_take = Arc::clone(&may_take);
        async move {
            // Nothing is taken until the client is stuck: what was sent must wait there, not here.
            while !app_head(&mut stream).await.contains("LENGTH") {}
            may_take.notified().await;
            let (mut left, mut part) = (LARGE, vec![0; PART]);
            while left > 0 {
                left -= stream.read(&mut part).await.unwrap();
            }
            drop(app);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        }
    })
    .await;
    let door = Door::before(&app).await;
    let mut client = door.client().await;
    client.send(door.as_alice("POST /upload", &format!("Content-Length: {LARGE}\r\n"))).await;
    let part = vec![b'x'; 1024 * 1024];
    let mut sent = 0;
    while let Ok(written) = timeout(STUCK, client.0.write(&part)).await {
        sent += written.unwrap();
        assert!(sent < LARGE / 2, "the proxy holds what the app does not take");
    }
    take.notify_one();
    while sent < LARGE {
        sent += client.0.write(&part[..part.len().min(LARGE - sent)]).await.unwrap();
    }
    assert_eq!(client.answer(true).await.text(), "ok");
}

async fn app_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8_lossy(&head).to_ascii_uppercase()
}

#[tokio::test]
async fn a_download_flows_as_fast_as_the_client_takes_it() {
    let (report, mut written) = mpsc::unbounded_channel();
    let app = App::serving(move |mut stream, _| {
        let report = report.clone();
        async move {
            app_head(&mut stream).await;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let part = vec![b'x'; PART];
            for _ in 0..LARGE / PART {
                stream.write_all(&part).await.unwrap();
                // Nobody counts any more once it is stuck.
                let _ = report.send(PART);
            }
            // Until the proxy hangs up.
            let _ = stream.read_u8().await;
        }
    })
    .await;
    let door = Door::before(&app).await;
    let mut client = door.client().await;
    client.send(door.as_alice("GET /download", "")).await;
    assert!(client.head().await.starts_with("HTTP/1.1 200"));
    // The client takes nothing until the app is stuck.
    let mut ahead = timeout(PATIENCE, written.recv()).await.unwrap().unwrap();
    while let Ok(Some(part)) = timeout(STUCK, written.recv()).await {
        ahead += part;
        assert!(ahead < LARGE / 2, "the proxy holds what the client does not take");
    }
    let mut part = vec![0; 1024 * 1024];
    let mut received = 0;
    while received < LARGE {
        received += timeout(PATIENCE, client.0.read(&mut part)).await.unwrap().unwrap();
    }
}
