//! Connection handler of a listener: accepts a connection, then serves its requests over HTTP/1.1 or HTTP/2.

use std::sync::Arc;

use async_trait::async_trait;
use pingora::{
    apps::{HttpServerApp, ServerApp},
    protocols::{ALPN, Stream},
    server::ShutdownWatch,
};
use tokio::sync::watch;

use crate::proxy::{
    http::{http1, server::HttpServer},
    in_flight::registry::InFlight,
    listener::acceptor::{AcceptedConnection, ConnectionAcceptor},
};

/// Connection handler: serves with an application what an acceptor lets in, and counts the connections that are open.
#[derive(Debug)]
pub struct ConnectionHandler<A> {
    server: Arc<HttpServer<A>>,
    acceptor: ConnectionAcceptor,
    open_connections: Arc<watch::Sender<usize>>,
}

impl<A> ConnectionHandler<A> {
    /// Handler that serves with `app` what `acceptor` lets in. `open_connections` counts, `in_flight` registers each request.
    #[must_use]
    pub fn new(
        app: A,
        acceptor: ConnectionAcceptor,
        open_connections: Arc<watch::Sender<usize>>,
        in_flight: Arc<InFlight>,
    ) -> Self {
        Self { server: Arc::new(HttpServer::new(app, acceptor.limits, in_flight)), acceptor, open_connections }
    }
}

#[async_trait]
impl<A: HttpServerApp + Send + Sync + 'static> ServerApp for ConnectionHandler<A> {
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let _open = ConnectionGuard::new(&self.open_connections);
        match self.acceptor.accept(stream).await {
            Ok(AcceptedConnection { stream, permit, first_request_by })
                if stream.selected_alpn_proto() == Some(ALPN::H2) =>
            {
                let acquire_permit = || permit.acquire_another();
                self.server.serve_http2(stream, first_request_by, acquire_permit, shutdown).await;
            }
            Ok(AcceptedConnection { stream, permit: _permit, first_request_by }) => {
                self.server.serve_http1(stream, first_request_by, shutdown).await;
            }
            Err((fault, Some(stream))) => http1::send_error(stream, fault).await,
            Err((_, None)) => {}
        }
        None
    }

    async fn cleanup(&self) {
        self.server.app.http_cleanup().await;
    }
}

/// Counts a connection for as long as it lives.
struct ConnectionGuard(Arc<watch::Sender<usize>>);

impl ConnectionGuard {
    fn new(open_connections: &Arc<watch::Sender<usize>>) -> Self {
        open_connections.send_modify(|count| *count += 1);
        Self(Arc::clone(open_connections))
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
