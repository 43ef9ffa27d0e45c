//! Refused paths, and which key of a route would let them through.

use super::AmbiguousChar;

/// Why a target has no path that can be forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// It does not begin with `/`.
    #[error("the path does not begin with a slash")]
    NoLeadingSlash,
    /// A `%` without two hexadecimal digits.
    #[error("the path holds a % that is not followed by two hexadecimal digits")]
    InvalidEncoding,
    /// A character that no app is sent, or none without a key of its route.
    #[error("the path holds {0}, {key}", key = allowed_by(self.key()))]
    ForbiddenChar(AmbiguousChar),
    /// It falls under another rule when this character is read in another way.
    #[error("the path holds {0}, read in another way it falls under another route, {key}", key = allowed_by(self.key()))]
    AmbiguousRoute(AmbiguousChar),
    /// It is Portcullis' own, or is not, when this character is read in another way.
    #[error("the path holds {0} and is Portcullis' own when that is read in one way, which no key allows")]
    OwnPath(AmbiguousChar),
    /// A segment that some servers read as `.` or `..`, and others do not; or any of them where a path is sent as it came.
    #[error("the path holds a segment that is read as . or .., which no key allows")]
    DotSegment,
    /// It climbs above the root.
    #[error("the path leaves the root")]
    AboveRoot,
    /// It could be read in more ways than are looked at.
    #[error("the path could be read in too many ways")]
    TooManyReadings,
    /// In its one spelling it is longer than any app takes.
    #[error("the path and its query are longer than 32 KiB")]
    TooLong,
}

fn allowed_by(key: Option<&str>) -> String {
    key.map_or_else(|| "which no key allows".to_owned(), |key| format!("which routes[].{key} allows"))
}

impl InvalidPath {
    /// The character that is at fault.
    #[must_use]
    pub const fn character(self) -> Option<AmbiguousChar> {
        match self {
            Self::ForbiddenChar(character) | Self::AmbiguousRoute(character) | Self::OwnPath(character) => {
                Some(character)
            }
            _ => None,
        }
    }

    /// The key of a route with which it would be let through.
    #[must_use]
    pub const fn key(self) -> Option<&'static str> {
        match self {
            Self::ForbiddenChar(AmbiguousChar::EncodedSlash) => Some("allow_encoded_slash"),
            Self::AmbiguousRoute(character) => character.key(),
            _ => None,
        }
    }

    /// One word for each kind, for metrics: the character, else what is wrong.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::ForbiddenChar(character) | Self::AmbiguousRoute(character) | Self::OwnPath(character) => {
                character.label()
            }
            Self::DotSegment | Self::AboveRoot => "dot-segment",
            Self::NoLeadingSlash => "no-slash",
            Self::InvalidEncoding => "broken-encoding",
            Self::TooManyReadings | Self::TooLong => "too-long",
        }
    }

    /// Labels of every kind, each with the key that it has, so that each series exists from the start.
    pub(super) fn labels() -> Vec<(&'static str, &'static str)> {
        let kinds = AmbiguousChar::ALL.into_iter().flat_map(|character| {
            [Self::ForbiddenChar(character), Self::AmbiguousRoute(character), Self::OwnPath(character)]
        });
        let others = [Self::DotSegment, Self::NoLeadingSlash, Self::InvalidEncoding, Self::TooLong];
        let mut labels: Vec<_> = kinds.chain(others).map(|why| (why.label(), why.key().unwrap_or("none"))).collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    /// Character and key, for the log.
    #[must_use]
    pub fn log_text(self) -> String {
        let what = self.character().map_or_else(|| self.label().to_owned(), AmbiguousChar::spelling);
        match self.key() {
            Some(key) => format!("path: {what}, {key}"),
            None => format!("path: {what}"),
        }
    }
}
