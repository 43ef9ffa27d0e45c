//! Endpoint of an upstream: one resolved address, the peer that Pingora connects to there, and whether it refused lately.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use pingora::upstreams::peer::HttpPeer;

use crate::{
    clock::Timestamp,
    proxy::{forward::upstreams::UpstreamSpec, http::server::tcp_keepalive},
};

/// Time for which an endpoint that refused a connection is passed over.
pub(super) const REFUSED_BACKOFF: Duration = Duration::from_secs(5);
/// Longest idle time of a pooled connection: shorter than what app servers commonly wait (Node.js: 5 s), so that Portcullis closes
/// it before they do. A request sent into a connection that is being closed would be lost, and not each may be retried (`retry`).
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Endpoint: one address of a server. A host with several addresses is several endpoints.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// Index of its server in the specification.
    spec_index: usize,
    peer: HttpPeer,
    /// Time until which the endpoint is passed over, in milliseconds since 1970.
    backoff_until: AtomicI64,
}

impl Endpoint {
    /// Endpoint at an address of the server with this index. It keeps being passed over where one of `before` is.
    pub(super) fn new(at: SocketAddr, index: usize, spec: &UpstreamSpec, before: &[Self]) -> Self {
        let mut peer = HttpPeer::new(at, false, String::new());
        peer.options.connection_timeout = Some(spec.connect_timeout);
        peer.options.total_connection_timeout = Some(spec.connect_timeout.saturating_mul(2));
        peer.options.write_timeout = Some(spec.read_timeout);
        peer.options.idle_timeout = Some(IDLE_TIMEOUT);
        peer.options.tcp_keepalive = Some(tcp_keepalive());
        let refused = before.iter().find(|endpoint| endpoint.address() == Some(at));
        let until = refused.map_or(0, |endpoint| endpoint.backoff_until.load(Ordering::Relaxed));
        Self { spec_index: index, peer, backoff_until: AtomicI64::new(until) }
    }

    /// Peer for one request.
    pub(super) fn peer(&self) -> Box<HttpPeer> {
        Box::new(self.peer.clone())
    }

    /// Address of the endpoint.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.peer._address.as_inet().copied()
    }

    /// Index of its server in the specification.
    pub(super) const fn spec_index(&self) -> usize {
        self.spec_index
    }

    /// Records that the endpoint refused a connection: it is passed over for a while.
    pub(super) fn mark_refused(&self, now: Timestamp) {
        self.backoff_until.store(now.plus(REFUSED_BACKOFF).as_millis(), Ordering::Relaxed);
    }

    /// Whether the endpoint refused a connection lately, and is passed over.
    pub(super) fn is_passed_over(&self, now: Timestamp) -> bool {
        self.backoff_until.load(Ordering::Relaxed) > now.as_millis()
    }
}
