//! PROXY protocol, versions 1 and 2: the header in which a load balancer names the visitor, before the visitor's first byte.
//!
//! Reads byte for byte, and never one byte more: what follows is the visitor's. Decides nothing about trust: the acceptor reads a
//! header only from a listed load balancer, and serves nobody else.

use std::net::{IpAddr, SocketAddr};

use pingora::protocols::Stream;
use ppp::{v1, v2};
use tokio::io::AsyncReadExt as _;

/// Length of the signature that begins each header of version 2. No header of version 1 is shorter.
const SIGNATURE_LENGTH: usize = v2::PROTOCOL_PREFIX.len();
/// Longest header of version 1.
const MAX_V1_HEADER: usize = 107;
/// Longest header of version 2 that is read: more than any balancer adds.
const MAX_V2_HEADER: usize = 4096;

/// Reads a header, and returns the visitor's address: none where the balancer speaks for itself, or does not know it.
///
/// # Errors
/// There is no header, or none that can be read.
pub(super) async fn read_header(stream: &mut Stream) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    let mut header = vec![0; SIGNATURE_LENGTH];
    // Whoever only looks whether the port is open says nothing.
    match stream.read(&mut header[..1]).await {
        Ok(1..) => {}
        _ => return Err(ProxyHeaderError::NoData),
    }
    stream.read_exact(&mut header[1..]).await.map_err(|_| ProxyHeaderError::Invalid)?;
    if header == v2::PROTOCOL_PREFIX {
        header.resize(SIGNATURE_LENGTH + 4, 0);
        stream.read_exact(&mut header[SIGNATURE_LENGTH..]).await.map_err(|_| ProxyHeaderError::Invalid)?;
        let begun = header.len();
        let length = usize::from(u16::from_be_bytes([header[begun - 2], header[begun - 1]]));
        if begun + length > MAX_V2_HEADER {
            return Err(ProxyHeaderError::Invalid);
        }
        header.resize(begun + length, 0);
        stream.read_exact(&mut header[begun..]).await.map_err(|_| ProxyHeaderError::Invalid)?;
        return source_address(&v2::Header::try_from(header.as_slice()).map_err(|_| ProxyHeaderError::Invalid)?);
    }
    while !header.ends_with(b"\n") {
        if header.len() == MAX_V1_HEADER {
            return Err(ProxyHeaderError::Invalid);
        }
        header.push(stream.read_u8().await.map_err(|_| ProxyHeaderError::Invalid)?);
    }
    match v1::Header::try_from(header.as_slice()).map_err(|_| ProxyHeaderError::Invalid)?.addresses {
        v1::Addresses::Tcp4(addresses) => Ok(Some((addresses.source_address, addresses.source_port).into())),
        v1::Addresses::Tcp6(addresses) => Ok(Some((addresses.source_address, addresses.source_port).into())),
        v1::Addresses::Unknown => Ok(None),
    }
}

/// Error of a connection without a PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProxyHeaderError {
    /// Nothing came at all.
    NoData,
    /// Something came that is no header.
    Invalid,
}

fn source_address(header: &v2::Header<'_>) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    match (header.command, header.addresses) {
        (v2::Command::Proxy, _) if header.protocol == v2::Protocol::Datagram => Err(ProxyHeaderError::Invalid),
        (v2::Command::Proxy, v2::Addresses::IPv4(addresses)) => {
            Ok(Some((addresses.source_address, addresses.source_port).into()))
        }
        (v2::Command::Proxy, v2::Addresses::IPv6(addresses)) => {
            Ok(Some((addresses.source_address, addresses.source_port).into()))
        }
        // A look whether we are alive, or somebody of whom there is no address.
        (v2::Command::Local, _) | (v2::Command::Proxy, v2::Addresses::Unspecified | v2::Addresses::Unix(_)) => Ok(None),
    }
}

