//! Client connection as Pingora is given it: one wrapper that follows what passes, and can give the connection back.
//!
//! Pingora drops the connection with the future that serves it, and asks many traits of it besides reading and writing. All of
//! them are forwarded here once, whatever is followed: chunks of a body, `100 Continue`, frames of a WebSocket, and the progress
//! of writes.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use async_trait::async_trait;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream, TimingDigest,
    UniqueID, UniqueIDType, raw_connect::ProxyDigest, tls::SslDigest,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::proxy::{
    http::{
        chunked::{ChunkedValidator, MalformedChunks},
        expect_continue::ContinueState,
        reclaim::StreamReclaim,
        websocket::OutboundTracker,
    },
    in_flight::write_progress::WriteProgress,
};

/// Client connection.
#[derive(Debug)]
pub(super) struct ClientStream {
    /// Wrapped connection; none once it is dropped.
    stream: Option<Stream>,
    /// Validator of a chunked body.
    chunk_validator: Option<ChunkedValidator>,
    /// State of a client that waits for `100 Continue`.
    continue_state: Option<ContinueState>,
    /// Tracker of what is sent on a connection that may become a WebSocket.
    outbound: Option<OutboundTracker>,
    /// Place where the connection comes back to when it is dropped.
    reclaim: Option<StreamReclaim>,
    /// Progress of writes.
    write_progress: Option<Arc<WriteProgress>>,
}

impl ClientStream {
    /// Connection for one request after the other.
    pub(super) fn new(stream: Stream, write_progress: Arc<WriteProgress>) -> Self {
        Self::build(stream, None, Some(write_progress))
    }

    /// Connection that comes back to `reclaim`, and on which nothing is followed.
    pub(super) fn reclaimable(stream: Stream, reclaim: &StreamReclaim) -> Stream {
        Box::new(Self::build(stream, Some(reclaim.clone()), None))
    }

    fn build(stream: Stream, reclaim: Option<StreamReclaim>, write_progress: Option<Arc<WriteProgress>>) -> Self {
        Self {
            stream: Some(stream),
            chunk_validator: None,
            continue_state: None,
            outbound: None,
            reclaim,
            write_progress,
        }
    }

    /// Connection that Pingora gives back.
    pub(super) fn from_stream(stream: Stream) -> Option<Box<Self>> {
        stream.into_any().downcast().ok()
    }

    /// Sets what is followed for the next request. `chunk_validator` has seen what came of its body; a WebSocket comes back to
    /// `websocket`.
    pub(super) fn begin_request(
        &mut self,
        chunk_validator: Option<ChunkedValidator>,
        expects_continue: bool,
        websocket: Option<&StreamReclaim>,
    ) {
        self.chunk_validator = chunk_validator;
        self.continue_state = expects_continue.then(ContinueState::default);
        self.outbound = websocket.map(|_| OutboundTracker::new());
        self.reclaim = websocket.cloned();
    }

    fn inner(&self) -> &Stream {
        self.stream.as_ref().expect("it is taken only when it is dropped")
    }

    fn inner_mut(&mut self) -> &mut Stream {
        self.stream.as_mut().expect("it is taken only when it is dropped")
    }

    fn poll_validated_read(&mut self, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(chunk_validator) = &mut self.chunk_validator else {
            return Pin::new(self.inner_mut()).poll_read(context, into);
        };
        let stream = self.stream.as_mut().expect("it is taken only when it is dropped");
        let before = into.filled().len();
        let already_failed = *chunk_validator == ChunkedValidator::Malformed;
        loop {
            ready!(Pin::new(&mut *stream).poll_read(context, into))?;
            let has_data = into.filled().len() > before;
            if chunk_validator.validate(&into.filled()[before..]).is_ok()
                && *chunk_validator != ChunkedValidator::Malformed
            {
                return Poll::Ready(Ok(()));
            }
            into.set_filled(before);
            // Told once, it is thrown away until its sender stops: a connection that closes while something comes is
            // reset, and the sender may never see why.
            if !(already_failed && has_data) {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, MalformedChunks)));
            }
        }
    }

    /// Sends the rest of a `100 Continue` that has begun, before the response.
    fn poll_before_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match (&mut self.continue_state, &mut self.stream) {
            (Some(continue_state), Some(stream)) => continue_state.poll_before_response(stream, context),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn record_write<T>(&self, written: &Poll<io::Result<T>>) {
        if let Some(write_progress) = &self.write_progress {
            write_progress.record_write(written.is_pending());
        }
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        if let (Some(reclaim), Some(stream)) = (&self.reclaim, self.stream.take()) {
            reclaim.give_back(stream, self.outbound.take());
        }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = self.poll_validated_read(context, into);
        let Self { stream: Some(stream), continue_state: Some(continue_state), .. } = &mut *self else { return read };
        if read.is_ready() {
            continue_state.body_started();
        // Nothing has come, and whoever reads is woken for that: our leave goes out beside it.
        } else if let Poll::Ready(Err(error)) = continue_state.poll_continue(stream, context) {
            return Poll::Ready(Err(error));
        }
        read
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_before_write(context))?;
        let written = Pin::new(self.inner_mut()).poll_write(context, bytes);
        self.record_write(&written);
        if let (Some(outbound), Poll::Ready(Ok(written))) = (&mut self.outbound, &written) {
            outbound.track(&bytes[..*written]);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(self.inner_mut()).poll_flush(context);
        self.record_write(&flushed);
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.inner_mut()).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_before_write(context))?;
        let written = Pin::new(self.inner_mut()).poll_write_vectored(context, pieces);
        self.record_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        // What is followed comes by in one piece.
        self.outbound.is_none() && self.inner().is_write_vectored()
    }
}

#[async_trait]
impl Shutdown for ClientStream {
    async fn shutdown(&mut self) {
        Shutdown::shutdown(&mut **self.inner_mut()).await;
    }
}

#[async_trait]
impl Peek for ClientStream {
    async fn try_peek(&mut self, into: &mut [u8]) -> io::Result<bool> {
        self.inner_mut().try_peek(into).await
    }
}

impl UniqueID for ClientStream {
    fn id(&self) -> UniqueIDType {
        self.inner().id()
    }
}

impl Ssl for ClientStream {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.inner().get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.inner().selected_alpn_proto()
    }
}

impl GetTimingDigest for ClientStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.inner().get_timing_digest()
    }
}

impl GetProxyDigest for ClientStream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.inner().get_proxy_digest()
    }
}

impl GetSocketDigest for ClientStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.inner().get_socket_digest()
    }
}
