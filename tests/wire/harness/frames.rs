//! HTTP/2 frame by frame, right or wrong.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::{PATIENCE, Shown, secure::Tls};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// A connection on which frames are written by hand.
pub(crate) struct Frames(Tls);

/// What came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frames {
    /// Connects, and says what every connection begins with.
    pub(crate) async fn open(to: SocketAddr, shown: &Shown) -> Self {
        let mut this = Self(shown.connect(to, &["h2"]).await.unwrap());
        this.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        this.send(SETTINGS, 0, 0, &[]).await;
        this
    }

    /// Bytes as they are. The other side may have hung up: then what comes tells.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> bool {
        matches!(timeout(PATIENCE, async { self.0.write_all(bytes).await.and(self.0.flush().await) }).await, Ok(Ok(())))
    }

    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.write(&frame(kind, flags, stream, payload)).await
    }

    /// Asks for a page, with these lines in the head.
    pub(crate) async fn ask(&mut self, stream: u32, lines: &[(&str, &str)]) -> bool {
        self.send(HEADERS, END_STREAM | END_HEADERS, stream, &pressed(lines)).await
    }

    /// The next frame; none when the connection is over.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let reading = async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let mut payload = vec![0; usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])];
            self.0.read_exact(&mut payload).await.ok()?;
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            Some(Frame { kind: head[3], flags: head[4], stream, payload })
        };
        timeout(PATIENCE, reading).await.expect("a frame, or the end, in time")
    }

    /// Reads on until this comes; none when the connection is over before.
    pub(crate) async fn until(&mut self, mut wanted: impl FnMut(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if frame.kind == SETTINGS && frame.flags & ACK == 0 {
                self.send(SETTINGS, ACK, 0, &[]).await;
            }
            if frame.kind == PING && frame.flags & ACK == 0 {
                self.send(PING, ACK, 0, &frame.payload).await;
            }
            if wanted(&frame) {
                return Some(frame);
            }
        }
    }
}

/// A frame on the wire.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Lines of a head, none of them remembered (RFC 7541, 6.2.3).
pub(crate) fn pressed(lines: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in lines {
        block.push(0x10);
        block.extend(text(name.as_bytes()));
        block.extend(text(value.as_bytes()));
    }
    block
}

/// A text with its length before it (RFC 7541, 5.1 and 5.2).
pub(crate) fn text(bytes: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    match bytes.len().checked_sub(127) {
        None => block.push(u8::try_from(bytes.len()).unwrap()),
        Some(mut rest) => {
            block.push(127);
            while rest >= 128 {
                block.push(u8::try_from(rest % 128 + 128).unwrap());
                rest /= 128;
            }
            block.push(u8::try_from(rest).unwrap());
        }
    }
    block.extend_from_slice(bytes);
    block
}
