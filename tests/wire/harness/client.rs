//! A client that sends exactly what it is told to, and reads answers one by one.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::PATIENCE;

/// One connection.
pub(crate) struct Client<S = TcpStream>(pub(crate) S);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).first().copied()
    }

    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }
}

impl Client {
    pub(crate) async fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.unwrap();
        // A piece is sent when it is sent.
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // The proxy may have hung up already: then the answer tells.
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// Sends, and reads one answer.
    pub(crate) async fn ask(&mut self, bytes: impl AsRef<[u8]>) -> Answer {
        let is_head = bytes.as_ref().starts_with(b"HEAD");
        self.send(bytes).await;
        self.answer(!is_head).await
    }

    /// Reads an answer, and its body unless it cannot have one.
    pub(crate) async fn answer(&mut self, with_body: bool) -> Answer {
        let head = self.head().await;
        let mut answer = Answer { status: head[9..12].parse().unwrap(), head, body: Vec::new() };
        if with_body {
            if let Some(length) = answer.header("content-length").map(|length| length.parse().unwrap()) {
                answer.body = self.exactly(length).await;
            } else if answer.header("transfer-encoding").is_some() {
                while let Some(chunk) = self.chunk().await {
                    answer.body.extend(chunk);
                }
            }
        }
        answer
    }

    /// Reads the head of an answer.
    pub(crate) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.exactly(1).await);
        }
        String::from_utf8(head).unwrap()
    }

    /// Reads one chunk; none after the last.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.extend(self.exactly(1).await);
        }
        let length = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
        let mut chunk = self.exactly(length + 2).await;
        chunk.truncate(length);
        (length > 0).then_some(chunk)
    }

    pub(crate) async fn exactly(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let read = timeout(PATIENCE, self.0.read_exact(&mut bytes)).await;
        read.expect("an answer in time").expect("an answer, and not a closed connection");
        bytes
    }

    /// Whether the proxy closes, without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        !matches!(timeout(PATIENCE, self.0.read(&mut [0])).await.expect("the connection to close"), Ok(1..))
    }

    /// All that comes until the proxy closes.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.expect("the connection to close");
        rest
    }
}
