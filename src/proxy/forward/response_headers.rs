//! Headers of an app's response that the client does not get: Portcullis' own cookies and headers, and hop-by-hop headers.

use http::{HeaderName, HeaderValue, Version, header};
use pingora::{http::ResponseHeader, proxy::Session};

use crate::{
    gate::cookie::{self, CookieNames},
    proxy::forward::upstreams::Upstream,
};

// Names that are looked for in each answer: as text they would be read and folded each time.
static PORTCULLIS_SESSION: HeaderName = HeaderName::from_static("portcullis-session");
/// Hop-by-hop headers that Pingora leaves.
static HOP_BY_HOP: [HeaderName; 3] =
    [HeaderName::from_static("keep-alive"), HeaderName::from_static("proxy-connection"), header::UPGRADE];

/// Removes what an app may say to Portcullis only, or not at all: its header, and its cookies.
pub(super) fn strip_internal(response: &mut ResponseHeader, names: &CookieNames, upstream: Option<&Upstream>) {
    strip_own_cookies(response, names, upstream);
    response.remove_header(&PORTCULLIS_SESSION);
}

/// Removes hop-by-hop headers.
pub(super) fn strip_hop_by_hop(response: &mut ResponseHeader) {
    for hop in &HOP_BY_HOP {
        response.remove_header(hop);
    }
}

/// Sets the HTTP version of a response to that of Portcullis, whatever the app's is. Its framing is Pingora's already: a body that
/// ended with the app's connection comes in chunks. HTTP/1.0 knows none: there a body without a length ends with the connection.
pub(super) fn set_http_version(session: &mut Session, response: &mut ResponseHeader) {
    response.set_version(Version::HTTP_11);
    if session.req_header().version == Version::HTTP_10 && !response.headers.contains_key(header::CONTENT_LENGTH) {
        response.remove_header(&header::TRANSFER_ENCODING);
        session.set_keepalive(None);
    }
}

/// Removes cookies with Portcullis' names: an app cannot sign anybody in or out by setting them.
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
    tracing::warn!(
        upstream = upstream.map(Upstream::name),
        "Upstream cookie dropped: its name is reserved for Portcullis"
    );
}
