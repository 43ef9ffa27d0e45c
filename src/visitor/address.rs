//! Canonical IP addresses, and the network that a throttle counts as one client.

use std::net::{IpAddr, Ipv6Addr};

/// The address in its one canonical form: `::ffff:192.0.2.1` is `192.0.2.1`.
#[must_use]
pub fn canonical_ip(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// Address as text. IPv4 is formatted by hand: each request's is written twice, and `Display` takes ten times as long.
#[must_use]
pub fn ip_text(ip: IpAddr) -> String {
    let IpAddr::V4(ip) = ip else { return ip.to_string() };
    let mut text = String::with_capacity("255.255.255.255".len());
    for (place, octet) in ip.octets().into_iter().enumerate() {
        if place > 0 {
            text.push('.');
        }
        text.push_str(itoa::Buffer::new().format(octet));
    }
    text
}

/// Network that a throttle counts as one client: the IPv4 address, or the IPv6 /64, because a client with one address has
/// the whole /64.
#[must_use]
pub fn ip_network(ip: IpAddr) -> IpAddr {
    match canonical_ip(ip) {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_has_one_network() {
        for (ip, network) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("::1", "::"),
        ] {
            let ip: IpAddr = ip.parse().expect("an address");
            assert_eq!(ip_network(ip).to_string(), network);
        }
    }
}
