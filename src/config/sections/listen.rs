//! `listen`: the addresses of the listeners. Plain HTTP on one that other machines can reach has to be asked for.

use std::net::SocketAddr;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{OneOrMore, RawField};
use crate::config::tree::Position;
use crate::config::value::address::ListenAddress;
use crate::public_url::PublicUrl;

/// The addresses to listen on; those of a loopback URL when none are written.
pub(in crate::config) fn listen(
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
