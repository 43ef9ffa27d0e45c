//! TLS towards clients: 1.2 and 1.3 by rustls, with the certificate of the moment, so that a renewed one needs no restart
//! and drops no connection.

use std::sync::Arc;

use arc_swap::ArcSwap;
use pingora::{
    listeners::tls::Acceptor,
    protocols::{Peek as _, Stream, l4::stream::Stream as Socket},
};
use rustls::{
    ServerConfig,
    crypto::ring,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};

use crate::{certificate::Certificate, proxy::http::request_head::HeadError};

/// First byte of a TLS handshake record (RFC 8446, 5.1).
const HANDSHAKE_RECORD: u8 = 0x16;

/// TLS acceptor of a listener.
pub struct TlsAcceptor {
    acceptor: Acceptor,
}

/// Certificate of the moment, for every client: there is one origin, and so no choice by name.
#[derive(Debug)]
struct CurrentCertificate(Arc<ArcSwap<Certificate>>);

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load().certified_key())
    }
}

impl TlsAcceptor {
    /// Acceptor with the certificate that `certificate` holds when a client comes. Offers HTTP/2 before HTTP/1.1.
    ///
    /// # Panics
    /// Never: the protocols and the provider are fixed, and fit each other.
    #[must_use]
    pub fn new(certificate: Arc<ArcSwap<Certificate>>) -> Arc<Self> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("ring speaks both versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(CurrentCertificate(certificate)));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec(), b"http/1.0".to_vec()];
        // What a client needs to come back quickly is kept by the client, sealed with a key that changes every six hours.
        if let Ok(ticketer) = ring::Ticketer::new() {
            config.ticketer = ticketer;
        }
        Arc::new(Self { acceptor: Acceptor::from_server_config(Arc::new(config)) })
    }

    /// Performs the handshake. A connection that speaks plain HTTP is given back unread, so that its client can be told.
    pub(super) async fn handshake(&self, stream: Stream) -> Result<Stream, (HeadError, Option<Stream>)> {
        const GONE: (HeadError, Option<Stream>) = (HeadError::ClientClosed, None);
        let mut socket = *stream.into_any().downcast::<Socket>().map_err(|_| GONE)?;
        let mut first = [0];
        socket.try_peek(&mut first).await.map_err(|_| GONE)?;
        if first != [HANDSHAKE_RECORD] {
            return Err((HeadError::PlaintextOnTls, Some(Box::new(socket))));
        }
        let secure = self.acceptor.tls_handshake(socket).await.map_err(|_| (HeadError::TlsFailed, None))?;
        Ok(Box::new(secure))
    }
}
