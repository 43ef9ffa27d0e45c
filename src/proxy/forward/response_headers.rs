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

/// Whether it is a stream of events: in any case, with any parameters (RFC 9110, 8.3.1).
pub(super) fn is_event_stream(response: &ResponseHeader) -> bool {
    let kind = response.headers.get(header::CONTENT_TYPE);
    let essence = kind.and_then(|kind| kind.as_bytes().split(|byte| *byte == b';').next());
    essence.is_some_and(|essence| essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_events_is_one_in_any_spelling() {
        let is_one = |kind: &str| {
            let mut response = ResponseHeader::build(200, None).unwrap();
            response.insert_header("Content-Type", kind).unwrap();
            is_event_stream(&response)
        };
        for kind in
            ["text/event-stream", "Text/Event-Stream", "text/event-stream;charset=utf-8", " text/event-stream ; a"]
        {
            assert!(is_one(kind), "{kind}");
        }
        for kind in
            ["text/event-streams", "text/html", "", "application/text/event-stream", "text/html; text/event-stream"]
        {
            assert!(!is_one(kind), "{kind}");
        }
    }
}
