//! Requests that another site makes the browser send: refused before anything is looked up. To our own pages (Fetch Metadata,
//! with `Origin` where a browser does not send it), and upgrades to a WebSocket, which no other rule of browsers holds back: a
//! page of any site may open one, with the visitor's cookies, and read what comes. Such a request is no sign of life of the
//! session, either.

use http::{HeaderName, HeaderValue, header};

use super::RequestHead;

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Value of a header that browsers send at most once.
pub(super) enum SingleHeader<'a> {
    Absent,
    One(&'a [u8]),
    /// Repeated header: no browser sends one, and two parsers could pick different values.
    Repeated,
}

/// Whether a request may come from our own pages, or from no browser at all. Safe methods may come from anywhere.
pub(super) fn allows_request(head: &RequestHead<'_>, origin: &str) -> bool {
    if !head.is_action() {
        return true;
    }
    match (single_header(head, &SEC_FETCH_SITE), single_header(head, &header::ORIGIN)) {
        (SingleHeader::Repeated, _) | (_, SingleHeader::Repeated) => false,
        // What a page of ours hides of itself, it may say `null` for.
        (SingleHeader::One(b"same-origin" | b"none"), from) => match from {
            SingleHeader::One(from) => from == origin.as_bytes() || from == b"null",
            _ => true,
        },
        (SingleHeader::One(_), _) => false,
        (SingleHeader::Absent, SingleHeader::One(from)) => from == origin.as_bytes(),
        (SingleHeader::Absent, SingleHeader::Absent) => !head.headers.contains_key(header::COOKIE) && is_json(head),
    }
}

/// Whether a request is no upgrade, or one of a page of this origin or of those `others`, or of no browser at all. Browsers
/// write origins in one way, so they are compared byte for byte.
pub(super) fn allows_upgrade(head: &RequestHead<'_>, origin: &str, others: &[String]) -> bool {
    if !head.headers.contains_key(header::UPGRADE) {
        return true;
    }
    match single_header(head, &header::ORIGIN) {
        SingleHeader::Absent => true,
        SingleHeader::One(from) => from == origin.as_bytes() || others.iter().any(|other| from == other.as_bytes()),
        SingleHeader::Repeated => false,
    }
}

pub(super) fn single_header<'a>(head: &RequestHead<'a>, name: &HeaderName) -> SingleHeader<'a> {
    let mut values = head.headers.get_all(name).iter().map(HeaderValue::as_bytes);
    match (values.next(), values.next()) {
        (None, _) => SingleHeader::Absent,
        (Some(value), None) => SingleHeader::One(value),
        (Some(_), Some(_)) => SingleHeader::Repeated,
    }
}

/// Whether the body is JSON, which a cross-site page cannot send without a CORS preflight.
fn is_json(head: &RequestHead<'_>) -> bool {
    let SingleHeader::One(content_type) = single_header(head, &header::CONTENT_TYPE) else { return false };
    let content_type = std::str::from_utf8(content_type).unwrap_or_default();
    content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}
