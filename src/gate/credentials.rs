//! What a request shows to prove who sends it. "Did not try" is not "failed".

use crate::{
    clock::Timestamp,
    id::SessionId,
    secret::Digest,
    session::{Kind, Owner, Terms},
};

/// What was presented.
#[derive(Clone, Debug)]
pub enum Presented {
    /// Nothing.
    Nothing,
    /// A session that is good now.
    Good(Box<Principal>),
    /// Something that is not good.
    Bad(Because),
}

/// Somebody whose session was found good for this request.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Their session.
    pub session: SessionId,
    /// Digest of the secret that they showed.
    pub shown: Digest,
    /// Whether it is the session's secret of now, not the one before it.
    pub current: bool,
    /// What the session was promised.
    pub terms: Terms,
    /// Its last hit before this one, as far as it was written.
    pub latest: Timestamp,
    /// 1 after one factor, 2 after two.
    pub assurance: u8,
    /// Who, and what they may do now.
    pub owner: Owner,
}

/// Why what was shown is not good. For the log, and for the sentence on the sign-in page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// Two cookies of our name.
    TwoCookies,
    /// It is not the shape of a session cookie.
    Unreadable,
    /// There is no such session, or not any more.
    NoSuchSession {
        /// The one it named.
        id: SessionId,
        /// What it showed, for the note about its end.
        shown: Digest,
    },
    /// What the store holds of it cannot be read.
    Damaged(SessionId),
    /// The secret is not the session's, or not good for this any more.
    WrongSecret(SessionId),
    /// Nobody used it for too long.
    Idle(SessionId, Kind),
    /// It has reached the end of its life.
    Worn(SessionId),
    /// The account is disabled.
    Disabled(SessionId),
}

impl Presented {
    /// Whoever is signed in.
    #[must_use]
    pub fn good(&self) -> Option<&Principal> {
        match self {
            Self::Good(principal) => Some(principal),
            Self::Nothing | Self::Bad(_) => None,
        }
    }
}
