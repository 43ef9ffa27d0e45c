//! Media type of a response (RFC 9110, 8.3): HTML, page or event stream, in any spelling.

use http::{HeaderMap, header};

/// Whether a response is HTML, and nothing else by any reading.
pub(super) fn is_html(headers: &HeaderMap) -> bool {
    matches_any(content_type(headers), &[b"text/html"])
}

/// Whether a browser may take a response for a page: it is HTML or XHTML, or one of a list of types (which is none) is.
pub(super) fn is_page(headers: &HeaderMap) -> bool {
    content_type(headers)
        .split(|byte| *byte == b',')
        .any(|kind| matches_any(kind, &[b"text/html", b"application/xhtml+xml"]))
}

/// Whether a response is an event stream (`text/event-stream`).
pub(super) fn is_event_stream(headers: &HeaderMap) -> bool {
    matches_any(content_type(headers), &[b"text/event-stream"])
}

fn content_type(headers: &HeaderMap) -> &[u8] {
    headers.get(header::CONTENT_TYPE).map(http::HeaderValue::as_bytes).unwrap_or_default()
}

/// Whether a media type, without its parameters, is one of these.
fn matches_any(kind: &[u8], these: &[&[u8]]) -> bool {
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    these.iter().any(|this| essence.eq_ignore_ascii_case(this))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn parameters_and_case_change_nothing() {
        let headers = |said| HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(said))]);
        for (said, html, page) in [
            ("text/html", true, true),
            ("TEXT/HTML ; charset=utf-8", true, true),
            ("text/html, text/plain", false, true),
            ("application/xhtml+xml;q=1", false, true),
            ("text/htmlx", false, false),
            ("text/plain; text/html", false, false),
            ("", false, false),
        ] {
            assert_eq!((is_html(&headers(said)), is_page(&headers(said))), (html, page), "{said}");
        }
        assert!(!is_page(&HeaderMap::new()));
    }
    #[test]
    fn an_event_stream_is_one_in_any_spelling() {
        let is_one =
            |said| is_event_stream(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(said))]));
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
