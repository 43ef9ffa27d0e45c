//! Where visitors come in: the public URL and the addresses to listen on.
//!
//! Plain HTTP beyond this machine hands sessions to whoever listens on the way, so it has to be asked for.

use std::net::SocketAddr;

use crate::config::complaint::Desk;
use crate::config::read::{Field, Located, OneOrMore};
use crate::config::tree::Place;
use crate::config::value::address::Address;
use crate::config::value::network::Network;
use crate::public_url::PublicUrl;

/// The public URL, if there is one.
pub(super) fn public_url(field: Field<PublicUrl>, insecure_http: bool, start: Place, desk: &Desk) -> Option<PublicUrl> {
    let Some(field) = field else {
        desk.miss(
            start,
            "public_url",
            "is missing; write the address that visitors see, such as https://app.example.com",
        );
        return None;
    };
    if !field.value.is_https() && !field.value.is_loopback() && !insecure_http {
        let origin = format!("https://{}", crate::config::complaint::escape(field.value.host(), 100));
        let message = "plain http is for this machine only";
        field.complain(
            desk,
            format!("{message}; write {origin}, or set insecure_http: true if nobody can listen on the way"),
        );
    }
    Some(field.value)
}

/// The addresses to listen on; those of a loopback URL when none are written.
pub(super) fn listen(
    field: Field<OneOrMore<Address>>,
    public_url: Option<&PublicUrl>,
    bare_is_fine: bool,
    start: Place,
    desk: &Desk,
) -> Vec<SocketAddr> {
    let Some(field) = field else {
        return match (public_url, public_url.and_then(PublicUrl::loopback_address)) {
            (_, Some(address)) => vec![address],
            (None, None) => Vec::new(),
            (Some(_), None) => {
                desk.miss(start, "listen", "is missing; write the address to listen on, such as 127.0.0.1:8080");
                Vec::new()
            }
        };
    };
    if field.value.0.is_empty() {
        if !desk.knows(&field.key) {
            field.complain(desk, "is an empty list; write the address to listen on, such as 127.0.0.1:8080");
        }
        return Vec::new();
    }
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for written in field.value.0 {
        let address = written.value.0;
        if addresses.contains(&address) && address.port() != 0 {
            written.complain(desk, format!("{address} is listed twice; keep one of them"));
        }
        if !address.ip().is_loopback() && !bare_is_fine {
            let loopback = if address.is_ipv4() { "127.0.0.1" } else { "[::1]" };
            let port = address.port();
            written.complain(
                desk,
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
pub(super) fn trusted_proxies(field: Field<Vec<Located<Network>>>, desk: &Desk) -> Vec<Network> {
    let written = field.map(|field| field.value).unwrap_or_default();
    let mut networks: Vec<Network> = Vec::new();
    for network in written {
        if networks.contains(&network.value) {
            network.complain(desk, format!("{} is listed twice; keep one of them", network.value.net()));
        }
        networks.push(network.value);
    }
    networks
}

/// Whether connections are introduced. Somebody must be listed who does it.
pub(super) fn proxy_protocol(field: Field<bool>, balancers: &[Network], desk: &Desk) -> bool {
    let Some(field) = field else { return false };
    if field.value && balancers.is_empty() && !desk.knows("trusted_proxies") {
        field.complain(desk, "nobody could connect; write the network of the balancer in trusted_proxies");
    }
    field.value
}
