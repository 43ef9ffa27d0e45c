//! Refused paths, and the route settings that would allow them.

use super::AmbiguousChar;

/// Reason why a target has no path that can be forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// No leading `/`.
    #[error("the path does not begin with a slash")]
    NoLeadingSlash,
    /// A `%` without two hexadecimal digits.
    #[error("the path holds a % that is not followed by two hexadecimal digits")]
    InvalidEncoding,
    /// Character that no app receives, or none without a setting of its route.
    #[error("the path holds {0}, {key}", key = allowed_by(self.key()))]
    ForbiddenChar(AmbiguousChar),
    /// Character with another interpretation under which another route matches.
    #[error("the path holds {0}, read in another way it falls under another route, {key}", key = allowed_by(self.key()))]
    AmbiguousRoute(AmbiguousChar),
    /// Character with another interpretation under which the path becomes, or stops being, one of Portcullis' own.
    #[error("the path holds {0} and is Portcullis' own when that is read in one way, which no key allows")]
    OwnPath(AmbiguousChar),
    /// A segment that some servers read as `.` or `..`, and others do not; or any of them where a path is sent as it came.
    #[error("the path holds a segment that is read as . or .., which no key allows")]
    DotSegment,
    /// `..` above the root.
    #[error("the path leaves the root")]
    AboveRoot,
    /// More readings than are checked.
    #[error("the path could be read in too many ways")]
    TooManyReadings,
    /// Canonical path too long to forward.
    #[error("the path and its query are longer than 32 KiB")]
    TooLong,
}

fn allowed_by(key: Option<&str>) -> String {
    key.map_or_else(|| "which no key allows".to_owned(), |key| format!("which routes[].{key} allows"))
}

impl InvalidPath {
    /// Offending character.
    #[must_use]
    pub const fn character(self) -> Option<AmbiguousChar> {
        match self {
            Self::ForbiddenChar(character) | Self::AmbiguousRoute(character) | Self::OwnPath(character) => {
                Some(character)
            }
            _ => None,
        }
    }

    /// Route setting that would allow the path.
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

    /// Character and route setting, for the log.
    #[must_use]
    pub fn log_text(self) -> String {
        let what = self.character().map_or_else(|| self.label().to_owned(), AmbiguousChar::spelling);
        match self.key() {
            Some(key) => format!("path: {what}, {key}"),
            None => format!("path: {what}"),
        }
    }
}
