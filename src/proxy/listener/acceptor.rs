//! Acceptor of client connections: connection limit, PROXY protocol and TLS, within one deadline, before the first request.

use std::{fmt, sync::Arc};

use pingora::protocols::Stream;
use tokio::time::{Instant, timeout_at};

use crate::{
    clock::Clock,
    proxy::{
        http::{limits::ConnectionLimits, peer, request_head::HeadError},
        listener::{
            connection_limit::{ConnectionLimiter, ConnectionPermit},
            proxy_protocol::{self, ProxyHeaderError, peer_address},
            refusal::ConnectionRefusal,
            tls::TlsAcceptor,
        },
    },
    visitor::TrustedProxies,
};

/// Acceptor of a listener's connections.
#[derive(Clone)]
pub struct ConnectionAcceptor {
    /// Limits of each connection.
    pub(super) limits: ConnectionLimits,
    limiter: Arc<ConnectionLimiter>,
    balancers: Option<TrustedProxies>,
    tls: Option<Arc<TlsAcceptor>>,
}

/// Accepted connection.
pub(super) struct AcceptedConnection {
    pub(super) stream: Stream,
    /// Held for as long as the connection lives.
    pub(super) permit: ConnectionPermit,
    /// Deadline of the first head, set before the PROXY header and the TLS handshake.
    pub(super) first_request_by: Instant,
}

/// Error of a connection that is not served, and the connection where the client can be told.
type RejectedConnection = (HeadError, Option<Stream>);

const CLIENT_CLOSED: RejectedConnection = (HeadError::ClientClosed, None);

impl ConnectionAcceptor {
    /// Acceptor of plain HTTP. A connection without a permit of `limiter` is closed at once.
    #[must_use]
    pub const fn new(limits: ConnectionLimits, limiter: Arc<ConnectionLimiter>) -> Self {
        Self { limits, limiter, balancers: None, tls: None }
    }

    /// Accepts connections from these load balancers alone, each with a PROXY header.
    #[must_use]
    pub fn with_proxy_protocol(mut self, balancers: TrustedProxies) -> Self {
        self.balancers = Some(balancers);
        self
    }

    /// Accepts connections over TLS.
    #[must_use]
    pub fn with_tls(mut self, tls: Option<Arc<TlsAcceptor>>) -> Self {
        self.tls = tls;
        self
    }

    /// Accepts a connection, within the time that a head may take.
    pub(super) async fn accept(&self, stream: Stream) -> Result<AcceptedConnection, RejectedConnection> {
        let peer = peer_address(&stream);
        let permit = self.limiter.acquire(peer).ok_or(CLIENT_CLOSED)?;
        let first_request_by = Clock::deadline(self.limits.head_deadline);
        let (stream, permit) = if self.balancers.is_none() && self.tls.is_none() {
            (stream, permit)
        } else {
            timeout_at(first_request_by, self.negotiate(stream, permit)).await.unwrap_or(Err(CLIENT_CLOSED))?
        };
        Ok(AcceptedConnection { stream, permit, first_request_by })
    }

    async fn negotiate(
        &self,
        mut stream: Stream,
        mut permit: ConnectionPermit,
    ) -> Result<(Stream, ConnectionPermit), RejectedConnection> {
        let mut peer = peer_address(&stream);
        if let Some(balancers) = &self.balancers {
            let read = if balancers.trusts(peer) {
                proxy_protocol::read_header(&mut stream).await
            } else {
                Err(ProxyHeaderError::Invalid)
            };
            match read {
                Ok(Some(visitor)) => {
                    peer::set_peer(&mut stream, visitor);
                    peer = visitor.ip();
                    permit = self.limiter.acquire(peer).ok_or(CLIENT_CLOSED)?;
                }
                Ok(None) => peer::set_peer_unnamed(&mut stream),
                Err(ProxyHeaderError::NoData) => return Err(CLIENT_CLOSED),
                Err(ProxyHeaderError::Invalid) => {
                    self.limiter.refusals().record(ConnectionRefusal::NoProxyHeader, peer);
                    return Err(CLIENT_CLOSED);
                }
            }
        }
        if let Some(tls) = &self.tls {
            stream = tls.handshake(stream).await.inspect_err(|(fault, _)| {
                if *fault != HeadError::ClientClosed {
                    self.limiter.refusals().record(ConnectionRefusal::TlsFailed, peer);
                }
            })?;
        }
        Ok((stream, permit))
    }
}

impl fmt::Debug for ConnectionAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionAcceptor")
            .field("limits", &self.limits)
            .field("balancers", &self.balancers)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}
