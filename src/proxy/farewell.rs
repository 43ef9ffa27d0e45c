//! The last words on a WebSocket that is cut: a Close frame, so that the page behind it learns that it is over, and why.
//!
//! Pingora drops the client's connection with the future that serves it. So a connection that may become a WebSocket is
//! lent to it in a wrapper that gives it back when it is dropped, and that has followed what was said on it. One of HTTP/2 is
//! lent, too: its last frames must not be lost because it closes while its client still sends.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use pingora::protocols::Stream;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    time::timeout,
};

use super::{Cut, connection::LINGER, frames::Said, same_connection::same_connection};

/// How long a client may take to hear it, and to close its side. Closed at once, it might never see the frame.
const PATIENCE: Duration = Duration::from_millis(500);

/// A connection that comes back when it is dropped.
#[derive(Debug)]
pub(super) struct Lent {
    /// None once it was taken off.
    stream: Option<Stream>,
    /// None where it does not matter.
    said: Option<Said>,
    back: Back,
}

/// A connection that came back, and what was said on it.
type Back = Arc<Mutex<Option<(Stream, Option<Said>)>>>;

/// Where it comes back to.
#[derive(Debug, Default)]
pub(super) struct Lender(Back);

impl Lender {
    /// Lends a connection that may become a WebSocket.
    pub(super) fn lend(&self, stream: Stream) -> Stream {
        Box::new(Lent { stream: Some(stream), said: Some(Said::nothing()), back: Arc::clone(&self.0) })
    }

    /// Lends a connection on which something else is said.
    pub(super) fn lend_unheard(&self, stream: Stream) -> Stream {
        Box::new(Lent { stream: Some(stream), said: None, back: Arc::clone(&self.0) })
    }

    /// Reads what the client still sends, for a moment, where the connection came back: closed while something is unread, it
    /// would be reset, and take the last words with it.
    pub(super) async fn hear_out(self) {
        let Some((mut stream, _)) = self.take() else { return };
        let mut rest = [0; 4096];
        // Whether it has more to say is its own affair.
        let _ = timeout(LINGER, async { while matches!(stream.read(&mut rest).await, Ok(1..)) {} }).await;
    }

    fn take(self) -> Option<(Stream, Option<Said>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Says why it is over, where it came back and the app is not in the middle of a word.
    pub(super) async fn bid_farewell(self, cut: Cut) {
        let Some((mut stream, Some(said))) = self.take() else { return };
        let Some(close) = said.close(cut) else { return };
        let leaving = async {
            stream.write_all(&close).await?;
            stream.flush().await?;
            tokio::io::AsyncWriteExt::shutdown(&mut stream).await?;
            let mut rest = [0; 4096];
            while stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        // Whether it arrives is the client's affair.
        let _ = timeout(PATIENCE, leaving).await;
    }
}

impl Lent {
    /// The connection itself, after the request.
    pub(super) fn taken_off(stream: Stream) -> Option<Stream> {
        stream.into_any().downcast::<Self>().ok()?.stream.take()
    }

    fn inner(&self) -> &Stream {
        self.stream.as_ref().expect("it is taken off only when it is dropped")
    }

    fn inner_mut(&mut self) -> &mut Stream {
        self.stream.as_mut().expect("it is taken off only when it is dropped")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            *self.back.lock().unwrap_or_else(PoisonError::into_inner) = Some((stream, self.said.take()));
        }
    }
}

impl AsyncRead for Lent {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.inner_mut()).poll_read(context, into)
    }
}

impl AsyncWrite for Lent {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(self.inner_mut()).poll_write(context, bytes))?;
        if let Some(said) = &mut self.said {
            said.pass(&bytes[..written]);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.inner_mut()).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.inner_mut()).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.inner_mut()).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        // What is followed comes by in one piece.
        self.said.is_none() && self.inner().is_write_vectored()
    }
}

same_connection!(Lent);
