//! Reverse proxy on Pingora: listeners, HTTP towards clients, requests in flight, and forwarding to apps.
//!
//! The only folder besides `server` that names Pingora. It decides nothing: what happens to a request is a
//! [`crate::gate::Decision`], asked of [`crate::portcullis::Portcullis`], and without the gate's permit no byte goes upstream.
//!
//! Four rooms; each names itself and those below it:
//!
//! 1. `listener`: sockets, signals and shutdown, connection limits, PROXY protocol, TLS.
//! 2. `forward`: Pingora's hooks. Asks for the decision, answers for Portcullis, rewrites heads, forwards to upstreams.
//! 3. `http`: HTTP/1.1 and HTTP/2 on one client connection: heads, chunks, limits, timers. Serves any Pingora application.
//! 4. `in_flight`: registry of requests by session, so that the end of a session cancels them.

mod forward;
mod http;
mod in_flight;
mod listener;

pub use self::{
    forward::{
        hooks::{Proxy, ProxyParts},
        identity::IdentityHeaders,
        upstreams::{HostPort, Upstream, UpstreamIds, UpstreamSpec, Upstreams},
    },
    http::{axum_app::AxumApp, body_limits::BodyReadLimiter, limits::ConnectionLimits},
    in_flight::{
        cancel_reason::{CancelReason, EndedSession},
        registry::InFlight,
        slot::InFlightSlot,
    },
    listener::{
        acceptor::ConnectionAcceptor,
        connection_handler::ConnectionHandler,
        connection_limit::ConnectionLimiter,
        listeners::{ListenError, Listeners, ServeError, ShutdownTiming, explain_listen_error},
        tls::TlsAcceptor,
    },
};
