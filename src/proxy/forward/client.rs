//! Client of a request: its address, by the connection or a trusted proxy, and the gate's view of the request head.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue, uri::Authority};
use pingora::{
    http::{
        RequestHeader,
        authority::{RawTargetAuthority, raw_target_authority},
    },
    proxy::Session,
};

use crate::{
    gate::RequestHead,
    proxy::http::peer::is_peer_unnamed,
    visitor::{TrustedProxies, canonical_ip},
};

/// Headers that are read where a trusted proxy passes requests on.
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Address of the client of a request. Found once for each, and the same for the gate, the log, the throttle and the app.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClientAddress {
    /// Address of the visitor, in canonical form.
    pub(super) ip: IpAddr,
    /// Whether a trusted proxy passed the request on.
    forwarded: bool,
}

impl ClientAddress {
    /// Address before there is a request.
    pub(super) const UNKNOWN: Self = Self { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), forwarded: false };

    /// Whether a trusted proxy passed the request on.
    pub(super) const fn is_forwarded(self) -> bool {
        self.forwarded
    }

    /// Address of the client of this request.
    pub(super) fn from_session(session: &Session, trusted: &TrustedProxies) -> Self {
        let address = session.client_addr().and_then(|address| address.as_inet());
        let peer = address.map_or(Self::UNKNOWN.ip, SocketAddr::ip);
        if session.digest().is_some_and(is_peer_unnamed) || !trusted.trusts(peer) {
            return Self { ip: canonical_ip(peer), forwarded: false };
        }
        let lines = session.req_header().headers.get_all(&X_FORWARDED_FOR).iter().map(HeaderValue::as_bytes);
        Self { ip: trusted.client_ip(peer, lines), forwarded: true }
    }
}

/// View of a request for the gate. An absolute-form target is its path, and the authority beside it.
pub(super) fn request_view<'a>(
    request: &'a RequestHeader,
    source: ClientAddress,
    request_id: &'a str,
) -> RequestHead<'a> {
    let (target, authority) = match raw_target_authority(request.raw_path()) {
        RawTargetAuthority::Absolute { authority, path_and_query, .. } => {
            let path = if path_and_query.starts_with(b"/") { path_and_query } else { b"/" };
            (path, std::str::from_utf8(authority).ok())
        }
        RawTargetAuthority::None | RawTargetAuthority::AmbiguousAuthority => {
            // Over HTTP/2 it is beside the target, and never in it.
            (request.raw_path(), request.uri.authority().map(Authority::as_str))
        }
    };
    RequestHead {
        method: &request.method,
        target,
        authority,
        headers: &request.headers,
        ip: source.ip,
        forwarded_host: if source.forwarded { forwarded_host(&request.headers) } else { None },
        request_id,
    }
}

/// Forwarded host. Of a list the last one: each proxy appends what it was asked for, and only the last is sure to be written by a
/// trusted one. Empty members count for nothing (RFC 9110, 5.6.1).
fn forwarded_host(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(&X_FORWARDED_HOST).iter().rev();
    let mut hosts = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    std::str::from_utf8(hosts.find(|host| !host.is_empty())?).ok()
}
