//! HTTP server of one application: what its connections share over HTTP/1.1 (`http1`) and HTTP/2 (`http2`).

use std::sync::Arc;

use pingora::{protocols::TcpKeepalive, server::ShutdownWatch};
use tokio::time::Duration;

use crate::proxy::{http::limits::ConnectionLimits, in_flight::registry::InFlight};

/// Time for which a refused client may go on sending before its connection is closed. Closed at once, it would often not see
/// the response.
pub(in crate::proxy) const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// TCP keepalive of client and upstream connections: an open stream may be silent for hours, and so a machine that has vanished is
/// noticed.
pub(in crate::proxy) const fn tcp_keepalive() -> TcpKeepalive {
    TcpKeepalive {
        idle: Duration::from_mins(1),
        interval: Duration::from_secs(15),
        count: 4,
        #[cfg(target_os = "linux")]
        user_timeout: Duration::ZERO,
    }
}

/// HTTP server: serves the requests of client connections with an application, within their limits, each registered in flight.
#[derive(Debug)]
pub(in crate::proxy) struct HttpServer<A> {
    /// Application that answers each request.
    pub(in crate::proxy) app: Arc<A>,
    /// Limits of one connection.
    pub(super) limits: ConnectionLimits,
    /// Registry that each request is cancelled by.
    pub(super) in_flight: Arc<InFlight>,
}

impl<A> HttpServer<A> {
    /// Server of `app`.
    pub(in crate::proxy) fn new(app: A, limits: ConnectionLimits, in_flight: Arc<InFlight>) -> Self {
        Self { app: Arc::new(app), limits, in_flight }
    }
}

/// Waits until the process stops.
pub(super) async fn wait_for_shutdown(shutdown: &mut ShutdownWatch) {
    // Whoever would say so has gone: then this process stops, too.
    let _ = shutdown.wait_for(|stopping| *stopping).await;
}
