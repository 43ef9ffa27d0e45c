//! Requests that another site makes the browser send: refused before any handler (Fetch Metadata, with `Origin` where a
//! browser does not send it).

use http::{Method, header};

use super::{Call, Error};

/// Lets safe methods pass, and unsafe ones that come from our own pages or from no browser at all.
///
/// # Errors
/// [`Error::CrossSite`] for any other.
pub(super) fn check(call: &Call) -> Result<(), Error> {
    if matches!(*call.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let from_here = match (call.header("sec-fetch-site"), call.header(header::ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin == call.desk().public_url.origin(),
        (None, None) => !call.has_cookies() && is_json(call),
    };
    if from_here {
        return Ok(());
    }
    call.desk().metrics.csrf_rejected();
    Err(Error::CrossSite)
}

/// No form of another site can send JSON without asking first.
fn is_json(call: &Call) -> bool {
    let content_type = call.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
    content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}
