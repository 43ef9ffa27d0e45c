//! Reclaim of a client connection from Pingora, to send a Close frame on a WebSocket that is cancelled, with the reason.
//!
//! Pingora drops the client's connection with the future that serves it. So `client_stream` gives a connection that may become a
//! WebSocket back when it is dropped, with the frames that it has followed. A connection of HTTP/2 is reclaimed, too: its last
//! frames must not be lost because it closes while its client still sends.

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

/// Longest wait for the client to read the frame and close its side. Closed at once, it might never see the frame.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// Connection that came back, and the frames that were sent on it.
type ReclaimedStream = Arc<Mutex<Option<(Stream, Option<OutboundTracker>)>>>;

/// Place where a dropped connection comes back to.
#[derive(Clone, Debug, Default)]
pub(super) struct StreamReclaim(ReclaimedStream);

impl StreamReclaim {
    /// Takes back a connection, and the frames that were sent on it where those were followed.
    pub(super) fn give_back(&self, stream: Stream, outbound: Option<OutboundTracker>) {
        *lock(&self.0) = Some((stream, outbound));
    }

    /// Reads what the client still sends, for a moment, where the connection came back: closed while something is unread, it
    /// would be reset, and the last frames lost.
    pub(super) async fn drain(self) {
        let Some((mut stream, _)) = self.take() else { return };
        let mut rest = [0; 4096];
        // Whether it has more to say is its own affair.
        let _ = timeout(LINGER_TIMEOUT, async { while matches!(stream.read(&mut rest).await, Ok(1..)) {} }).await;
    }

    fn take(self) -> Option<(Stream, Option<OutboundTracker>)> {
        lock(&self.0).take()
    }

    /// Sends a Close frame with the reason, where the connection came back and the app is not in the middle of a frame.
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
