//! The head of an app's answer on its way to the client: what it may not say, and how it is said.

use http::{HeaderName, HeaderValue, Version, header};
use pingora::{http::ResponseHeader, proxy::Session};

use crate::{
    gate::cookie::{self, CookieNames},
    proxy::forward::upstreams::Upstream,
};

// Names that are looked for in each answer: as text they would be read and folded each time.
static PORTCULLIS_SESSION: HeaderName = HeaderName::from_static("portcullis-session");
/// What concerns two neighbours only, and what Pingora leaves of it.
static HOP_BY_HOP: [HeaderName; 3] =
    [HeaderName::from_static("keep-alive"), HeaderName::from_static("proxy-connection"), header::UPGRADE];

/// Removes what an app says to Portcullis, or to a neighbour, and not to the client.
pub(super) fn strip_internal(response: &mut ResponseHeader, names: &CookieNames, upstream: Option<&Upstream>) {
    strip_own_cookies(response, names, upstream);
    response.remove_header(&PORTCULLIS_SESSION);
}

/// Removes what concerns two neighbours only.
pub(super) fn strip_hop_by_hop(response: &mut ResponseHeader) {
    for hop in &HOP_BY_HOP {
        response.remove_header(hop);
    }
}

/// Says every answer in our version, whatever the app's is. Its framing is Pingora's already: what ended with the app's
/// connection comes in chunks. A client of HTTP/1.0 knows none: for it what has no length ends with the connection.
pub(super) fn set_http_version(session: &mut Session, response: &mut ResponseHeader) {
    response.set_version(Version::HTTP_11);
    if session.req_header().version == Version::HTTP_10 && !response.headers.contains_key(header::CONTENT_LENGTH) {
        response.remove_header(&header::TRANSFER_ENCODING);
        session.set_keepalive(None);
    }
}

/// An app cannot sign anybody in or out by setting our cookies.
fn strip_own_cookies(response: &mut ResponseHeader, names: &CookieNames, upstream: Option<&Upstream>) {
    let lines = response.headers.get_all(header::SET_COOKIE);
    if !lines.iter().any(|line| cookie::sets_own(names, line)) {
        return;
    }
    let kept: Vec<HeaderValue> = lines.iter().filter(|line| !cookie::sets_own(names, line)).cloned().collect();
    response.remove_header(&header::SET_COOKIE);
    for line in kept {
        // Fails only above 32,768 headers, and there were more before.
        let _ = response.append_header(header::SET_COOKIE, line);
    }
    tracing::warn!(upstream = upstream.map(Upstream::name), "An app tried to set a cookie of Portcullis");
}
