//! Framing of an app's response: a head that a client could read in two ways ends here.
//!
//! Pingora forwards `Content-Length` twice where both say the same, a transfer coding that it does not know, a length where
//! there is no body, and a 101 that was not asked for. A client or a cache that reads such a response in another way takes a part
//! of it for the response to the next request.

use http::{StatusCode, header};
use pingora::{Error, ErrorType, Result, http::ResponseHeader, proxy::Session};

use crate::proxy::forward::upgrade;

/// Most interim responses. A 102 (`WebDAV`) comes every twenty seconds; nothing needs more.
const MAX_INTERIM: u8 = 100;

/// Normalizes the framing of a response to one reading, or fails; `interim` counts the interim responses.
pub(super) fn normalize(session: &Session, response: &mut ResponseHeader, interim: &mut u8) -> Result<()> {
    if let Err(why) = validate(response, || upgrade::is_accepted(session, response), interim) {
        return Err(Error::explain(ErrorType::InvalidHTTPHeader, why).into_up());
    }
    // These have no body, and so no length of one (RFC 9110, 8.6; RFC 9112, 6.1).
    if response.status.is_informational() || response.status == StatusCode::NO_CONTENT {
        response.remove_header(&header::CONTENT_LENGTH);
        response.remove_header(&header::TRANSFER_ENCODING);
    }
    Ok(())
}

fn validate(response: &ResponseHeader, granted: impl FnOnce() -> bool, interim: &mut u8) -> Result<(), &'static str> {
    if response.status == StatusCode::SWITCHING_PROTOCOLS {
        return if granted() { Ok(()) } else { Err("101 to who did not ask for it, or to another protocol") };
    }
    if response.status.is_informational() {
        *interim += 1;
        return if *interim <= MAX_INTERIM { Ok(()) } else { Err("too many answers before the answer") };
    }
    let mut lengths = response.headers.get_all(header::CONTENT_LENGTH).iter();
    let one_length = lengths.next().is_none_or(|length| length.as_bytes().iter().all(u8::is_ascii_digit));
    if !one_length || lengths.next().is_some() {
        return Err("several lengths");
    }
    let mut codings = response.headers.get_all(header::TRANSFER_ENCODING).iter();
    let chunked = codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if !chunked || codings.next().is_some() {
        return Err("a transfer coding that nobody asked for");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, lines: &[(&'static str, &str)]) -> ResponseHeader {
        let mut response = ResponseHeader::build(status, None).unwrap();
        for (name, value) in lines {
            response.append_header(*name, *value).unwrap();
        }
        response
    }

    #[test]
    fn an_answer_has_one_length() {
        for (lines, is_one) in [
            (&[][..], true),
            (&[("Content-Length", "5")], true),
            (&[("Transfer-Encoding", "Chunked")], true),
            (&[("Content-Length", "5"), ("Content-Length", "5")], false),
            (&[("Content-Length", "5, 5")], false),
            (&[("Transfer-Encoding", "identity")], false),
            (&[("Transfer-Encoding", "gzip, chunked")], false),
            (&[("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")], false),
        ] {
            assert_eq!(validate(&answer(200, lines), || false, &mut 0).is_ok(), is_one, "{lines:?}");
        }
    }

    #[test]
    fn there_are_only_so_many_answers_before_the_answer() {
        let mut interim = 0;
        for _ in 0..MAX_INTERIM {
            assert!(validate(&answer(103, &[]), || false, &mut interim).is_ok());
        }
        assert!(validate(&answer(200, &[]), || false, &mut interim).is_ok());
        assert!(validate(&answer(100, &[]), || false, &mut interim).is_err());
        assert!(validate(&answer(101, &[]), || true, &mut interim).is_ok());
        assert!(validate(&answer(101, &[]), || false, &mut interim).is_err());
    }
}
