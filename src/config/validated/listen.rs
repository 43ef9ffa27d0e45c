//! Where visitors come in: the public URL and the addresses to listen on.
//!
//! Plain HTTP beyond this machine hands sessions to whoever listens on the way, so it has to be asked for.

use std::net::SocketAddr;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{Located, OneOrMore, RawField};
use crate::config::tree::Position;
use crate::config::value::address::ListenAddress;
use crate::config::value::network::Network;
use crate::public_url::PublicUrl;

/// The public URL, if there is one.
pub(super) fn public_url(
    field: RawField<PublicUrl>,
    insecure_http: bool,
    start: Position,
    diagnostics: &Diagnostics,
) -> Option<PublicUrl> {
    let Some(field) = field else {
        diagnostics.report_missing(
            start,
            "public_url",
            "is missing; write the address that visitors see, such as https://app.example.com",
        );
        return None;
    };
    if !field.value.is_https() && !field.value.is_loopback() && !insecure_http {
        let origin = format!("https://{}", crate::config::diagnostics::escape(field.value.host(), 100));
        let message = "plain http is for this machine only";
        field.report(
            diagnostics,
            format!("{message}; write {origin}, or set insecure_http: true if nobody can listen on the way"),
        );
    }
    Some(field.value)
}

/// The addresses to listen on; those of a loopback URL when none are written.
pub(super) fn listen(
    field: RawField<OneOrMore<ListenAddress>>,
    public_url: Option<&PublicUrl>,
    plain_http_allowed: bool,
    start: Position,
    diagnostics: &Diagnostics,
) -> Vec<SocketAddr> {
    let Some(field) = field else {
        return match (public_url, public_url.and_then(PublicUrl::loopback_address)) {
            (_, Some(address)) => vec![address],
            (None, None) => Vec::new(),
            (Some(_), None) => {
                diagnostics.report_missing(
                    start,
                    "listen",
                    "is missing; write the address to listen on, such as 127.0.0.1:8080",
                );
                Vec::new()
            }
        };
    };
    if field.value.0.is_empty() {
        if !diagnostics.has_error_at(&field.key) {
            field.report(diagnostics, "is an empty list; write the address to listen on, such as 127.0.0.1:8080");
        }
        return Vec::new();
    }
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for written in field.value.0 {
        let address = written.value.0;
        if addresses.contains(&address) && address.port() != 0 {
            written.report(diagnostics, format!("{address} is listed twice; keep one of them"));
        }
        if !address.ip().is_loopback() && !plain_http_allowed {
            let loopback = if address.is_ipv4() { "127.0.0.1" } else { "[::1]" };
            let port = address.port();
            written.report(
                diagnostics,
                format!(
                    "other machines could reach this in plain http; write tls: {{ certificate_file: …, key_file: … }}, \
                     or {loopback}:{port}, or set insecure_http: true if a TLS terminator stands in front"
                ),
            );
        }
        addresses.push(address);
    }
    addresses
}

/// The networks of what stands in front.
pub(super) fn trusted_proxies(field: RawField<Vec<Located<Network>>>, diagnostics: &Diagnostics) -> Vec<Network> {
    let written = field.map(|field| field.value).unwrap_or_default();
    let mut networks: Vec<Network> = Vec::new();
    for network in written {
        if networks.contains(&network.value) {
            network.report(diagnostics, format!("{} is listed twice; keep one of them", network.value.net()));
        }
        networks.push(network.value);
    }
    networks
}

/// Whether connections are introduced. Somebody must be listed who does it.
pub(super) fn proxy_protocol(field: RawField<bool>, trusted: &[Network], diagnostics: &Diagnostics) -> bool {
    let Some(field) = field else { return false };
    if field.value && trusted.is_empty() && !diagnostics.has_error_at("trusted_proxies") {
        field.report(diagnostics, "nobody could connect; write the network of the balancer in trusted_proxies");
    }
    field.value
}
