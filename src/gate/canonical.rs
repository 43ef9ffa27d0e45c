//! Canonical spelling of path segments and queries (RFC 3986).

use std::fmt::Write as _;

use super::{AmbiguousChar, InvalidPath, path::PathOptions};

/// Canonical segment: unreserved bytes decoded, others percent-encoded in upper case.
pub(super) fn canonical_segment(raw: &[u8], options: PathOptions) -> Result<String, InvalidPath> {
    let mut text = String::with_capacity(raw.len());
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        let (byte, was_encoded, last) = match byte {
            b'%' => {
                let high = bytes.next().and_then(hex_value).ok_or(InvalidPath::InvalidEncoding)?;
                let last = bytes.next().unwrap_or_default();
                let low = hex_value(last).ok_or(InvalidPath::InvalidEncoding)?;
                (high << 4 | low, true, last)
            }
            plain => (plain, false, plain),
        };
        let refused = match (byte, was_encoded) {
            (b'/', _) if options.keep_encoded_slash => {
                text.extend(['%', '2', char::from(last)]);
                continue;
            }
            (b'/', _) => Some(AmbiguousChar::EncodedSlash),
            (0, _) => Some(AmbiguousChar::Null),
            (b'\\', false) => Some(AmbiguousChar::Backslash),
            (0..=0x1f | 0x7f, false) => Some(AmbiguousChar::Control),
            (b'#', false) => Some(AmbiguousChar::Hash),
            // Some cut parameters before they decode and some after it: what is a name to one is a parameter to the other.
            (b';', true) => (!options.keep_encoded_chars).then_some(AmbiguousChar::EncodedSemicolon),
            (b'\\', true) => (!options.keep_encoded_chars).then_some(AmbiguousChar::EncodedBackslash),
            (0..=0x1f | 0x7f, true) => (!options.keep_encoded_chars).then_some(AmbiguousChar::EncodedControl(byte)),
            _ => None,
        };
        match refused {
            Some(character) => return Err(InvalidPath::ForbiddenChar(character)),
            None if is_unescaped(byte) && !(byte == b';' && was_encoded) => text.push(char::from(byte)),
            None => write!(text, "%{byte:02X}").expect("writing to a String does not fail"),
        }
    }
    Ok(text)
}

/// Writes a path that has been decoded, in whole or in part, in the spelling of rules; where letters are `literal`, encoded
/// ones stay so, as they do for a server that decodes nothing.
pub(super) fn write_canonical(path: &[u8], literal: bool, text: &mut String) {
    let mut rest = path;
    while let [first, more @ ..] = rest {
        let code = match rest {
            [b'%', high, low, ..] => hex_value(*high).zip(hex_value(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        let (byte, is_delimiter, length) = match code {
            Some(byte) => (byte, literal || matches!(byte, b';' | b'/'), 3),
            None => (*first, false, 1),
        };
        if (is_unescaped(byte) || byte == b'/') && !is_delimiter {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("writing to a String does not fail");
        }
        rest = &more[length - 1..];
    }
}

/// Whether a byte stands unescaped in a canonical path: the characters that RFC 3986 allows in a segment.
const fn is_unescaped(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~')
        || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}

/// Canonical query: bytes that RFC 3986 forbids there are encoded, except brackets, which clients send unencoded.
pub(super) fn canonical_query(raw: &[u8]) -> Result<String, InvalidPath> {
    let mut text = String::with_capacity(raw.len());
    for byte in raw {
        match byte {
            0..=0x20 | 0x7f => return Err(InvalidPath::ForbiddenChar(AmbiguousChar::Control)),
            b'#' => return Err(InvalidPath::ForbiddenChar(AmbiguousChar::Hash)),
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x80.. => {
                write!(text, "%{byte:02X}").expect("writing to a String does not fail");
            }
            plain => text.push(char::from(*plain)),
        }
    }
    Ok(text)
}

pub(super) const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gate::CanonicalPath;

    proptest! {
        #[test]
        fn a_decoded_path_is_written_as_rules_are(target in "/([ -~]|%[0-9A-Fa-f]{2}|[/.;%]){0,20}") {
            let Ok(path) = CanonicalPath::parse(target.as_bytes()) else { return Ok(()) };
            for literal in [true, false] {
                let mut text = String::new();
                write_canonical(path.path().as_bytes(), literal, &mut text);
                prop_assert_eq!(text.as_str(), path.path());
            }
        }
    }
}
