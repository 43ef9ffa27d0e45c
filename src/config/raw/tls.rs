//! TLS as written.

use schemars::JsonSchema;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, OneOrMore, RawField};
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::value::address::ListenAddress;
use crate::config::value::length::FiniteDuration;

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
