//! What stands before the first request of a connection: a seat, who brings it, and TLS.

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

/// How clients come in at a listener.
#[derive(Clone)]
pub struct ConnectionAcceptor {
    /// What a connection may ask of us.
    pub(super) limits: ConnectionLimits,
    limiter: Arc<ConnectionLimiter>,
    balancers: Option<TrustedProxies>,
    tls: Option<Arc<TlsAcceptor>>,
}

/// A connection that is let in.
pub(super) struct AcceptedConnection {
    pub(super) stream: Stream,
    /// For as long as the connection lives.
    pub(super) permit: ConnectionPermit,
    /// When its first request must have come, whatever comes before that.
    pub(super) first_request_by: Instant,
}

/// Why a connection is not served; with it where that can be told to the client.
type RejectedConnection = (HeadError, Option<Stream>);

const CLIENT_CLOSED: RejectedConnection = (HeadError::ClientClosed, None);

impl ConnectionAcceptor {
    /// Without anything in front of HTTP. Who finds no seat in `room` is cut at once.
    #[must_use]
    pub const fn new(limits: ConnectionLimits, limiter: Arc<ConnectionLimiter>) -> Self {
        Self { limits, limiter, balancers: None, tls: None }
    }

    /// By way of these alone, each of which says whom it brings (PROXY protocol).
    #[must_use]
    pub fn with_proxy_protocol(mut self, balancers: TrustedProxies) -> Self {
        self.balancers = Some(balancers);
        self
    }

    /// Over TLS.
    #[must_use]
    pub fn with_tls(mut self, tls: Option<Arc<TlsAcceptor>>) -> Self {
        self.tls = tls;
        self
    }

    /// Lets a connection in, within the time that a head may take, or says why it is not served.
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
