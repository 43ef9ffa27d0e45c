//! The peer that a request goes to: a server of its upstream, and which connection to it.

use std::net::SocketAddr;

use pingora::{
    Error,
    ErrorType::{ConnectNoRoute, InternalError},
    Result,
    http::RequestHeader,
    upstreams::peer::HttpPeer,
};

use super::{passage::Passage, private};
use crate::{clock::Timestamp, gate::Permit};

/// Where the connection to an app comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerConnection {
    /// The pool, or it is opened for it.
    Pooled,
    /// Opened for one request, whatever the pool has.
    New,
    /// Signed in on, or about to be, and so nobody else's.
    Private,
}

/// Chooses the server, and whether the connection to it comes from the pool, is a new one, or is private.
///
/// # Errors
///
/// There is no permit, or no server.
pub(super) fn choose(request: &RequestHeader, ctx: &mut Passage, now: Timestamp) -> Result<Box<HttpPeer>> {
    let (Some(binding), Some(upstream), Some(line)) = (ctx.binding(), &ctx.upstream, &ctx.line) else {
        return Error::e_explain(InternalError, "no permit, or its upstream is gone");
    };
    // Signed in on one server, nobody is known to another.
    let bound = line.private.server(binding);
    let known = bound.filter(|server| !ctx.tried.contains(server));
    let known: Option<(SocketAddr, _)> = known.and_then(|at| Some((at, upstream.server(at)?)));
    let Some((address, mut peer)) = known.or_else(|| upstream.next(&ctx.tried, now)) else {
        return Err(Error::explain(ConnectNoRoute, "no server can be looked up").into_up());
    };
    if bound.is_some() || private::is_asked_for(&request.headers) {
        // On a public route nobody is known: what follows on the client's connection may be somebody else's.
        let is_known = binding.session.is_some();
        ctx.connection = if is_known { PeerConnection::Private } else { PeerConnection::New };
    }
    ctx.read_timeout = ctx.permit.as_ref().and_then(Permit::read_timeout).unwrap_or(upstream.read_timeout());
    peer.options.write_timeout = Some(ctx.read_timeout);
    match ctx.connection {
        PeerConnection::Pooled => {}
        PeerConnection::New => private::connect_anew(&mut peer),
        PeerConnection::Private => line.private.bind(binding, address).use_for(&mut peer),
    }
    ctx.tried.push(address);
    Ok(peer)
}

/// Binds what follows on the client's connection to a private connection, where the app has begun to sign a connection in.
pub(super) fn bind_what_follows(ctx: &Passage) {
    if ctx.connection == PeerConnection::Private {
        return;
    }
    if let Some(socket) = &ctx.socket {
        private::spend(socket);
    }
    let binding = ctx.binding().filter(|binding| binding.session.is_some());
    if let (Some(binding), Some(server), Some(line)) = (binding, ctx.tried.last(), &ctx.line) {
        line.private.bind(binding, *server);
    }
}
