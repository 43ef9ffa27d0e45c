//! Typed ids. An id is not a key: it is safe to show, link and log, and opens nothing.
//!
//! A user id is 64 random bits; a session id is its owner's 64 bits followed by 64 of its own. So a session id alone says
//! whose it is, and everything of one user can be kept in one place.

use std::{fmt, str::FromStr};

use crate::secret::random_bytes;

/// Crockford's alphabet in lower case: no `i`, `l`, `o`, `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters for 64 bits, five bits each.
pub(crate) const WORD_CHARS: usize = 13;

/// User id: `usr_` and thirteen characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(u64);

impl UserId {
    /// Generates a random id.
    #[must_use]
    pub fn mint() -> Self {
        Self(u64::from_ne_bytes(random_bytes()))
    }

    /// Id without its prefix.
    #[must_use]
    pub fn bare(self) -> String {
        text_of(&word(self.0)).to_owned()
    }

    /// Appends [`UserId::bare`] to a text.
    pub fn push_bare(self, to: &mut String) {
        to.push_str(text_of(&word(self.0)));
    }

    /// Parses the form of [`UserId::bare`].
    #[must_use]
    pub fn from_bare(text: &[u8]) -> Option<Self> {
        read_word(text).map(Self)
    }
}

/// Session id: `sess_` and twenty-six characters, the first half of its owner's id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    owner: UserId,
    serial: u64,
}

impl SessionId {
    /// Generates a random id for a session of this owner.
    #[must_use]
    pub fn mint(owner: UserId) -> Self {
        Self { owner, serial: u64::from_ne_bytes(random_bytes()) }
    }

    /// Owner of the session.
    #[must_use]
    pub const fn owner(self) -> UserId {
        self.owner
    }

    /// Id from its owner and its second half.
    #[must_use]
    pub const fn with_serial(owner: UserId, serial: u64) -> Self {
        Self { owner, serial }
    }

    /// Parses the id without its prefix, as in the cookie.
    #[must_use]
    pub fn from_bare(text: &[u8]) -> Option<Self> {
        let (owner, serial) = text.split_at_checked(WORD_CHARS)?;
        Some(Self { owner: UserId(read_word(owner)?), serial: read_word(serial)? })
    }

    /// The second half of the id, which tells a session from its owner's others.
    #[must_use]
    pub fn serial(self) -> String {
        text_of(&word(self.serial)).to_owned()
    }

    /// Appends [`SessionId::serial`] to a text.
    pub fn push_serial(self, to: &mut String) {
        to.push_str(text_of(&word(self.serial)));
    }

    /// Parses the form of [`SessionId::serial`], for this owner.
    #[must_use]
    pub fn from_serial(owner: UserId, serial: &[u8]) -> Option<Self> {
        Some(Self { owner, serial: read_word(serial)? })
    }

    /// The id without its prefix.
    #[must_use]
    pub fn bare(self) -> String {
        [text_of(&word(self.owner.0)), text_of(&word(self.serial))].concat()
    }

    /// Both halves of the id, for storage in atomics.
    #[must_use]
    pub const fn words(self) -> [u64; 2] {
        [self.owner.0, self.serial]
    }

    /// Id from its two halves.
    #[must_use]
    pub const fn from_words([owner, serial]: [u64; 2]) -> Self {
        Self { owner: UserId(owner), serial }
    }
}

/// Id of an audit entry: `evt_` and thirteen characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(u64);

impl EventId {
    /// Generates a random id.
    #[must_use]
    pub fn mint() -> Self {
        Self(u64::from_ne_bytes(random_bytes()))
    }
}

/// Id of a user's known device, from its cookie: `dev_` and thirteen characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(u64);

impl DeviceId {
    /// Generates a random id.
    #[must_use]
    pub fn mint() -> Self {
        Self(u64::from_ne_bytes(random_bytes()))
    }
}

/// Error of parsing an id of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct InvalidId;

/// Makes an id of a tuple of one `u64`: its text is the prefix and thirteen characters.
macro_rules! word_id {
    ($id:ident, $prefix:literal) => {
        impl std::fmt::Display for $id {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($prefix)?;
                f.write_str($crate::id::text_of(&$crate::id::word(self.0)))
            }
        }

        impl std::str::FromStr for $id {
            type Err = $crate::id::InvalidId;

            fn from_str(text: &str) -> Result<Self, $crate::id::InvalidId> {
                let word = text.strip_prefix($prefix).ok_or($crate::id::InvalidId)?;
                $crate::id::read_word(word.as_bytes()).map(Self).ok_or($crate::id::InvalidId)
            }
        }

        $crate::id::text_serde!($id);
    };
}

/// Makes an id debug and (de)serialize as its text.
macro_rules! text_serde {
    ($id:ident) => {
        impl std::fmt::Debug for $id {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl serde::Serialize for $id {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $id {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use {text_serde, word_id};

word_id!(UserId, "usr_");
word_id!(EventId, "evt_");
word_id!(DeviceId, "dev_");
text_serde!(SessionId);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sess_")?;
        f.write_str(text_of(&word(self.owner.0)))?;
        f.write_str(text_of(&word(self.serial)))
    }
}

impl FromStr for SessionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.strip_prefix("sess_").and_then(|bare| Self::from_bare(bare.as_bytes())).ok_or(InvalidId)
    }
}

/// Digits of a half. Each request writes a few ids: without a `String`, and not digit by digit.
pub(crate) fn word(number: u64) -> [u8; WORD_CHARS] {
    let mut left = number;
    let mut digits = [0; WORD_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(left & 31) as usize];
        left >>= 5;
    }
    digits
}

pub(crate) fn text_of(word: &[u8; WORD_CHARS]) -> &str {
    std::str::from_utf8(word).expect("the alphabet is ASCII")
}

/// Parses exactly what [`word`] writes: one spelling for one id, so that ids can be compared as text.
pub(crate) fn read_word(text: &[u8]) -> Option<u64> {
    if text.len() != WORD_CHARS {
        return None;
    }
    text.iter().try_fold(0_u64, |word, byte| {
        let digit = ALPHABET.iter().position(|letter| letter == byte)?;
        (word < 1 << 59).then_some(())?;
        Some((word << 5) | u64::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        for _ in 0..200 {
            let user = UserId::mint();
            let session = SessionId::mint(user);
            assert_eq!(user.to_string().parse(), Ok(user));
            assert_eq!(session.to_string().parse(), Ok(session));
            assert_eq!(session.owner(), user);
            assert_eq!(session.to_string().len(), 31);
        }
        assert_eq!(UserId(u64::MAX).to_string().parse(), Ok(UserId(u64::MAX)));
    }

    #[test]
    fn only_the_one_spelling_is_an_id() {
        let good = UserId(7).to_string();
        assert_eq!(good, "usr_0000000000007");
        for bad in [
            "",
            "usr_",
            "usr_000000000000",
            "usr_00000000000007",
            "usr_000000000000L",
            "evt_0000000000007",
            "usr_zzzzzzzzzzzzz",
        ] {
            assert!(bad.parse::<UserId>().is_err(), "{bad}");
        }
    }
}
