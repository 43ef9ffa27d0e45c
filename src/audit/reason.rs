//! Reasons of acts on somebody else, for the record.

use std::{fmt, str::FromStr};

use crate::invisible::is_invisible;

/// Longest reason, in characters.
const MAX_CHARACTERS: usize = 500;

/// Reason of an act on somebody else: some words on one line, never blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

/// Why a text is no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReasonError {
    /// Nothing of it shows.
    #[error("is blank; write why, for the record")]
    Blank,
    /// Text with a control character.
    #[error("has a line break or another control character; write one line")]
    ControlCharacter,
    /// Text that is too long; its characters.
    #[error("has {0} characters; write at most {MAX_CHARACTERS}")]
    TooLong(usize),
}

impl FromStr for Reason {
    type Err = ReasonError;

    fn from_str(typed: &str) -> Result<Self, ReasonError> {
        let text = typed.trim();
        if text.chars().all(|c| c.is_whitespace() || is_invisible(c)) {
            return Err(ReasonError::Blank);
        }
        if text.chars().any(char::is_control) {
            return Err(ReasonError::ControlCharacter);
        }
        let length = text.chars().count();
        if length > MAX_CHARACTERS { Err(ReasonError::TooLong(length)) } else { Ok(Self(text.to_owned())) }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_some_words() {
        let long = "x".repeat(500);
        for (typed, text) in [("lost laptop", "lost laptop"), ("  left ", "left"), (long.as_str(), long.as_str())] {
            assert_eq!(typed.parse::<Reason>().unwrap().to_string(), text);
        }
        for (typed, error) in [
            ("", ReasonError::Blank),
            (" \t\u{a0}\u{200b}", ReasonError::Blank),
            ("two\nlines", ReasonError::ControlCharacter),
            (&format!("{long}é"), ReasonError::TooLong(501)),
        ] {
            assert_eq!(typed.parse::<Reason>(), Err(error), "{typed:?}");
        }
    }
}
