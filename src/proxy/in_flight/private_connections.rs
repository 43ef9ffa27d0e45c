//! Private connections to apps, for authentication that holds for a connection and not for a request: NTLM, Negotiate, Kerberos
//! (RFC 4559, 6).
//!
//! Whoever uses such a connection is whoever signed in on it. So no other client ever gets it: it belongs to one client connection,
//! one session and one server, and is closed with the first of them that ends. Two things hold that. It has a key of its own in
//! Pingora's pool, which is used once; and a second handle to its socket closes it wherever it is. A pooled connection on which
//! such authentication was offered is not used again.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpStream},
    os::fd::AsFd as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use pingora::{
    Error,
    ErrorType::{self, ConnectTimedout, InternalError},
    OrErr as _, Result,
    connectors::L4Connect,
    protocols::{
        Digest, SocketDigest,
        l4::{ext, socket, stream::Stream},
    },
    upstreams::peer::HttpPeer,
};
use tokio::time::timeout;

use crate::{
    gate::Decision,
    id::SessionId,
    proxy::in_flight::{lock::lock, slot::InFlightSlot},
};

/// Error of a pooled connection that is not used again.
pub(in crate::proxy) const NOT_REUSABLE: ErrorType = ErrorType::new("a connection that somebody signed in on");

/// Next unused key of the pool. 0 is the key of pooled connections.
static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

/// Closes the private connections of other sessions than that of the request, where the request shows who is calling.
pub(in crate::proxy) fn close_for_other_sessions(slot: &InFlightSlot, decision: &Decision) {
    // Public: it shows nobody.
    if !decision.is_public() {
        let known = decision.session();
        slot.private_connections.close_where(|session| known != Some(session));
    }
}

/// Marks a pooled connection as one that is not used again. The mark travels with its digest, in a field that only servers use.
pub(in crate::proxy) fn mark_not_reusable(connection: &SocketDigest) {
    // Set already: then it is marked.
    let _ = connection.original_dst.set(None);
}

/// Whether a connection is marked as one that is not used again.
pub(in crate::proxy) fn is_marked_not_reusable(digest: Option<&Digest>) -> bool {
    let socket = digest.and_then(|digest| digest.socket_digest.as_ref());
    socket.is_some_and(|socket| socket.original_dst.get().is_some())
}

/// Makes Pingora open a new connection to a peer, for one request.
pub(in crate::proxy) fn require_new_connection(peer: &mut HttpPeer) {
    peer.group_key = NEXT_KEY.fetch_add(1, Relaxed);
    peer.options.idle_timeout = Some(Duration::ZERO);
}

/// Private connections of one client connection. Closed when they are dropped.
#[derive(Debug, Default)]
pub(in crate::proxy) struct PrivateConnections {
    /// Whether there may be any, so that the lock is spared: most clients never have one.
    may_have_any: AtomicBool,
    connections: Mutex<Vec<PrivateConnection>>,
}

/// Session and upstream that a private connection belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) struct SessionBinding {
    /// Session; none on public routes.
    pub(in crate::proxy) session: Option<SessionId>,
    /// Id of the upstream.
    pub(in crate::proxy) upstream: usize,
}

#[derive(Debug)]
struct PrivateConnection {
    binding: SessionBinding,
    endpoint: SocketAddr,
    key: u64,
    socket: Arc<SocketHandle>,
}

impl PrivateConnections {
    /// Endpoint to which there is a private connection for this binding.
    pub(in crate::proxy) fn endpoint(&self, binding: SessionBinding) -> Option<SocketAddr> {
        if !self.may_have_any.load(Relaxed) {
            return None;
        }
        lock(&self.connections).iter().find(|one| one.binding == binding).map(|one| one.endpoint)
    }

    /// Binds further requests of a session and an upstream to a private connection to this endpoint.
    pub(in crate::proxy) fn bind(&self, binding: SessionBinding, endpoint: SocketAddr) -> BoundConnection {
        self.may_have_any.store(true, Relaxed);
        let mut list = lock(&self.connections);
        // On another server it is another connection.
        list.retain(|one| one.binding != binding || one.endpoint == endpoint);
        if let Some(one) = list.iter().find(|one| one.binding == binding) {
            return BoundConnection { key: one.key, socket: Arc::clone(&one.socket) };
        }
        let bound = BoundConnection { key: NEXT_KEY.fetch_add(1, Relaxed), socket: Arc::default() };
        list.push(PrivateConnection { binding, endpoint, key: bound.key, socket: Arc::clone(&bound.socket) });
        bound
    }

    /// Closes the private connections of these sessions.
    pub(super) fn close_where(&self, ended: impl Fn(SessionId) -> bool) {
        if self.may_have_any.load(Relaxed) {
            lock(&self.connections).retain(|one| !one.binding.session.is_some_and(&ended));
        }
    }

    /// Closes all private connections.
    pub(in crate::proxy) fn close(&self) {
        if self.may_have_any.load(Relaxed) {
            lock(&self.connections).clear();
        }
    }
}

/// Private connection that one request is bound to.
pub(in crate::proxy) struct BoundConnection {
    key: u64,
    socket: Arc<SocketHandle>,
}

impl BoundConnection {
    /// Makes Pingora use only this connection to a peer.
    pub(in crate::proxy) fn apply_to(self, peer: &mut HttpPeer) {
        peer.group_key = self.key;
        // It lives as long as the connection of its client.
        peer.options.idle_timeout = None;
        let connect_timeout = peer.options.connection_timeout.unwrap_or(Duration::MAX);
        peer.options.custom_l4 = Some(Arc::new(PrivateConnector { socket: self.socket, connect_timeout }));
    }
}

impl Drop for PrivateConnection {
    fn drop(&mut self) {
        self.socket.close();
    }
}

/// Second handle to the socket of a private connection.
#[derive(Debug, Default)]
struct SocketHandle(Mutex<SocketState>);

#[derive(Debug, Default)]
struct SocketState {
    is_closed: bool,
    socket: Option<TcpStream>,
}

impl SocketHandle {
    /// Takes a handle to a new connection; the connection before it is shut down.
    fn attach(&self, connection: &tokio::net::TcpStream) -> io::Result<()> {
        let mut handle = lock(&self.0);
        if handle.is_closed {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let socket = TcpStream::from(connection.as_fd().try_clone_to_owned()?);
        shut_down(handle.socket.replace(socket));
        Ok(())
    }

    fn close(&self) {
        let mut handle = lock(&self.0);
        handle.is_closed = true;
        shut_down(handle.socket.take());
    }
}

/// Shuts a connection down, whoever else has a handle to it.
fn shut_down(socket: Option<TcpStream>) {
    if let Some(socket) = socket {
        // Fails where it is over already.
        let _ = socket.shutdown(Shutdown::Both);
    }
}

/// Connector that opens a private connection, and attaches it to its handle.
#[derive(Debug)]
struct PrivateConnector {
    socket: Arc<SocketHandle>,
    connect_timeout: Duration,
}

#[async_trait]
impl L4Connect for PrivateConnector {
    async fn connect(&self, endpoint: &socket::SocketAddr) -> Result<Stream> {
        let address = endpoint.as_inet().ok_or_else(|| Error::new(InternalError))?;
        let connecting = timeout(self.connect_timeout, ext::connect(address, None)).await;
        let connection = connecting.map_err(|_| Error::new(ConnectTimedout))??;
        self.socket.attach(&connection).or_err(InternalError, "a private connection that was closed meanwhile")?;
        Ok(connection.into())
    }
}
