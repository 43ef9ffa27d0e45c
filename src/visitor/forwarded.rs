//! Client address behind trusted proxies, from `X-Forwarded-For`.
//!
//! Each proxy appends the address of its peer. So the header is read from its end, and only as
//! far as its writers are trusted: entries before the first untrusted address may be forged. `Forwarded`
//! (RFC 7239) is not read: proxies that write it write `X-Forwarded-For`, too, and two sources could differ.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use super::canonical_ip;

/// Most entries read, to bound the cost of a long chain.
const MAX_HOPS: usize = 32;

/// Networks of proxies that are trusted to report a client address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Trusts the proxies in these networks.
    #[must_use]
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// Whether the address belongs to a trusted proxy.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        !self.0.is_empty() && self.contains(canonical_ip(address))
    }

    /// The visitor's address, where the other end of the connection is `peer` and the lines of `X-Forwarded-For` are these.
    /// The walk ends at the first address that is not one of ours, and before the first entry that cannot be read.
    #[must_use]
    pub fn client_ip<'a>(&self, peer: IpAddr, lines: impl DoubleEndedIterator<Item = &'a [u8]>) -> IpAddr {
        let mut seen = canonical_ip(peer);
        if !self.trusts(seen) {
            return seen;
        }
        let entries = lines.rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
        for entry in entries.take(MAX_HOPS) {
            let Some(before) = parse_address(entry) else { break };
            seen = before;
            if !self.contains(seen) {
                break;
            }
        }
        seen
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Parses an address as proxies write it: bare, with a port, IPv6 also in brackets.
fn parse_address(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry.trim_ascii()).ok()?;
    let bracketed = |entry: &str| {
        let (inside, rest) = entry.strip_prefix('[')?.split_once(']')?;
        let is_port = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
        is_port.then(|| inside.parse::<Ipv6Addr>().ok().map(IpAddr::V6))?
    };
    let with_port = |entry: &str| {
        let (address, port) = entry.split_once(':')?;
        is_port(port).then(|| address.parse().ok())?
    };
    entry.parse().ok().or_else(|| bracketed(entry)).or_else(|| with_port(entry)).map(canonical_ip)
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn proxies() -> TrustedProxies {
        TrustedProxies::new(["10.0.0.0/8", "192.0.2.1/32", "fd00::/8"].map(|network| network.parse().unwrap()))
    }

    fn visitor(peer: &str, lines: &[&str]) -> String {
        proxies().client_ip(peer.parse().unwrap(), lines.iter().map(|line| line.as_bytes())).to_string()
    }

    #[test]
    fn the_visitor_is_the_last_address_that_is_not_ours() {
        for (peer, lines, found) in [
            ("203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"),
            ("10.1.1.1", &[], "10.1.1.1"),
            ("10.1.1.1", &[""], "10.1.1.1"),
            ("10.1.1.1", &["198.51.100.1"], "198.51.100.1"),
            ("::ffff:10.1.1.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
            ("10.1.1.1", &["127.0.0.1, 198.51.100.1"], "198.51.100.1"),
            ("10.1.1.1", &["127.0.0.1,198.51.100.1 , 10.9.9.9,192.0.2.1"], "198.51.100.1"),
            ("10.1.1.1", &["198.51.100.1", "198.51.100.2", "10.9.9.9"], "198.51.100.2"),
            ("10.1.1.1", &["10.2.2.2, 10.3.3.3"], "10.2.2.2"),
            ("fd00::1", &["2001:db8::7"], "2001:db8::7"),
            // With ports, in brackets.
            ("10.1.1.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("10.1.1.1", &["[2001:db8::7]:4711, [fd00::2]"], "2001:db8::7"),
            // What cannot be read ends the walk where it has come to.
            ("10.1.1.1", &["198.51.100.1, unknown"], "10.1.1.1"),
            ("10.1.1.1", &["198.51.100.1, unknown, 10.4.4.4"], "10.4.4.4"),
            ("10.1.1.1", &["198.51.100.1,"], "10.1.1.1"),
            ("10.1.1.1", &["198.51.100.1, 10.4.4.4:port"], "10.1.1.1"),
            ("10.1.1.1", &["198.51.100.1:"], "10.1.1.1"),
            ("10.1.1.1", &["198.51.100.01"], "10.1.1.1"),
            ("10.1.1.1", &["[198.51.100.1]"], "10.1.1.1"),
            ("10.1.1.1", &["[2001:db8::7"], "10.1.1.1"),
            ("10.1.1.1", &["fe80::1%eth0"], "10.1.1.1"),
            ("10.1.1.1", &["for=198.51.100.1"], "10.1.1.1"),
        ] {
            assert_eq!(visitor(peer, lines), found, "{peer} {lines:?}");
        }
    }

    #[test]
    fn a_chain_without_end_costs_no_more() {
        let chain = format!("198.51.100.1{}", ", 10.2.2.2".repeat(MAX_HOPS - 1));
        assert_eq!(visitor("10.1.1.1", &[&chain]), "198.51.100.1");
        let longer = format!("198.51.100.1{}", ", 10.2.2.2".repeat(MAX_HOPS));
        assert_eq!(visitor("10.1.1.1", &[&longer]), "10.2.2.2");
    }

    #[test]
    fn an_empty_list_is_nobody() {
        let nobody = TrustedProxies::default();
        let peer = IpAddr::from([10, 1, 1, 1]);
        assert!(!nobody.trusts(peer));
        assert_eq!(nobody.client_ip(peer, [&b"198.51.100.1"[..]].into_iter()), peer);
    }

    fn any_address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<[u8; 4]>().prop_map(IpAddr::from),
            any::<[u8; 3]>().prop_map(|[b, c, d]| IpAddr::from([10, b, c, d])),
            any::<[u8; 4]>().prop_map(|v4| IpAddr::V6(std::net::Ipv4Addr::from(v4).to_ipv6_mapped())),
            any::<[u16; 8]>().prop_map(IpAddr::from),
        ]
    }

    /// As proxies write an address, or as nobody should.
    fn any_entry() -> impl Strategy<Value = String> {
        let address = (any_address(), 0..4_u8, any::<u16>()).prop_map(|(ip, form, port)| match (ip, form) {
            (IpAddr::V6(ip), 0) => format!("[{ip}]"),
            (IpAddr::V6(ip), 1) => format!("[{ip}]:{port}"),
            (IpAddr::V4(ip), 0 | 1) => format!("{ip}:{port}"),
            (ip, _) => ip.to_string(),
        });
        prop_oneof![4 => address, 1 => "[ -~]{0,12}"]
    }

    proptest! {
        /// Whatever a stranger writes before what the first of our proxies appended changes nothing.
        #[test]
        fn what_a_stranger_writes_changes_nothing(
            invented in prop::collection::vec(any_entry(), 0..6),
            stranger in any_address(),
            ours in prop::collection::vec(any::<[u8; 3]>(), 1..6),
            cut in 0..6_usize,
        ) {
            let proxies = proxies();
            prop_assume!(!proxies.trusts(stranger));
            let mut entries = invented;
            entries.push(stranger.to_string());
            let ours: Vec<IpAddr> = ours.into_iter().map(|[b, c, d]| IpAddr::from([10, b, c, d])).collect();
            entries.extend(ours.iter().map(ToString::to_string));
            let cut = cut.min(entries.len());
            let lines = [entries[..cut].join(","), entries[cut..].join(" , ")];
            // Each line that has nothing in it would be an entry that cannot be read.
            let lines = lines.iter().filter(|line| !line.is_empty()).map(String::as_bytes).collect::<Vec<_>>();
            let peer = IpAddr::from([10, 0, 0, 1]);
            prop_assert_eq!(proxies.client_ip(peer, lines.into_iter()), canonical_ip(stranger));
        }

        /// Whatever stands there: the visitor is the peer, or was written in the header, in its one spelling.
        #[test]
        fn no_chain_makes_an_address_up(lines in prop::collection::vec("[ -~]{0,40}", 0..4), entry in any_entry(), peer in any_address()) {
            let mut lines = lines;
            lines.push(entry);
            let found = proxies().client_ip(peer, lines.iter().map(String::as_bytes));
            let written = lines.iter().flat_map(|line| line.split(',')).filter_map(|entry| parse_address(entry.as_bytes()));
            prop_assert!(found == canonical_ip(peer) || written.into_iter().any(|address| address == found));
            prop_assert_eq!(found, canonical_ip(found));
        }
    }
}
