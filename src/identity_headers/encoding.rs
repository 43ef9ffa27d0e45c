//! Encodings of the values of identity headers. Each keeps values apart: no two become one.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::Serialize;

/// Prefix of an extended value.
const EXTENDED_PREFIX: &str = "UTF-8''";
/// Bytes that an extended value escapes: all but `attr-char` (RFC 8187, 3.2.1).
const EXTENDED_ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');
const ASCII_ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// An encoding of the values of identity headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityEncoding {
    /// The bytes of UTF-8 as they are.
    #[default]
    Utf8,
    /// `UTF-8''Mar%C3%ADa` (RFC 8187, 3.2) where a value is not ASCII, or itself begins like that.
    Rfc8187,
    /// `Mar%C3%ADa`: what is not ASCII is percent-encoded, and `%` itself.
    Ascii,
}

impl IdentityEncoding {
    /// Encodes a value. One with a control character stays as it is: it is not sent at all.
    pub(crate) fn encode(self, value: &str) -> Cow<'_, str> {
        let extended =
            || value.get(..EXTENDED_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(EXTENDED_PREFIX));
        match self {
            _ if value.bytes().any(|byte| byte.is_ascii_control()) => value.into(),
            Self::Rfc8187 if !value.is_ascii() || extended() => {
                format!("{EXTENDED_PREFIX}{}", utf8_percent_encode(value, EXTENDED_ESCAPED)).into()
            }
            Self::Ascii => utf8_percent_encode(value, ASCII_ESCAPED).into(),
            Self::Utf8 | Self::Rfc8187 => value.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_says_a_value_as_its_apps_read_it() {
        for (value, rfc8187, ascii) in [
            ("alice", "alice", "alice"),
            ("O'Neil, 100% \"A\"", "O'Neil, 100% \"A\"", "O'Neil, 100%25 \"A\""),
            ("Mar\u{ed}a", "UTF-8''Mar%C3%ADa", "Mar%C3%ADa"),
            ("a b,\u{20ac}'~", "UTF-8''a%20b%2C%E2%82%AC%27~", "a b,%E2%82%AC'~"),
            ("", "", ""),
        ] {
            assert_eq!(IdentityEncoding::Utf8.encode(value), value);
            assert_eq!(IdentityEncoding::Rfc8187.encode(value), rfc8187);
            assert_eq!(IdentityEncoding::Ascii.encode(value), ascii);
        }
    }

    #[test]
    fn no_name_is_chosen_so_that_it_is_read_as_another() {
        for encoding in [IdentityEncoding::Rfc8187, IdentityEncoding::Ascii] {
            let victim = encoding.encode("Mar\u{ed}a").into_owned();
            assert_ne!(encoding.encode(&victim), victim, "{encoding:?}");
        }
        assert_eq!(IdentityEncoding::Rfc8187.encode("utf-8''a"), "UTF-8''utf-8%27%27a");
    }

    #[test]
    fn control_characters_are_not_hidden() {
        for encoding in [IdentityEncoding::Utf8, IdentityEncoding::Rfc8187, IdentityEncoding::Ascii] {
            assert_eq!(encoding.encode("\u{ed}\r\nX: y"), "\u{ed}\r\nX: y");
        }
    }
}
