//! The last words on a WebSocket that is cut: a Close frame, so that the page behind it learns that it is over, and why.
//!
//! Pingora drops the client's connection with the future that serves it. So a connection that may become a WebSocket is
//! lent to it: `client_stream` gives it back when it is dropped, and has followed what was said on it. One of HTTP/2 is
//! lent, too: its last frames must not be lost because it closes while its client still sends.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use pingora::protocols::Stream;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::proxy::{
    http::{server::LINGER_TIMEOUT, websocket::OutboundTracker},
    in_flight::{cancel_reason::CancelReason, lock::lock},
};

/// How long a client may take to hear it, and to close its side. Closed at once, it might never see the frame.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// A connection that came back, and what was said on it.
type ReclaimedStream = Arc<Mutex<Option<(Stream, Option<OutboundTracker>)>>>;

/// Where it comes back to.
#[derive(Clone, Debug, Default)]
pub(super) struct StreamReclaim(ReclaimedStream);

impl StreamReclaim {
    /// Takes back a connection, and what was said on it where that matters.
    pub(super) fn give_back(&self, stream: Stream, outbound: Option<OutboundTracker>) {
        *lock(&self.0) = Some((stream, outbound));
    }

    /// Reads what the client still sends, for a moment, where the connection came back: closed while something is unread, it
    /// would be reset, and take the last words with it.
    pub(super) async fn drain(self) {
        let Some((mut stream, _)) = self.take() else { return };
        let mut rest = [0; 4096];
        // Whether it has more to say is its own affair.
        let _ = timeout(LINGER_TIMEOUT, async { while matches!(stream.read(&mut rest).await, Ok(1..)) {} }).await;
    }

    fn take(self) -> Option<(Stream, Option<OutboundTracker>)> {
        lock(&self.0).take()
    }

    /// Says why it is over, where it came back and the app is not in the middle of a word.
    pub(super) async fn send_close_frame(self, reason: CancelReason) {
        let Some((mut stream, Some(outbound))) = self.take() else { return };
        let Some(close) = outbound.close_frame(reason) else { return };
        let sending = async {
            stream.write_all(&close).await?;
            stream.flush().await?;
            tokio::io::AsyncWriteExt::shutdown(&mut stream).await?;
            let mut rest = [0; 4096];
            while stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        // Whether it arrives is the client's affair.
        let _ = timeout(CLOSE_TIMEOUT, sending).await;
    }
}
