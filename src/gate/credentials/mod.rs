//! Credentials: what a request presents to prove who sends it. "Did not try" is not "failed". Each scheme stands in a file of its
//! own and answers with an [`Authentication`]; [`Authenticator`] says in which order they are tried, and what may not come together.

mod session_cookie;

use super::{GateParts, RequestHead};
use crate::{
    auth_method::Assurance,
    clock::Timestamp,
    id::SessionId,
    secret::Digest,
    session::{ClientKind, SessionTerms, UserSnapshot},
    store_error::StoreError,
};
use session_cookie::SessionCookie;

/// All schemes. The only place that knows which there are.
pub(super) struct Authenticator {
    session_cookie: SessionCookie,
}

impl Authenticator {
    pub(super) fn new(parts: &GateParts) -> Self {
        Self { session_cookie: SessionCookie::new(parts) }
    }

    /// Authenticates a request by what it presents. A scheme is tried where those before it answer
    /// [`Authentication::NotPresented`]; a request with credentials of two schemes is to be rejected here.
    ///
    /// # Errors
    /// The store is away.
    pub(super) async fn authenticate(&self, head: &RequestHead<'_>) -> Result<Authentication, StoreError> {
        self.session_cookie.authenticate(head).await
    }

    /// Takes a user for signed in just now, without a look-up: for an operator's question.
    pub(super) fn assume(&self, user: &UserSnapshot) -> Authentication {
        self.session_cookie.assume(user)
    }
}

/// Answer of a scheme.
#[derive(Clone, Debug)]
pub enum Authentication {
    /// The request has no credential of the scheme.
    NotPresented,
    /// The credential is good now.
    Authenticated(Box<Principal>),
    /// The credential is not good, or must not be presented so.
    Rejected(RejectReason),
}

/// Sender of a request, as authenticated for it.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The user, and what they may do now.
    pub subject: UserSnapshot,
    /// The credential that was presented.
    pub credential: Credential,
    /// How surely the user proved who they are.
    pub assurance: Assurance,
    /// What the credential may be used for.
    pub scopes: Scopes,
}

/// A credential that is good for a request.
#[derive(Clone, Debug)]
pub enum Credential {
    /// The session cookie.
    Session(SessionCredential),
}

/// A session, as its cookie presented it.
#[derive(Clone, Debug)]
pub struct SessionCredential {
    /// Session that the cookie names.
    pub id: SessionId,
    /// Digest of the secret that was presented.
    pub presented_digest: Digest,
    /// Whether that is the session's current secret, and not the one before it.
    pub is_current_secret: bool,
    /// When the session was opened and what it was promised.
    pub terms: SessionTerms,
    /// Last hit of the session before this one, as far as it was written.
    pub last_seen: Timestamp,
}

/// What a credential may be used for, within what its user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scopes {
    /// Everything: a session.
    All,
}

impl Principal {
    /// The session that authenticated this request.
    #[must_use]
    pub const fn session(&self) -> &SessionCredential {
        let Credential::Session(session) = &self.credential;
        session
    }
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
