//! Characters of a path that servers interpret differently.

use std::fmt;

/// Character of a path with more than one interpretation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmbiguousChar {
    /// `%2f`: a letter, or a slash.
    EncodedSlash,
    /// `//`: two slashes, or one; at the beginning of a path, what stands before a host.
    DoubleSlash,
    /// `;`: a letter, or the beginning of parameters.
    Semicolon,
    /// `%3b`: a letter, or a semicolon, before or after parameters are cut.
    EncodedSemicolon,
    /// `\`: browsers send a slash for it.
    Backslash,
    /// `%5c`: a letter, or, as IIS reads it, a slash.
    EncodedBackslash,
    /// `%01` to `%1f` or `%7f`: a letter, left out (WHATWG URL, 4.4), or the end of the path.
    EncodedControl(u8),
    /// Control character sent unencoded.
    Control,
    /// `%00`: the end of a text.
    Null,
    /// `%3f`: a letter, or what a query begins with.
    EncodedQuestionMark,
    /// `%23`: a letter, or what a fragment begins with.
    EncodedHash,
    /// `#`: a fragment, which is never sent.
    Hash,
    /// `%25` before two hexadecimal digits: a percent sign, or what is decoded a second time.
    EncodedPercent,
    /// `.` or `%20` at the end of a name: a letter, or, as Windows reads it, left out.
    TrailingDot,
    /// `%61` and its kin: a letter, but for a server that decodes nothing.
    EncodedLetter,
    /// `%c0%af` and its kin: no UTF-8, or a letter of ASCII.
    Overlong,
}

impl AmbiguousChar {
    /// All variants, with one representative for all encoded control characters.
    pub const ALL: [Self; 16] = [
        Self::EncodedSlash,
        Self::DoubleSlash,
        Self::Semicolon,
        Self::EncodedSemicolon,
        Self::Backslash,
        Self::EncodedBackslash,
        Self::EncodedControl(b'\t'),
        Self::Control,
        Self::Null,
        Self::EncodedQuestionMark,
        Self::EncodedHash,
        Self::Hash,
        Self::EncodedPercent,
        Self::TrailingDot,
        Self::EncodedLetter,
        Self::Overlong,
    ];

    /// Label for metrics and key for texts; all control characters share one.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::EncodedSlash => "encoded-slash",
            Self::DoubleSlash => "double-slash",
            Self::Semicolon => "semicolon",
            Self::EncodedSemicolon => "encoded-semicolon",
            Self::Backslash => "backslash",
            Self::EncodedBackslash => "encoded-backslash",
            Self::EncodedControl(_) => "encoded-control",
            Self::Control => "control",
            Self::Null => "null",
            Self::EncodedQuestionMark => "encoded-question-mark",
            Self::EncodedHash => "encoded-hash",
            Self::Hash => "hash",
            Self::EncodedPercent => "encoded-percent",
            Self::TrailingDot => "trailing-dot",
            Self::EncodedLetter => "encoded-letter",
            Self::Overlong => "overlong",
        }
    }

    /// English name of the character.
    const fn name(self) -> &'static str {
        match self {
            Self::EncodedSlash => "an encoded slash",
            Self::DoubleSlash => "a double slash",
            Self::Semicolon => "a semicolon",
            Self::EncodedSemicolon => "an encoded semicolon",
            Self::Backslash => "a backslash",
            Self::EncodedBackslash => "an encoded backslash",
            Self::EncodedControl(_) => "an encoded control character",
            Self::Control => "a control character",
            Self::Null => "a null byte",
            Self::EncodedQuestionMark => "an encoded question mark",
            Self::EncodedHash => "an encoded number sign",
            Self::Hash => "a number sign",
            Self::EncodedPercent => "a percent sign that is encoded twice",
            Self::TrailingDot => "a dot or blank at the end of a name",
            Self::EncodedLetter => "an encoded letter",
            Self::Overlong => "an overlong encoding",
        }
    }

    /// Key of a route that makes the character a literal for the app; none where no key does.
    pub(super) const fn key(self) -> Option<&'static str> {
        match self {
            Self::Semicolon | Self::EncodedSemicolon => Some("allow_semicolon"),
            Self::EncodedBackslash => Some("allow_encoded_backslash"),
            Self::EncodedControl(_) => Some("allow_encoded_control"),
            _ => None,
        }
    }

    /// Spelling of the character in a path.
    #[must_use]
    pub fn spelling(self) -> String {
        match self {
            Self::EncodedSlash => "%2f".to_owned(),
            Self::DoubleSlash => "//".to_owned(),
            Self::Semicolon => ";".to_owned(),
            Self::EncodedSemicolon => "%3b".to_owned(),
            Self::Backslash => "\\".to_owned(),
            Self::EncodedBackslash => "%5c".to_owned(),
            Self::EncodedControl(byte) => format!("%{byte:02x}"),
            Self::Control => "%01-%1f".to_owned(),
            Self::Null => "%00".to_owned(),
            Self::EncodedQuestionMark => "%3f".to_owned(),
            Self::EncodedHash => "%23".to_owned(),
            Self::Hash => "#".to_owned(),
            Self::EncodedPercent => "%25".to_owned(),
            Self::TrailingDot => ". %20".to_owned(),
            Self::EncodedLetter => "%41-%7a".to_owned(),
            Self::Overlong => "%c0".to_owned(),
        }
    }
}

impl fmt::Display for AmbiguousChar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.spelling())
    }
}
