//! Listeners: sockets, signals and shutdown, and what a connection passes before its first request (connection limits, PROXY
//! protocol, TLS).

pub(super) mod acceptor;
pub(super) mod connection_handler;
pub(super) mod connection_limit;
pub(super) mod listeners;
mod proxy_protocol;
pub(super) mod refusal;
pub(super) mod tls;
