//! An app with everything that may take long, each kind under its own last name: `…/ws`, `…/events`, `…/download`,
//! `…/upload`, `…/held`. It is silent, but where it is told to say something, and answers `…/ok` at once.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::broadcast,
    time::{Duration, sleep},
};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};

use super::{App, Client, read_request, until};

/// Each kind of what may take long.
pub(crate) const KINDS: [&str; 5] = ["ws", "events", "download", "upload", "held"];
/// Longer than any test.
const LENGTH: usize = 1 << 40;
/// The beginning of a download, padded: of one with a length, Pingora passes on only what fills its buffer.
const PART: &str = "part of it";

/// The app, and what it has seen.
pub(crate) struct Streaming {
    pub(crate) address: SocketAddr,
    begun: Arc<Mutex<Vec<String>>>,
    closed: Arc<Mutex<Vec<String>>>,
    say: broadcast::Sender<()>,
}

impl Streaming {
    pub(crate) async fn open() -> Self {
        let (say, begun, closed) = (broadcast::Sender::new(16), Arc::<Mutex<Vec<_>>>::default(), Arc::default());
        let seen = (say.clone(), Arc::clone(&begun), Arc::<Mutex<Vec<_>>>::clone(&closed));
        let app = App::serving(move |stream, _| {
            let (say, begun, closed) = seen.clone();
            async move {
                let Some(target) = target(&stream).await else { return };
                let said = say.subscribe();
                begun.lock().unwrap().push(target.clone());
                serve(stream, target.rsplit('/').next().unwrap_or_default(), said).await;
                closed.lock().unwrap().push(target);
            }
        })
        .await;
        Self { address: app.address, begun, closed, say }
    }

    /// Says something on every WebSocket and every stream of events.
    pub(crate) fn say_something(&self) {
        // Nobody may be there to hear it.
        let _ = self.say.send(());
    }

    /// Waits until a request for this has come.
    pub(crate) async fn has_begun(&self, target: &str) {
        until(&format!("{target} to have begun"), async || found(&self.begun, target)).await;
    }

    /// Waits until the connection of this was closed.
    pub(crate) async fn has_lost(&self, target: &str) {
        until(&format!("{target} to be closed"), async || found(&self.closed, target)).await;
    }

    pub(crate) fn has_closed(&self, target: &str) -> bool {
        found(&self.closed, target).is_some()
    }

    /// A client with one of these in flight, which the app knows of.
    pub(crate) async fn start(&self, at: SocketAddr, cookie: &str, target: &str) -> Client {
        let mut client = Client::connect(at).await;
        let kind = target.rsplit('/').next().unwrap_or_default();
        let (method, more) = match kind {
            "ws" => ("GET", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n".to_owned()),
            "upload" => ("POST", format!("Content-Length: {LENGTH}\r\n")),
            _ => ("GET", String::new()),
        };
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: {at}\r\nCookie: {cookie}\r\n{more}\r\n")).await;
        match kind {
            "ws" => assert!(client.head().await.starts_with("HTTP/1.1 101")),
            "events" | "download" => assert!(client.head().await.starts_with("HTTP/1.1 200")),
            "upload" => client.send("part of it").await,
            _ => {}
        }
        self.has_begun(target).await;
        client
    }
}

/// One end of a WebSocket.
pub(crate) type Socket = tokio_tungstenite::WebSocketStream<TcpStream>;

/// Opens a WebSocket.
pub(crate) async fn websocket(at: SocketAddr, cookie: &str, target: &str) -> Socket {
    let mut request = format!("ws://{at}{target}").into_client_request().unwrap();
    request.headers_mut().insert("cookie", cookie.parse().unwrap());
    let stream = TcpStream::connect(at).await.unwrap();
    tokio_tungstenite::client_async(request, stream).await.unwrap().0
}

/// Agrees on a WebSocket, as an app that takes its time: Pingora now and then closes one that is agreed on within
/// microseconds (README, limits).
pub(crate) async fn accept(stream: TcpStream) -> Option<Socket> {
    sleep(Duration::from_millis(20)).await;
    tokio_tungstenite::accept_async(stream).await.ok()
}

fn found(list: &Mutex<Vec<String>>, target: &str) -> Option<()> {
    list.lock().unwrap().iter().any(|known| known == target).then_some(())
}

/// What is asked for, without taking it from the connection.
async fn target(stream: &TcpStream) -> Option<String> {
    let mut begin = [0; 512];
    loop {
        let seen = stream.peek(&mut begin).await.ok().filter(|seen| *seen > 0)?;
        let text = String::from_utf8_lossy(&begin[..seen]).into_owned();
        if text.contains("\r\n") {
            return Some(text.split(' ').nth(1)?.to_owned());
        }
        tokio::task::yield_now().await;
    }
}

/// Returns when the connection is closed.
async fn serve(mut stream: TcpStream, kind: &str, mut said: broadcast::Receiver<()>) {
    if kind == "ws" {
        let Some(mut socket) = accept(stream).await else { return };
        loop {
            let message = tokio::select! {
                Ok(()) = said.recv() => Message::text("said"),
                heard = socket.next() => match heard {
                    Some(Ok(message)) if message.is_text() => message,
                    Some(Ok(_)) => continue,
                    Some(Err(_)) | None => return,
                },
            };
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }
    if kind == "ok" {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
        return;
    }
    let head = match kind {
        "events" => {
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()
        }
        "download" => format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n{PART:65535}"),
        _ => String::new(),
    };
    let _ = stream.write_all(head.as_bytes()).await;
    let mut read = [0; 4096];
    loop {
        tokio::select! {
            Ok(()) = said.recv(), if kind == "events" => drop(stream.write_all(b"9\r\ndata: x\n\n\r\n").await),
            come = stream.read(&mut read) => if !matches!(come, Ok(1..)) { return },
        }
    }
}
