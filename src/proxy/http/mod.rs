//! HTTP on client connections: heads, bodies, HTTP/2 streams, WebSocket frames, limits and timers. Serves any Pingora
//! application; knows no sessions and no apps.

pub(super) mod axum_app;
pub(super) mod body_limits;
mod chunked;
mod client_stream;
mod expect_continue;
pub(super) mod http1;
pub(super) mod http2;
pub(super) mod limits;
pub(super) mod peer;
pub(super) mod plain_text;
mod reclaim;
pub(super) mod request_head;
mod request_timer;
pub(super) mod server;
pub(super) mod websocket;
