//! Upgrade to another protocol (RFC 9110, 7.8): a whole WebSocket handshake is forwarded, and no other protocol.
//!
//! Behind an upgrade the connection is a tunnel into which nobody looks. A WebSocket may be one. `h2c` in it would be requests
//! that no rule has seen, and nobody can say what any other protocol would be: such an `Upgrade` is removed, and its request is
//! served as the plain one that it is as well.

use http::{HeaderName, HeaderValue, Method, Version, header};
use pingora::{
    http::{RequestHeader, ResponseHeader},
    proxy::Session,
};

static HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// Removes the upgrades and expectations of a request that are not granted. Comes before the gate evaluates it, so that nothing
/// takes for an upgrade what is none.
pub(super) fn normalize_upgrade(session: &mut Session) {
    let request = session.req_header_mut();
    if request.headers.contains_key(header::UPGRADE) {
        if is_websocket_handshake(request) {
            // Some clients say that no body comes. Not every app takes that for a handshake.
            request.remove_header(&header::CONTENT_LENGTH);
        } else {
            request.remove_header(&header::UPGRADE);
            request.remove_header(&HTTP2_SETTINGS);
        }
    }
    if request.version == Version::HTTP_10 {
        // It knows no answer before the answer (RFC 9110, 10.1.1 and 15.2).
        request.remove_header(&header::EXPECT);
        session.set_ignore_info_resp(true);
    }
}

/// Whether a 101 accepts the WebSocket that was asked for. Pingora would make a tunnel of one end only where an app of HTTP/1.0
/// sends it.
pub(super) fn is_accepted(session: &Session, answer: &ResponseHeader) -> bool {
    session.is_upgrade_req() && answer.version == Version::HTTP_11 && names_websocket(&answer.headers)
}

/// Whether a request is a client's opening handshake (RFC 6455, 4.1): without a body, and whole.
fn is_websocket_handshake(request: &RequestHeader) -> bool {
    let headers = &request.headers;
    request.version == Version::HTTP_11
        && request.method == Method::GET
        && names_websocket(headers)
        && headers.get_all(header::CONNECTION).iter().any(has_upgrade_option)
        && headers.get_all(header::SEC_WEBSOCKET_KEY).iter().count() == 1
        && headers.get(header::CONTENT_LENGTH).is_none_or(|length| length.as_bytes() == b"0")
        && !headers.contains_key(header::TRANSFER_ENCODING)
}

fn names_websocket(headers: &http::HeaderMap) -> bool {
    let mut named = headers.get_all(header::UPGRADE).iter();
    named.next().is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"))
        && named.next().is_none()
}

fn has_upgrade_option(line: &HeaderValue) -> bool {
    line.as_bytes().split(|byte| *byte == b',').any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_websocket_is_asked_for_by_its_whole_handshake() {
        let whole = [("Upgrade", "WebSocket"), ("Connection", "keep-alive, Upgrade"), ("Sec-WebSocket-Key", "x")];
        let request = |method: &str, version, lines: &[(&'static str, &str)]| {
            let mut request = RequestHeader::build(method, b"/", None).unwrap();
            request.set_version(version);
            for (name, value) in lines {
                request.append_header(*name, *value).unwrap();
            }
            request
        };
        let asks = |lines: &[_]| is_websocket_handshake(&request("GET", Version::HTTP_11, lines));
        assert!(asks(&whole));
        for place in 0..whole.len() {
            let mut part = whole.to_vec();
            part.remove(place);
            assert!(!asks(&part), "without {:?}", whole[place]);
        }
        assert!(asks(&[&whole[..], &[("Content-Length", "0")]].concat()), "it says that no body comes");
        for more in
            [("Upgrade", "h2c"), ("Sec-WebSocket-Key", "y"), ("Content-Length", "1"), ("Transfer-Encoding", "chunked")]
        {
            assert!(!asks(&[&whole[..], &[more]].concat()), "with {more:?}");
        }
        for (name, value) in [("Upgrade", "websocket, h2c"), ("Upgrade", "h2c"), ("Connection", "xupgrade")] {
            let other: Vec<_> = whole.iter().map(|(key, it)| (*key, if *key == name { value } else { *it })).collect();
            assert!(!asks(&other), "{name}: {value}");
        }
        assert!(!is_websocket_handshake(&request("POST", Version::HTTP_11, &whole)));
        assert!(!is_websocket_handshake(&request("GET", Version::HTTP_10, &whole)));
    }
}
