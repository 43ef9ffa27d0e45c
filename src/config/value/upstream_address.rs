//! The address of an app behind Portcullis.

use std::fmt;
use std::net::SocketAddr;

use http::Uri;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::config::from_node::FromScalar;
use crate::config::tree::Node;
use crate::public_url::{Host, port_of};

/// A server of an upstream: host and port, spoken to in plain HTTP. A host name is looked up elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^http://[^/?#@]+/?$"))]
pub struct UpstreamAddress {
    /// Host name or IP address.
    pub host: Host,
    /// The port, also when it is 80.
    pub port: u16,
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

impl From<SocketAddr> for UpstreamAddress {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().into(), port: address.port() }
    }
}

impl FromScalar for UpstreamAddress {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        const HINT: &str = "write http://HOST:PORT, such as http://127.0.0.1:3000";
        let written = String::from_scalar(node).map_err(|_| format!("wants a URL, not {}; {HINT}", node.kind()))?;
        if written.starts_with("https://") || written.starts_with("h2c://") {
            return Err("this version speaks http:// to upstreams; write http://HOST:PORT".to_owned());
        }
        if !written.starts_with("http://") {
            return Err(format!("has no http:// in front; {HINT}"));
        }
        let uri = written
            .parse::<Uri>()
            .ok()
            .filter(|_| !written.contains('#'))
            .ok_or_else(|| format!("is not a URL; {HINT}"))?;
        let authority = uri.authority().ok_or_else(|| format!("has no host; {HINT}"))?;
        if authority.as_str().contains('@') {
            return Err(format!("can not have a user or a password; {HINT}"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(
                "can not have a path: the app gets the path that the visitor asked for; write http://HOST:PORT"
                    .to_owned(),
            );
        }
        let port = port_of(authority, 80).ok_or_else(|| format!("has no valid port; {HINT}"))?;
        let host = Host::new(authority.host()).ok_or_else(|| format!("has no valid host; {HINT}"))?;
        Ok(Self { host, port })
    }
}

impl Serialize for UpstreamAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
