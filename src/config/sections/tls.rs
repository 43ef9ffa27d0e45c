//! `tls`: the certificate and its key, the redirect from plain HTTP, and HSTS.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::certificate::{Certificate, CertificateError};
use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, Located, OneOrMore, RawField};
use crate::config::ranges;
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::value::address::ListenAddress;
use crate::config::value::duration;
use crate::config::value::duration::FiniteDuration;
use crate::public_url::PublicUrl;

/// TLS towards visitors.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TlsSettings {
    /// Where the certificate is.
    pub certificate_file: PathBuf,
    /// Where its key is.
    pub key_file: PathBuf,
    /// Both, as they were when the configuration was read.
    #[serde(skip)]
    pub certificate: Certificate,
    /// Where plain HTTP is redirected from.
    pub redirect_from: Vec<SocketAddr>,
    /// How long browsers shall remember to come by TLS only.
    #[serde(serialize_with = "as_length")]
    pub hsts: Option<Duration>,
}

/// TLS towards visitors.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawTls {
    /// A PEM file: the certificate of the host of `public_url` first, those that vouch for it after it.
    #[schemars(required)]
    pub(in crate::config) certificate_file: RawField<String>,
    /// A PEM file with the private key of that certificate, without a passphrase, which not everybody on the machine may read. When either file changes both are read
    /// again, and no connection is dropped.
    #[schemars(required)]
    pub(in crate::config) key_file: RawField<String>,
    /// An address, `ADDR:PORT`, or a list of them, where plain HTTP is answered with a redirect (308) to `public_url`,
    /// and with nothing else.
    pub(in crate::config) redirect_from: RawField<OneOrMore<ListenAddress>>,
    /// How long browsers shall not even try plain HTTP for this host, on any port of it (`Strict-Transport-Security`, also
    /// on answers of the app that do not say it themselves). Browsers keep it until it is over: begin with `1h`. `0s` takes it
    /// back.
    pub(in crate::config) hsts: RawField<FiniteDuration>,
}

impl FromNode for RawTls {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let tls = Self {
            certificate_file: keys.take("certificate_file"),
            key_file: keys.take("key_file"),
            redirect_from: keys.take("redirect_from"),
            hsts: keys.take_nullable("hsts"),
        };
        keys.finish(&[]);
        Some(tls)
    }
}

impl TlsSettings {
    /// What was written; none where it was not, or was complained about.
    pub(in crate::config) fn validate(
        field: RawField<RawTls>,
        public_url: Option<&PublicUrl>,
        listen: &[SocketAddr],
        diagnostics: &Diagnostics,
    ) -> Option<Self> {
        let Located { value: raw, at, key } = field?;
        if let Some(url) = public_url.filter(|url| !url.is_https()) {
            let message = format!("goes only with https; write public_url: https://{}, or take tls out", url.host());
            diagnostics.report(at, &key, message);
        }
        let redirect_from = redirect_from(raw.redirect_from, listen, diagnostics);
        let hsts = raw.hsts.map(|hsts| {
            let longest = Duration::from_hours(24 * 730);
            ranges::duration(Some(hsts), Duration::ZERO, &(Duration::ZERO..=longest), diagnostics)
        });
        let missing = |key: &str, file: &str| {
            diagnostics.report_missing(
                at,
                &format!("tls.{key}"),
                format!("is missing; write the path of a PEM file, such as {file}"),
            );
        };
        match (raw.certificate_file, raw.key_file) {
            (Some(certificate_file), Some(key_file)) => {
                let paths =
                    (diagnostics.resolve_path(&certificate_file.value), diagnostics.resolve_path(&key_file.value));
                let certificate = Certificate::load(&paths.0, &paths.1)
                    .map_err(|unfit| match unfit {
                        CertificateError::Certificate(message) => certificate_file.report(diagnostics, message),
                        CertificateError::Key(message) => key_file.report(diagnostics, message),
                    })
                    .ok()?;
                diagnostics
                    .check_secret_mode(&paths.1)
                    .map_err(|message| key_file.report(diagnostics, message))
                    .ok()?;
                Some(Self { certificate_file: paths.0, key_file: paths.1, certificate, redirect_from, hsts })
            }
            (certificate_file, key_file) => {
                if certificate_file.is_none() {
                    missing("certificate_file", "tls.crt");
                }
                if key_file.is_none() {
                    missing("key_file", "tls.key");
                }
                None
            }
        }
    }
}

fn redirect_from(
    field: RawField<OneOrMore<ListenAddress>>,
    listen: &[SocketAddr],
    diagnostics: &Diagnostics,
) -> Vec<SocketAddr> {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for written in field.map(|field| field.value.0).unwrap_or_default() {
        let address = written.value.0;
        let one = |other: &SocketAddr| {
            let all = other.ip().is_unspecified() || address.ip().is_unspecified();
            let same_family = other.is_ipv4() == address.is_ipv4();
            address.port() != 0 && other.port() == address.port() && same_family && (all || other.ip() == address.ip())
        };
        let taken = |others: &[SocketAddr]| others.iter().any(one);
        if taken(listen) {
            written.report(diagnostics, format!("{address} is where TLS is spoken; write another, such as 0.0.0.0:80"));
        } else if taken(&addresses) {
            written.report(diagnostics, format!("{address} is listed twice; keep one of them"));
        }
        addresses.push(address);
    }
    addresses
}

#[expect(clippy::ref_option, reason = "serde hands the field over so")]
fn as_length<S: Serializer>(hsts: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match hsts {
        Some(hsts) => duration::serialize(hsts, serializer),
        None => serializer.serialize_none(),
    }
}
