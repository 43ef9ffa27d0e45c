//! Peer of a client connection, as Pingora's digests carry it from the listener to the request.

use std::net::SocketAddr;

use http::Response;
use pingora::{
    http::ResponseHeader,
    protocols::{Digest, SocketDigest, Stream, l4::socket::SocketAddr as Address, raw_connect::ProxyDigest},
};

/// Marker of a connection whose load balancer named no visitor: of whoever it may bring nothing is believed.
struct UnnamedPeer;

/// Makes a connection that of `visitor`, whom its load balancer named.
pub(in crate::proxy) fn set_peer(stream: &mut Stream, visitor: SocketAddr) {
    let digest = SocketDigest::from_raw_fd(stream.id());
    // The first word holds, and this one is the first.
    let _ = digest.peer_addr.set(Some(Address::Inet(visitor)));
    stream.set_socket_digest(digest);
}

/// Marks a connection as that of a load balancer that names no visitor. Its peer stays the balancer.
///
/// Pingora's digests have one field for data of its users: that of the proxy which a connection came through.
pub(in crate::proxy) fn set_peer_unnamed(stream: &mut Stream) {
    let (head, ()) = Response::new(()).into_parts();
    stream.set_proxy_digest(ProxyDigest::new(Box::new(ResponseHeader::from(head)), Some(Box::new(UnnamedPeer))));
}

/// Whether the load balancer of a connection named no visitor.
pub(in crate::proxy) fn is_peer_unnamed(digest: &Digest) -> bool {
    let data = digest.proxy_digest.as_ref().and_then(|proxy| proxy.user_data.as_ref());
    data.is_some_and(|data| data.is::<UnnamedPeer>())
}
