//! The last words on a WebSocket that is cut: a Close frame, so that the page behind it learns that it is over, and why.
//!
//! Pingora drops the client's connection with the future that serves it. So a connection that may become a WebSocket is
//! lent to it in a wrapper that gives it back when it is dropped, and that has followed what was said on it.

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

use super::{Cut, frames::Said, same_connection::same_connection};

/// How long a client may take to hear it, and to close its side. Closed at once, it might never see the frame.
const PATIENCE: Duration = Duration::from_millis(500);

/// A connection that comes back when it is dropped.
#[derive(Debug)]
pub(super) struct Lent {
    /// None once it was taken off.
    stream: Option<Stream>,
    said: Said,
    back: Arc<Mutex<Option<(Stream, Said)>>>,
}

/// Where it comes back to.
#[derive(Debug, Default)]
pub(super) struct Lender(Arc<Mutex<Option<(Stream, Said)>>>);

impl Lender {
    /// Lends a connection.
    pub(super) fn lend(&self, stream: Stream) -> Stream {
        Box::new(Lent { stream: Some(stream), said: Said::nothing(), back: Arc::clone(&self.0) })
    }

    /// Says why it is over, where it came back and the app is not in the middle of a word.
    pub(super) async fn bid_farewell(self, cut: Cut) {
        let back = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((mut stream, said)) = back else { return };
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
            let said = std::mem::replace(&mut self.said, Said::nothing());
            *self.back.lock().unwrap_or_else(PoisonError::into_inner) = Some((stream, said));
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
        self.said.pass(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.inner_mut()).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.inner_mut()).poll_shutdown(context)
    }

    // Not vectored: then what is written comes by in one piece.
}

same_connection!(Lent);
