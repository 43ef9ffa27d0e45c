//! The plug: Pingora's hooks, the exchange of heads and bodies, identity headers, upstream peers, listeners.
//!
//! The only folder that names Pingora. It decides nothing: what happens to a request is a [`crate::gate::Decision`], asked
//! of
//! [`crate::portcullis::Portcullis`], and without the gate's permit no byte goes upstream. In the order in which a request meets them:
//! `connection` reads its `head`, lends the `client_stream`, on which `chunks` are validated and leave is given to whom is `expecting` it, `wishes` are settled, `hooks` asks for a decision on what is `asked`,
//! `answer` sends what is ours (for what it waits, `bodies` has places), `content` knows whether there is a body to send on,
//! `upstreams`, `peer`, `private`, `retry`, `upstream_request` and `identity` send the rest on,
//! `response`, `one_reading` and `passing` look at what comes back, `failure` says what went wrong there, `passage` tells the log. `lines` knows
//! what is in flight for whom, and a `request_timer` watches each for the `read_timeout` of its app and for `slow_readers` (`client_writes`); what is to be `cut` there says `farewell` between two `frames`.

mod acceptor;
mod app_cookies;
mod axum_app;
mod body_limits;
mod cache_control;
mod cancel_reason;
mod chunked;
mod client;
mod client_stream;
mod connection;
mod connection_limit;
mod content;
mod cross_site_form;
mod event_stream;
mod expect_continue;
mod failure;
mod hooks;
mod http2;
mod identity;
mod in_flight;
mod in_flight_slot;
mod limits;
mod listeners;
mod media_type;
mod own_pages;
mod own_response;
mod peer;
mod private_connections;
mod proxy_protocol;
mod read_timeout;
mod reclaim;
mod request_context;
mod request_head;
mod request_id;
mod request_timer;
mod response;
mod response_framing;
mod response_headers;
mod retry;
mod slow_readers;
mod tls;
mod upgrade;
mod upstream_request;
mod upstreams;
mod watch_script;
mod websocket;
mod write_progress;

pub use acceptor::ConnectionAcceptor;
pub use axum_app::AxumApp;
pub use body_limits::BodyReadLimiter;
pub use cancel_reason::CancelReason;
pub use connection::ConnectionHandler;
pub use connection_limit::ConnectionLimiter;
pub use hooks::{Proxy, ProxyParts};
pub use identity::{
    HeaderNameError, IdentityEncoding, IdentityField, IdentityHeaders, IdentityPreset, are_aliases, check_header_name,
};
pub use in_flight::InFlight;
pub use in_flight_slot::InFlightSlot;
pub use limits::ConnectionLimits;
pub use listeners::{ListenError, Listeners, ServeError, ShutdownTiming, explain_listen_error};
pub use tls::TlsAcceptor;
pub use upstreams::{HostPort, Upstream, UpstreamIds, UpstreamSpec, Upstreams};
