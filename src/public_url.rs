//! The one origin that visitors see. Cookie flags, redirects and the check of the Host header are taken from it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use http::Uri;
use http::uri::Authority;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// Scheme, host and port under which visitors reach the app.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^https?://[^/?#@]+/?$"))]
pub struct PublicUrl {
    /// Whether visitors come over https: the cookie is then `Secure` and has the `__Host-` prefix.
    https: bool,
    /// Host without port.
    host: Host,
    /// The port, also when it is the scheme's own.
    port: u16,
    /// Scheme, host and port as browsers write them in `Origin`.
    origin: String,
}

impl PublicUrl {
    /// The address of a program on this machine, as a browser there would write it.
    #[must_use]
    pub fn loopback(listen: SocketAddr) -> Self {
        let host = match listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        Self::new(false, host.into(), listen.port())
    }

    fn new(https: bool, host: Host, port: u16) -> Self {
        let scheme = if https { "https" } else { "http" };
        let origin = if port == default_port(https) {
            format!("{scheme}://{host}")
        } else {
            format!("{scheme}://{host}:{port}")
        };
        Self { https, host, port, origin }
    }

    /// Scheme, host and port as browsers write them in `Origin`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Host without port.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, also when it is the scheme's own.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether visitors come over https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Host and port as browsers write them in `Host`: without the port where it is the scheme's own.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.origin.split_once("://").map_or(self.origin.as_str(), |(_, authority)| authority)
    }

    /// Whether a Host header (or `:authority`) names this origin. The scheme's own port may be left out.
    #[must_use]
    pub fn authority_matches(&self, host_header: &str) -> bool {
        let (host, port) = split_port(host_header);
        let port_matches = match port {
            None => self.port == default_port(self.https),
            Some(digits) => digits.bytes().all(|digit| digit.is_ascii_digit()) && digits.parse() == Ok(self.port),
        };
        port_matches && host.eq_ignore_ascii_case(self.host.as_str())
    }

    /// Whether only programs on this machine reach it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host.is_loopback()
    }

    /// The address to listen on when none is written: that of a loopback origin.
    #[must_use]
    pub fn loopback_address(&self) -> Option<SocketAddr> {
        if self.https || !self.is_loopback() {
            return None;
        }
        let ip = self.host.ip().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        Some(SocketAddr::new(ip, self.port))
    }
}

/// Host name or IP address, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(String);

impl Host {
    /// Takes a host as URLs have it, an IPv6 address in brackets; none where it is no host.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let host = text.to_ascii_lowercase();
        is_host(&host).then_some(Self(host))
    }

    /// Spelling for URLs and headers: an IPv6 address is in brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Spelling for sockets and certificates: an IPv6 address is without brackets.
    #[must_use]
    pub fn unbracketed(&self) -> &str {
        self.0.trim_start_matches('[').trim_end_matches(']')
    }

    /// IP address, where it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.unbracketed().parse().ok()
    }

    /// Whether only programs on this machine reach it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.0 == "localhost" || self.ip().is_some_and(|ip| ip.is_loopback())
    }
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self(ip.to_string()),
            IpAddr::V6(ip) => Self(format!("[{ip}]")),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const HINT: &str = "write scheme and host only, such as https://app.example.com";
        if !text.is_ascii() {
            return Err("has letters outside ASCII; write the host as xn--…, as browsers send it".to_owned());
        }
        if text.contains(['?', '#']) {
            return Err(format!("can not have a query or a fragment; {HINT}"));
        }
        let Ok(uri) = text.parse::<Uri>() else {
            return Err(format!("is not a URL; {HINT}"));
        };
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err(format!("must be https or http; {HINT}")),
            None => return Err(format!("has no scheme; {HINT}")),
        };
        let Some(authority) = uri.authority() else {
            return Err(format!("has no host; {HINT}"));
        };
        if authority.as_str().contains('@') {
            return Err(format!("can not have a user or a password; {HINT}"));
        }
        if !matches!(uri.path(), "" | "/") {
            return Err(format!("can not have a path; {HINT}"));
        }
        let host = Host::new(authority.host()).ok_or_else(|| format!("has no valid host; {HINT}"))?;
        let port = port_of(authority, default_port(https)).ok_or_else(|| format!("has no valid port; {HINT}"))?;
        Ok(Self::new(https, host, port))
    }
}

impl Serialize for PublicUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.origin)
    }
}

fn default_port(https: bool) -> u16 {
    if https { 443 } else { 80 }
}

/// The port of an authority: the given one when none is written, nothing when what is written is no port.
pub(crate) fn port_of(authority: &Authority, default: u16) -> Option<u16> {
    match split_port(authority.as_str()).1 {
        None => Some(default),
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            digits.parse().ok().filter(|port| *port > 0)
        }
        Some(_) => None,
    }
}

/// Whether this is a host name or an address, an IPv6 one in brackets.
fn is_host(host: &str) -> bool {
    if let Some(bracketed) = host.strip_prefix('[') {
        return bracketed.strip_suffix(']').is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok());
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-' || letter == b'_')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    let behind_brackets = authority.rfind(']').map_or(0, |end| end + 1);
    match authority[behind_brackets..].rfind(':') {
        Some(colon) => (&authority[..behind_brackets + colon], Some(&authority[behind_brackets + colon + 1..])),
        None => (authority, None),
    }
}
