//! An app that records the exact bytes it receives.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::beside;

/// A server behind the proxy.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<u8>>>,
}

impl App {
    /// Answers each request with these bytes.
    pub(crate) async fn answering(answer: &'static [u8]) -> Self {
        Self::serving(move |mut stream, app| async move {
            while app.record_request(&mut stream).await {
                if stream.write_all(answer).await.is_err() {
                    return;
                }
            }
        })
        .await
    }

    /// Answers 200 and `ok`.
    pub(crate) async fn ok() -> Self {
        Self::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await
    }

    /// Does this with each connection.
    pub(crate) async fn serving<F: Future<Output = ()> + Send + 'static>(
        serve: impl Fn(TcpStream, Self) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let app = Self { address: listener.local_addr().unwrap(), received: Arc::default() };
        let this = app.clone();
        beside(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                beside(serve(stream, this.clone()));
            }
        });
        app
    }

    /// Reads one request and keeps its bytes; false when there is none.
    pub(crate) async fn record_request(&self, stream: &mut TcpStream) -> bool {
        match read_request(stream).await {
            Some(request) => {
                self.keep(&request);
                true
            }
            None => false,
        }
    }

    /// Keeps the bytes of a request that was read elsewhere.
    pub(crate) fn keep(&self, request: &[u8]) {
        self.received.lock().unwrap().extend_from_slice(request);
    }

    /// Everything that it has received, as text.
    pub(crate) fn received(&self) -> String {
        String::from_utf8_lossy(&self.received.lock().unwrap()).into_owned()
    }

    /// Forgets it.
    pub(crate) fn forget(&self) {
        self.received.lock().unwrap().clear();
    }

    /// The same, as bytes.
    pub(crate) fn received_bytes(&self) -> Vec<u8> {
        self.received.lock().unwrap().clone()
    }

    /// The values of a header that it has received, whatever the case of its name.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let lines = self.received();
        let values =
            lines.lines().filter_map(|line| line.split_once(": ")).filter(|(key, _)| key.eq_ignore_ascii_case(name));
        values.map(|(_, value)| value.to_owned()).collect()
    }

    /// How many requests it has received.
    pub(crate) fn requests(&self) -> usize {
        self.received().matches(" HTTP/1.1\r\n").count()
    }
}

/// A head and the body that it announces.
pub(crate) async fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        read.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&read).to_ascii_lowercase();
    if head.contains("transfer-encoding: chunked") {
        while !read.ends_with(b"0\r\n\r\n") {
            read.push(stream.read_u8().await.ok()?);
        }
    } else if let Some((_, rest)) = head.split_once("content-length: ") {
        let mut body = vec![0; rest.lines().next()?.trim().parse().ok()?];
        stream.read_exact(&mut body).await.ok()?;
        read.extend(body);
    }
    Some(read)
}
