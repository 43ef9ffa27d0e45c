//! Names, addresses and roles: checked once, when they come in.

use std::fmt;

use super::unicode::{case_preserved, exact_key, first_disallowed, fold, has_one_direction};
use crate::invisible::{is_invisible, is_joiner};

/// Why a name is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was written.
    #[error("it is empty")]
    Empty,
    /// It is longer than it may be.
    #[error("it is longer than {0} characters")]
    TooLong(usize),
    /// Something in it cannot be.
    #[error("it holds {0:?}, which cannot be in it")]
    InvalidChar(char),
    /// Letters of both directions stand in it.
    #[error(
        "it mixes letters written from the left and from the right, and may be read in two ways; write it in one direction"
    )]
    MixedDirections,
    /// It does not look like `someone@example.com`.
    #[error("it is not an address such as someone@example.com")]
    NotAnAddress,
}

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text as it is compared.
            #[must_use]
            pub fn folded(&self) -> String {
                fold(&self.0)
            }

            /// The text by its exact spelling: what it is kept under. Of a new one, the same as it is compared.
            #[must_use]
            pub fn key(&self) -> String {
                exact_key(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_text!(
    /// What somebody signs in with: up to 64 letters, digits and ASCII signs of any script (the identifier class of RFC 8264),
    /// with single spaces within, and without the comma and `@` that would make it ambiguous in headers and at sign-in.
    UserName
);
checked_text!(
    /// What somebody is called: up to 128 characters of any script, commas and spaces too, without control characters and
    /// what breaks or turns a line.
    DisplayName
);
checked_text!(
    /// An e-mail address, as far as one can tell by looking.
    Email
);
checked_text!(
    /// A role: letters, digits, `-`, `_`, `.`, `:`; it travels in a comma-separated header.
    Role
);

impl UserName {
    /// Checks and takes a new name, as RFC 8265's `UsernameCasePreserved` writes it.
    ///
    /// # Errors
    /// When it is empty, too long, holds what no name may hold, or mixes directions.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let name = Self::from_stored(&case_preserved(text))?;
        match first_disallowed(&name.0) {
            Some(letter) => Err(NameError::InvalidChar(letter)),
            None if !has_one_direction(&name.0) => Err(NameError::MixedDirections),
            None => Ok(name),
        }
    }

    /// Takes a name that is kept already, in its own spelling: older ones may hold what no new one may.
    ///
    /// # Errors
    /// When it is empty, too long, or holds what no name ever might.
    pub fn from_stored(text: &str) -> Result<Self, NameError> {
        let text = check_length(text, 64)?;
        match text
            .chars()
            .find(|c| c.is_control() || c.is_whitespace() && *c != ' ' || matches!(c, ',' | '@') || is_invisible(*c))
        {
            Some(letter) => Err(NameError::InvalidChar(letter)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl DisplayName {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// When it is empty, too long, or holds what no name may hold.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let text = check_length(text, 128)?;
        match text.chars().find(|c| c.is_control() || is_invisible(*c) && !is_joiner(*c)) {
            Some(letter) => Err(NameError::InvalidChar(letter)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl Email {
    /// Checks and takes a new address, as RFC 8265's `UsernameCasePreserved` writes it.
    ///
    /// # Errors
    /// When it cannot be one.
    pub fn new(text: &str) -> Result<Self, NameError> {
        Self::from_stored(&case_preserved(text))
    }

    /// Takes an address that is kept already, in its own spelling.
    ///
    /// # Errors
    /// When it cannot be one.
    pub fn from_stored(text: &str) -> Result<Self, NameError> {
        let text = check_length(text, 254)?;
        if let Some(letter) = text
            .chars()
            .find(|c| c.is_control() || c.is_whitespace() || matches!(c, ',' | '<' | '>') || is_invisible(*c))
        {
            return Err(NameError::InvalidChar(letter));
        }
        match text.rsplit_once('@') {
            Some((local, domain)) if !local.is_empty() && !domain.is_empty() && !local.contains('@') => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(NameError::NotAnAddress),
        }
    }
}

impl Role {
    /// Checks and takes a role.
    ///
    /// # Errors
    /// When it is empty, too long, or holds what no role may hold.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let text = check_length(text, 64)?;
        match text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'))) {
            Some(letter) => Err(NameError::InvalidChar(letter)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

fn check_length(text: &str, max: usize) -> Result<&str, NameError> {
    let text = text.trim();
    if text.is_empty() {
        Err(NameError::Empty)
    } else if text.chars().count() > max {
        Err(NameError::TooLong(max))
    } else {
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["alice", " Ana María ", "محمد", "a.b-c_d+e", "O'Neil", "a b"] {
            assert!(UserName::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "  ",
            "a  b",
            "a,b",
            "a@b",
            "a\nb",
            "a\tb",
            "a\u{202e}b",
            "a\u{ad}b",
            "a\u{e0041}b",
            "a\0",
            &"x".repeat(65),
        ] {
            assert!(UserName::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(UserName::new(" Alice ").map(|n| (n.to_string(), n.folded())), Ok(("Alice".into(), "alice".into())));
    }

    #[test]
    fn display_names() {
        for good in ["Liddell, Alice", "محمد علي", "A|B^C", "👩\u{200d}💻 Åsa", "山田 太郎", &"é".repeat(128)]
        {
            assert!(DisplayName::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            " ",
            "a\nb",
            "a\r\nRemote-Groups: admin",
            "a\u{2028}b",
            "a\0",
            "a\u{202e}b",
            "a\u{85}b",
            &"x".repeat(129),
        ] {
            assert!(DisplayName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn addresses_and_roles() {
        assert!(Email::new("a@example.com").is_ok());
        for bad in ["a", "@b", "a@", "a@b@c", "a b@c", "<a@b>"] {
            assert!(Email::new(bad).is_err(), "{bad}");
        }
        assert!(Role::new("team:admin-1").is_ok());
        assert!(Role::new("a,b").is_err() && Role::new("a b").is_err() && Role::new("é").is_err());
    }
}
