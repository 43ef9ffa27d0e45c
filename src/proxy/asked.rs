//! Who asks, and for what: the gate's view of a head, and where it came from.

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, HeaderName, HeaderValue, uri::Authority};
use pingora::{
    http::{
        RequestHeader,
        authority::{RawTargetAuthority, raw_target_authority},
    },
    proxy::Session,
};

use super::introduction::is_unnamed;
use crate::{
    gate::Head,
    visitor::{TrustedProxies, plain},
};

/// Read where a trusted peer passes requests on.
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Where a request came from. Found once for each, and the same for the gate, the log, the throttle and the app.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    /// The visitor's address, in its one spelling.
    pub(super) ip: IpAddr,
    /// Whether somebody passed it on whose word is taken.
    passed_on: bool,
}

impl Source {
    /// Before there is a request.
    pub(super) const UNKNOWN: Self = Self { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), passed_on: false };

    /// Whether somebody passed it on whose word is taken.
    pub(super) const fn is_passed_on(self) -> bool {
        self.passed_on
    }

    /// Where this one came from.
    pub(super) fn of(session: &Session, trusted: &TrustedProxies) -> Self {
        let address = session.client_addr().and_then(|address| address.as_inet()).copied();
        let peer = address.map_or(Self::UNKNOWN.ip, |address| address.ip());
        if address.is_some_and(is_unnamed) || !trusted.trusts(peer) {
            return Self { ip: plain(peer), passed_on: false };
        }
        let lines = session.req_header().headers.get_all(&X_FORWARDED_FOR).iter().map(HeaderValue::as_bytes);
        Self { ip: trusted.visitor(peer, lines), passed_on: true }
    }
}

/// The gate's view. An absolute-form target is its path, and the authority beside it.
pub(super) fn head_of<'a>(request: &'a RequestHeader, source: Source, request_id: &'a str) -> Head<'a> {
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
    Head {
        method: &request.method,
        target,
        authority,
        headers: &request.headers,
        ip: source.ip,
        forwarded_host: if source.passed_on { forwarded_host(&request.headers) } else { None },
        request_id,
    }
}

/// The host that was passed on. Of a list the last one: each proxy appends what it was asked for, and only the last is sure to
/// be written by one whose word is taken. What is empty counts for nothing (RFC 9110, 5.6.1).
fn forwarded_host(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(&X_FORWARDED_HOST).iter().rev();
    let mut hosts = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    std::str::from_utf8(hosts.find(|host| !host.is_empty())?).ok()
}
