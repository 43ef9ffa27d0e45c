//! A client's connection as Pingora is given it: what passes is looked at, and the connection comes back.
//!
//! Pingora drops the connection with the future that serves it, and asks many things of it besides reading and writing. All
//! of that stands here once, whatever is looked at: chunks of a body, leave to send one, frames of a WebSocket, and whether the
//! client takes what it is sent.

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

use super::{
    chunks::{Chunks, Malformed},
    client_writes::ClientWrites,
    expecting::Expecting,
    farewell::Lender,
    frames::Said,
};

/// A client's connection.
#[derive(Debug)]
pub(super) struct ClientStream {
    /// None once it is dropped.
    stream: Option<Stream>,
    /// Of a body that comes in chunks.
    chunks: Option<Chunks>,
    /// Of a client that waits for leave to send a body.
    expecting: Option<Expecting>,
    /// What is said on a connection that may become a WebSocket.
    said: Option<Said>,
    /// Where the connection comes back to when it is dropped.
    lender: Option<Lender>,
    /// Told whether the client takes what it is sent.
    writes: Option<Arc<ClientWrites>>,
}

impl ClientStream {
    /// A connection for one request after the other.
    pub(super) fn new(stream: Stream, writes: Arc<ClientWrites>) -> Self {
        Self::build(stream, None, Some(writes))
    }

    /// A connection that comes back to `lender`, and on which nothing is looked at.
    pub(super) fn lent(stream: Stream, lender: &Lender) -> Stream {
        Box::new(Self::build(stream, Some(lender.clone()), None))
    }

    fn build(stream: Stream, lender: Option<Lender>, writes: Option<Arc<ClientWrites>>) -> Self {
        Self { stream: Some(stream), chunks: None, expecting: None, said: None, lender, writes }
    }

    /// The same, after Pingora had it.
    pub(super) fn back(stream: Stream) -> Option<Box<Self>> {
        stream.into_any().downcast().ok()
    }

    /// Looks at what comes and goes for the next request. `chunks` has seen what came of its body; a WebSocket comes back to
    /// its lender.
    pub(super) fn begin(&mut self, chunks: Option<Chunks>, expects_leave: bool, websocket: Option<&Lender>) {
        self.chunks = chunks;
        self.expecting = expects_leave.then(Expecting::default);
        self.said = websocket.map(|_| Said::nothing());
        self.lender = websocket.cloned();
    }

    fn inner(&self) -> &Stream {
        self.stream.as_ref().expect("it is taken only when it is dropped")
    }

    fn inner_mut(&mut self) -> &mut Stream {
        self.stream.as_mut().expect("it is taken only when it is dropped")
    }

    fn poll_look(&mut self, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(chunks) = &mut self.chunks else { return Pin::new(self.inner_mut()).poll_read(context, into) };
        let stream = self.stream.as_mut().expect("it is taken only when it is dropped");
        let before = into.filled().len();
        let told = *chunks == Chunks::Malformed;
        loop {
            ready!(Pin::new(&mut *stream).poll_read(context, into))?;
            let came = into.filled().len() > before;
            if chunks.look(&into.filled()[before..]).is_ok() && *chunks != Chunks::Malformed {
                return Poll::Ready(Ok(()));
            }
            into.set_filled(before);
            // Told once, it is thrown away until its sender stops: a connection that closes while something comes is
            // reset, and the sender may never see why.
            if !(told && came) {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, Malformed)));
            }
        }
    }

    /// Leave to send a body goes out before an answer, where it has begun to.
    fn poll_leave(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match (&mut self.expecting, &mut self.stream) {
            (Some(expecting), Some(stream)) => expecting.poll_answer(stream, context),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn note_write<T>(&self, written: &Poll<io::Result<T>>) {
        if let Some(writes) = &self.writes {
            writes.note(written.is_pending());
        }
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        if let (Some(lender), Some(stream)) = (&self.lender, self.stream.take()) {
            lender.take_back(stream, self.said.take());
        }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let come = self.poll_look(context, into);
        let Self { stream: Some(stream), expecting: Some(expecting), .. } = &mut *self else { return come };
        if come.is_ready() {
            expecting.body_comes();
        // Nothing has come, and whoever reads is woken for that: our leave goes out beside it.
        } else if let Poll::Ready(Err(error)) = expecting.poll_leave(stream, context) {
            return Poll::Ready(Err(error));
        }
        come
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_leave(context))?;
        let written = Pin::new(self.inner_mut()).poll_write(context, bytes);
        self.note_write(&written);
        if let (Some(said), Poll::Ready(Ok(written))) = (&mut self.said, &written) {
            said.pass(&bytes[..*written]);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(self.inner_mut()).poll_flush(context);
        self.note_write(&flushed);
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
        ready!(self.poll_leave(context))?;
        let written = Pin::new(self.inner_mut()).poll_write_vectored(context, pieces);
        self.note_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        // What is followed comes by in one piece.
        self.said.is_none() && self.inner().is_write_vectored()
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
