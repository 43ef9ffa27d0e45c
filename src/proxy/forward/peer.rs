//! Peer of a request: an endpoint of its upstream, and a pooled, a new or a private connection to it.

use std::net::SocketAddr;

use pingora::{
    Error,
    ErrorType::{ConnectNoRoute, InternalError},
    Result,
    http::RequestHeader,
    upstreams::peer::HttpPeer,
};

use crate::{
    clock::Timestamp,
    gate::Permit,
    proxy::{
        forward::{connection_auth, request_context::RequestContext},
        in_flight::private_connections,
    },
};

/// Origin of the connection to an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerConnection {
    /// Taken from the pool, or opened for it.
    Pooled,
    /// Opened for one request, whatever the pool has.
    New,
    /// Private: signed in on, or about to be, and so nobody else's.
    Private,
}

/// Selects the endpoint, and whether the connection to it comes from the pool, is a new one, or is private.
///
/// # Errors
///
/// There is no permit, or no endpoint.
pub(super) fn select_peer(request: &RequestHeader, ctx: &mut RequestContext, now: Timestamp) -> Result<Box<HttpPeer>> {
    let (Some(binding), Some(upstream), Some(slot)) = (ctx.binding(), &ctx.upstream, &ctx.slot) else {
        return Error::e_explain(InternalError, "no permit, or its upstream is gone");
    };
    // Signed in on one server, nobody is known to another.
    let bound = slot.private_connections.endpoint(binding);
    let known = bound.filter(|endpoint| !ctx.tried_addresses.contains(endpoint));
    let known: Option<(SocketAddr, _)> = known.and_then(|at| Some((at, upstream.endpoint_at(at)?)));
    let Some((address, mut peer)) = known.or_else(|| upstream.next_endpoint(&ctx.tried_addresses, now)) else {
        return Err(Error::explain(ConnectNoRoute, "no server can be looked up").into_up());
    };
    if bound.is_some() || connection_auth::has_connection_auth(&request.headers) {
        // On a public route nobody is known: what follows on the client's connection may be somebody else's.
        let is_known = binding.session.is_some();
        ctx.peer_connection = if is_known { PeerConnection::Private } else { PeerConnection::New };
    }
    ctx.read_timeout = ctx.permit.as_ref().and_then(Permit::read_timeout).unwrap_or(upstream.read_timeout());
    peer.options.write_timeout = Some(ctx.read_timeout);
    match ctx.peer_connection {
        PeerConnection::Pooled => {}
        PeerConnection::New => private_connections::require_new_connection(&mut peer),
        PeerConnection::Private => slot.private_connections.bind(binding, address).apply_to(&mut peer),
    }
    ctx.tried_addresses.push(address);
    Ok(peer)
}

/// Binds what follows on the client's connection to a private connection, where the app has begun to sign a connection in.
pub(super) fn bind_private_connection(ctx: &RequestContext) {
    if ctx.peer_connection == PeerConnection::Private {
        return;
    }
    if let Some(socket) = &ctx.upstream_socket {
        private_connections::mark_not_reusable(socket);
    }
    let binding = ctx.binding().filter(|binding| binding.session.is_some());
    if let (Some(binding), Some(endpoint), Some(slot)) = (binding, ctx.tried_addresses.last(), &ctx.slot) {
        slot.private_connections.bind(binding, *endpoint);
    }
}
