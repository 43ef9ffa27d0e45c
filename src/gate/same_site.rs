//! Requests to our own pages that another site makes the browser send: refused before anything is looked up (Fetch Metadata,
//! with `Origin` where a browser does not send it). Such a request is no sign of life of the session, either.

use http::{Method, header};

use super::Head;

/// Whether a request may come from our own pages, or from no browser at all. Safe methods may come from anywhere.
pub(super) fn allows(head: &Head<'_>, origin: &str) -> bool {
    if matches!(*head.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    match (head.header("sec-fetch-site"), head.headers.get(header::ORIGIN)) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(from)) => from.as_bytes() == origin.as_bytes(),
        (None, None) => !head.headers.contains_key(header::COOKIE) && is_json(head),
    }
}

/// No form of another site can send JSON without asking first.
fn is_json(head: &Head<'_>) -> bool {
    let content_type = head.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
    content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}
