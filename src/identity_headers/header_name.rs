//! Names of identity headers as an operator configures them: which are refused, and which are aliases of each other.

use crate::identity_headers::managed::{is_alias, is_identity, is_managed, is_reserved, normalized};

/// Longest name of a header.
const MAX_NAME_LENGTH: usize = 64;

/// Error of a header name that an operator may not configure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderNameError {
    /// The name is empty, or has bytes that servers read in more than one way.
    #[error("it is no plain name of a header")]
    NotAToken,
    /// The name is too long.
    #[error("it is longer than {MAX_NAME_LENGTH} bytes")]
    TooLong,
    /// The name has a meaning to HTTP, browsers or servers.
    #[error("it has a meaning in HTTP")]
    Reserved,
    /// The name tells an app something else than who is calling, which Portcullis tells itself or not at all.
    #[error("it tells something else than who is calling")]
    NotIdentity,
}

/// Whether two names are one to an app that maps what is no letter and no digit to `_`.
#[must_use]
pub fn are_aliases(name: &str, other: &str) -> bool {
    is_alias(name.as_bytes(), &normalized(other.as_bytes()))
}

/// Checks a header name that an operator configures.
///
/// # Errors
/// The operator may not have a header of this name set.
pub fn check_header_name(name: &str) -> Result<(), HeaderNameError> {
    let bytes = name.as_bytes();
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !bytes.iter().all(fits) || !bytes.first().is_some_and(u8::is_ascii_alphanumeric) {
        Err(HeaderNameError::NotAToken)
    } else if bytes.len() > MAX_NAME_LENGTH {
        Err(HeaderNameError::TooLong)
    } else if is_reserved(bytes) {
        Err(HeaderNameError::Reserved)
    } else if is_managed(bytes) && !is_identity(bytes) {
        Err(HeaderNameError::NotIdentity)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_something_else_is_no_name_for_a_header_of_an_operator() {
        for (name, why) in [
            ("", HeaderNameError::NotAToken),
            ("X Employee", HeaderNameError::NotAToken),
            ("X-Employ\u{e9}e", HeaderNameError::NotAToken),
            ("X:Y", HeaderNameError::NotAToken),
            ("X.Y", HeaderNameError::NotAToken),
            ("-x", HeaderNameError::NotAToken),
            ("X\r\nY", HeaderNameError::NotAToken),
            ("Connection", HeaderNameError::Reserved),
            ("transfer_encoding", HeaderNameError::Reserved),
            ("Keep-Alive", HeaderNameError::Reserved),
            ("TE", HeaderNameError::Reserved),
            ("Trailer", HeaderNameError::Reserved),
            ("Upgrade", HeaderNameError::Reserved),
            ("Proxy-Authorization", HeaderNameError::Reserved),
            ("Host", HeaderNameError::Reserved),
            ("Cookie", HeaderNameError::Reserved),
            ("content_length", HeaderNameError::Reserved),
            ("Authorization", HeaderNameError::Reserved),
            ("Sec-WebSocket-Key", HeaderNameError::Reserved),
            ("Origin", HeaderNameError::Reserved),
            ("If-None-Match", HeaderNameError::Reserved),
            ("X-Request-Id", HeaderNameError::NotIdentity),
            ("x_request_id", HeaderNameError::NotIdentity),
            ("X-Forwarded-For", HeaderNameError::NotIdentity),
            ("X_Forwarded_Host", HeaderNameError::NotIdentity),
            ("X-Forwarded-Proto", HeaderNameError::NotIdentity),
            ("Forwarded", HeaderNameError::NotIdentity),
            ("Remote-Addr", HeaderNameError::NotIdentity),
            ("X-Real-IP", HeaderNameError::NotIdentity),
            ("X-Original-URL", HeaderNameError::NotIdentity),
            ("Portcullis-Session", HeaderNameError::NotIdentity),
            ("Proxy", HeaderNameError::NotIdentity),
        ] {
            assert_eq!(check_header_name(name), Err(why), "{name}");
        }
        assert_eq!(check_header_name(&"x".repeat(65)), Err(HeaderNameError::TooLong));
        for name in ["X-Employee", "X-WEBAUTH-ROLE", "X-Forwarded-User", "Remote-User", "x_auth_user", "Teams", "1"] {
            assert_eq!(check_header_name(name), Ok(()), "{name}");
        }
    }
}
