//! What a request shows to prove who sends it. "Did not try" is not "failed".

use crate::{
    clock::Timestamp,
    id::SessionId,
    secret::Digest,
    session::{ClientKind, SessionTerms, UserSnapshot},
};

/// What was presented.
#[derive(Clone, Debug)]
pub enum Authentication {
    /// Nothing.
    NotPresented,
    /// A session that is good now.
    Authenticated(Box<Principal>),
    /// Something that is not good.
    Rejected(RejectReason),
}

/// Somebody whose session was found good for this request.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Their session.
    pub session: SessionId,
    /// Digest of the secret that they showed.
    pub presented_digest: Digest,
    /// Whether it is the session's secret of now, not the one before it.
    pub is_current_secret: bool,
    /// What the session was promised.
    pub terms: SessionTerms,
    /// Its last hit before this one, as far as it was written.
    pub last_seen: Timestamp,
    /// 1 after one factor, 2 after two.
    pub assurance: u8,
    /// Who, and what they may do now.
    pub user: UserSnapshot,
}

/// Why what was shown is not good. For the log, and for the sentence on the sign-in page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectReason {
    /// Two cookies of our name.
    DuplicateCookie,
    /// It is not the shape of a session cookie.
    Malformed,
    /// There is no such session, or not any more.
    NoSuchSession {
        /// The one it named.
        id: SessionId,
        /// What it showed, for the note about its end.
        presented_digest: Digest,
    },
    /// What the store holds of it cannot be read.
    Unreadable(SessionId),
    /// The secret is not the session's, or not good for this any more.
    WrongSecret(SessionId),
    /// Nobody used it for too long.
    IdleExpired(SessionId, ClientKind),
    /// It has reached the end of its life.
    Expired(SessionId),
    /// The account is disabled.
    AccountDisabled(SessionId),
}

impl Authentication {
    /// Whoever is signed in.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Authenticated(principal) => Some(principal),
            Self::NotPresented | Self::Rejected(_) => None,
        }
    }
}
