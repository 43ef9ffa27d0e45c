//! Certificates, and clients that trust nothing but one of them.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, IpAddr, ServerName},
    version::{TLS12, TLS13},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A connection over TLS.
pub(crate) type Tls = TlsStream<TcpStream>;

/// A certificate that stands for this machine.
#[derive(Clone)]
pub(crate) struct Shown(CertificateDer<'static>);

impl Shown {
    /// Writes a new one, and its key, into `tls.crt` and `tls.key`.
    pub(crate) fn issue(folder: &Path) -> Self {
        Self::issue_as(folder, "tls", "127.0.0.1", 2999)
    }

    /// Writes a new one that stands for this name until that year.
    pub(crate) fn issue_as(folder: &Path, file: &str, name: &str, until: i32) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut about = CertificateParams::new([name.to_owned()]).unwrap();
        about.not_before = date_time_ymd(2000, 1, 1);
        about.not_after = date_time_ymd(until, 1, 1);
        let certificate = about.self_signed(&key).unwrap();
        let place = folder.join(format!("{file}.key"));
        fs::write(&place, key.serialize_pem()).unwrap();
        fs::set_permissions(place, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(folder.join(format!("{file}.crt")), certificate.pem()).unwrap();
        Self(certificate.der().clone())
    }

    /// Connects to who shows it, speaking one of these.
    pub(crate) async fn connect(&self, to: SocketAddr, protocols: &[&str]) -> std::io::Result<Tls> {
        self.connect_with(to, protocols, &[&TLS13, &TLS12]).await
    }

    pub(crate) async fn connect_with(
        &self,
        to: SocketAddr,
        protocols: &[&str],
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> std::io::Result<Tls> {
        let stream = TcpStream::connect(to).await?;
        self.over(stream, protocols, versions).await
    }

    /// On a connection on which something else was said before.
    pub(crate) async fn over(
        &self,
        stream: TcpStream,
        protocols: &[&str],
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> std::io::Result<Tls> {
        let to = stream.peer_addr()?;
        stream.set_nodelay(true)?;
        let mut roots = RootCertStore::empty();
        roots.add(self.0.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_protocol_versions(versions).unwrap().with_root_certificates(roots);
        let mut config = config.with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsConnector::from(Arc::new(config)).connect(ServerName::IpAddress(IpAddr::from(to.ip())), stream).await
    }
}