/// Address of the other end of a connection.
pub(super) fn peer_address(stream: &Stream) -> IpAddr {
    let peer = stream.get_socket_digest().and_then(|digest| digest.peer_addr()?.as_inet().map(SocketAddr::ip));
    peer.unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    /// What is read, and what is left for whoever comes after.
    async fn reads(sent: &[u8]) -> (Result<Option<SocketAddr>, ProxyHeaderError>, Vec<u8>) {
        let (mut client, server) = tokio::io::duplex(8192);
        client.write_all(sent).await.unwrap();
        drop(client);
        let mut stream: Stream = Box::new(server);
        let read = read_header(&mut stream).await;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        (read, rest)
    }

    fn binary(version_command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
        [v2::PROTOCOL_PREFIX, &[version_command, family], &length, addresses].concat()
    }

    #[tokio::test]
    async fn who_is_brought_is_read_and_not_a_byte_more() {
        let four = [203, 0, 113, 7, 10, 0, 0, 1, 0x10, 0x00, 1, 187];
        let six = [[0x20; 16].as_slice(), &[1; 16], &[0, 80, 1, 187]].concat();
        let more = [&four[..], &[4, 0, 2, 1, 2]].concat();
        let six_is = format!("[{}]:80", "2020:".repeat(8).trim_end_matches(':'));
        for (header, whom) in [
            (b"PROXY TCP4 203.0.113.7 10.0.0.1 4096 443\r\n".to_vec(), Some("203.0.113.7:4096")),
            (b"PROXY TCP6 2001:db8::1 2001:db8::2 4096 443\r\n".to_vec(), Some("[2001:db8::1]:4096")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".to_vec(), None),
            (binary(0x21, 0x11, &four), Some("203.0.113.7:4096")),
            (binary(0x21, 0x11, &more), Some("203.0.113.7:4096")),
            (binary(0x21, 0x21, &six), Some(six_is.as_str())),
            (binary(0x20, 0x00, &[]), None),
            (binary(0x20, 0x11, &four), None),
            (binary(0x21, 0x00, &[]), None),
        ] {
            let sent = [&header[..], b"GET / HTTP/1.1\r\n"].concat();
            let whom = whom.map(|whom| whom.parse().unwrap());
            assert_eq!(
                reads(&sent).await,
                (Ok(whom), b"GET / HTTP/1.1\r\n".to_vec()),
                "{:?}",
                String::from_utf8_lossy(&sent)
            );
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_none() {
        for sent in [
            &b""[..],
            b"PROXY",
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"PROXY TCP4 203.0.113.7 10.0.0.1 4096\r\n",
            b"PROXY TCP4 2001:db8::1 10.0.0.1 4096 443\r\n",
            b"PROXY TCP4 203.0.113.7 10.0.0.1 99999 443\r\n",
            b"PROXY TCP4 203.0.113.7 10.0.0.1 4096 443\n",
            b"proxy TCP4 203.0.113.7 10.0.0.1 4096 443\r\n",
            b"PROXY  TCP4 203.0.113.7 10.0.0.1 4096 443\r\n",
            &[b"PROXY TCP4 ".as_slice(), &[b'1'; 200], b"\r\n"].concat(),
            &binary(0x11, 0x11, &[0; 12]),
            &binary(0x22, 0x11, &[0; 12]),
            &binary(0x21, 0x11, &[0; 4]),
            &binary(0x21, 0x12, &[0; 12]),
            &binary(0x21, 0x11, &[0; 5000]),
            &binary(0x21, 0x11, &[0; 12])[..20],
        ] {
            let why = if sent.is_empty() { ProxyHeaderError::NoData } else { ProxyHeaderError::Invalid };
            assert_eq!(reads(sent).await.0, Err(why), "{:?}", String::from_utf8_lossy(sent));
        }
    }

    proptest! {
        /// Whatever is sent: it is read or refused, and never more of it than a header may have.
        #[test]
        fn nothing_breaks_the_reading(begin in prop_oneof![Just(&b"PROXY "[..]), Just(v2::PROTOCOL_PREFIX), Just(&b""[..])], rest in prop::collection::vec(any::<u8>(), 0..300)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let sent = [begin, &rest].concat();
            let (_, left) = runtime.block_on(reads(&sent));
            prop_assert!(sent.ends_with(&left) && sent.len() - left.len() <= MAX_V2_HEADER);
        }
    }
}
