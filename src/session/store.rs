//! Stores of sessions, as traits by capability. Every store passes the same contract suite
//! (`tests/scenarios/store_contract`), races included.

use std::net::IpAddr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{AuthMethod, EndNote, EndReason, EndRecord, Session, SessionTerms, clock_skew};
use crate::{
    audit::{AuditContext, AuditEvent, Recorded},
    auth_method::Assurance,
    clock::Timestamp,
    id::{SessionId, UserId},
    list_slice::ListSlice,
    secret::Digest,
    store_error::StoreError,
};

/// Sessions, one by one and by user. `Ok(None)` means there is none, and only that; an outage is an error.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// The session and what its user may do now, in one look: asked by the gate on each request.
    /// A session of an older generation than its owner's is none.
    async fn find(&self, id: SessionId) -> Result<Option<SessionAuth>, StoreError>;

    /// A session with all that its owner may see.
    async fn get(&self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// Sessions of a user, longest unused last. Those past their time are among them until they are swept.
    async fn list_slice(&self, query: &SessionQuery) -> Result<SessionSlice, StoreError>;

    /// All sessions of a user, as [`SessionStore::list_slice`] has them.
    async fn list(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        Ok(self.list_slice(&SessionQuery { user, after: None, limit: usize::MAX }).await?.items)
    }

    /// Writes what `owner` may do now, unless this version or a newer one is there already, and tells the user's generation.
    async fn put_user_snapshot(&self, owner: &UserSnapshot) -> Result<u64, StoreError>;

    /// Opens a session, unless its owner was ended, disabled or removed since `generation` was read. In the same step
    /// the session it replaces ends, so do the longest unused ones above `max_per_user` (but never the new one), and all
    /// of it is in the journal.
    ///
    /// Invariant: an open that races an end of all loses. Held by `store_contract::an_open_that_races_an_end_of_all_loses`.
    async fn open(&self, new: NewSession) -> Result<Recorded<Opened>, StoreError>;

    /// Moves `latest` forward and adds up actions, for each session that is still there: each of them in one step. After an
    /// error some may be written, and actions that are sent again are counted again.
    ///
    /// Invariant: it never creates and never goes back. A request that started before a sign-out may end after it.
    /// Held by `store_contract::touch_after_end_changes_nothing`.
    async fn touch(&self, heartbeats: &[Heartbeat]) -> Result<(), StoreError>;

    /// Moves what a session has of the future back to `now`: its beginning, the time of its former secret, and its last hit
    /// where that still is `latest`. So expiry runs from the first time that somebody has read it.
    ///
    /// Invariant: what is not of the future stays, and so does what was written since. Held by
    /// `store_contract::what_lies_in_the_future_is_moved_back_once`.
    async fn clamp(&self, id: SessionId, latest: Timestamp, now: Timestamp) -> Result<(), StoreError>;

    /// Ends sessions, leaves a note of each, writes each into the journal, and tells which they were: one step. All but
    /// `Which::One` raise the generation, so that a sign-in under way loses too; a kept session stays. Once this
    /// answers, no [`SessionStore::find`] finds them. One that cannot be read is ended and written down, too; only it is
    /// not among those that are told.
    ///
    /// Invariant: what ended is in the journal. Held by `store_contract::what_ends_is_in_the_journal`.
    async fn end(&self, target: EndTarget, end_record: &EndRecord) -> Result<Recorded<Vec<Session>>, StoreError>;

    /// Ends a session that has run out, unless it was used since `latest` was read; that is in the journal, too.
    async fn expire(
        &self,
        id: SessionId,
        latest: Timestamp,
        end_record: &EndRecord,
    ) -> Result<Recorded<Option<Session>>, StoreError>;

    /// The note about a session that is gone, for whoever shows its secret or the one before it.
    async fn end_note(&self, id: SessionId, secret: Digest) -> Result<Option<EndNote>, StoreError>;
}

/// The log of ended sessions, which every process on the store can follow.
#[async_trait]
pub trait EndLog: Send + Sync {
    /// Sessions that have ended since `since`, whoever ended them, oldest first; without it, only where the log of ends is
    /// now. What was acknowledged before this was called is in it.
    async fn end_log(&self, since: Option<&EndLogPosition>) -> Result<EndLogPage, StoreError>;

    /// Waits until there may be something in [`EndLog::end_log`] that was not there before. A hint: some are missed, so
    /// look every now and then all the same.
    async fn wait_for_end(&self);
}

/// Upkeep of all sessions together: for the sweep.
#[async_trait]
pub trait SessionUpkeep: Send + Sync {
    /// Sessions in the order of their ids, from behind `after`, a page at a time.
    async fn scan(&self, after: Option<SessionId>, limit: usize) -> Result<Vec<Session>, StoreError>;

    /// Number of sessions.
    async fn count(&self) -> Result<u64, StoreError>;

    /// Drops notes about sessions that ended before `before`.
    async fn delete_end_notes(&self, before: Timestamp) -> Result<(), StoreError>;
}

/// Sessions to be listed.
#[derive(Clone, Copy, Debug)]
pub struct SessionQuery {
    /// Only this user's.
    pub user: UserId,
    /// Only what comes behind this position.
    pub after: Option<SessionPosition>,
    /// At most so many.
    pub limit: usize,
}

/// Position of a session in the list of its user. A session that is used moves to the front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPosition {
    /// Its last hit.
    pub last_seen: Timestamp,
    /// Its id: of one moment, the lower comes first.
    pub id: SessionId,
}

impl SessionPosition {
    /// The position of this session.
    #[must_use]
    pub const fn of(session: &Session) -> Self {
        Self { last_seen: session.activity.last_seen, id: session.id }
    }
}

/// Some of a user's sessions.
pub type SessionSlice = ListSlice<Session, SessionPosition>;

/// A new secret for a session (same id), where its secret still is what it was.
#[derive(Clone, Debug)]
pub struct SecretRenewal {
    /// The session.
    pub id: SessionId,
    /// Its secret, as it must be.
    pub current: Digest,
    /// Its secret from now on.
    pub new: Digest,
    /// Until when the old one is good for requests that are under way.
    pub grace_until: Timestamp,
}

/// A session as the gate checks it, and no more.
#[derive(Clone, Debug)]
pub struct SessionAuth {
    /// Digests to compare with the cookie's secret.
    pub secrets: SessionSecrets,
    /// When it was opened and what it was promised.
    pub terms: SessionTerms,
    /// Its last hit, as far as it was written.
    pub last_seen: Timestamp,
    /// How surely its user proved who they are.
    pub assurance: Assurance,
    /// Its user, as of now.
    pub user: UserSnapshot,
}

impl SessionAuth {
    /// Whether a clock that was ahead wrote it, by more than clocks differ.
    #[must_use]
    pub fn is_from_future(&self, now: Timestamp) -> bool {
        let latest = self
            .secrets
            .previous
            .map_or(self.last_seen, |(_, until)| self.last_seen.max(until.minus(clock_skew::MAX_SECRET_GRACE)));
        clock_skew::is_ahead(latest.max(self.terms.opened), now)
    }

    /// The same, with now in place of what lies in the future.
    #[must_use]
    pub fn clamped(mut self, now: Timestamp) -> Self {
        self.last_seen = self.last_seen.min(now);
        self.terms.opened = self.terms.opened.min(now);
        self.secrets.previous = self.secrets.previous.map(|(former, until)| (former, until.min(now)));
        self
    }
}

/// The digests that open a session.
#[derive(Clone, Debug)]
pub struct SessionSecrets {
    /// The one the cookie carries.
    pub current: Digest,
    /// The one before it, for parallel requests, until then.
    pub previous: Option<(Digest, Timestamp)>,
}

impl SessionSecrets {
    /// Whether `shown` opens the session now.
    #[must_use]
    pub fn accepts(&self, shown: Digest, now: Timestamp) -> bool {
        self.current == shown || self.previous.is_some_and(|(former, until)| former == shown && now < until)
    }
}

/// A user and what they may do now: a projection of the account, kept beside the sessions so that one look tells both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSnapshot {
    /// The user.
    pub id: UserId,
    /// The name they sign in with.
    pub name: String,
    /// How they are shown.
    pub display_name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Roles; sorted, each once.
    pub roles: Vec<String>,
    /// They may do nothing.
    pub disabled: bool,
    /// Rises with each change of the account: an older projection never replaces a newer one.
    pub version: u64,
}

/// A place in the log of ends. Only the store that gave it can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndLogPosition(pub String);

/// Sessions that have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndLogPage {
    /// The sessions, with when and how each ended.
    pub ended: Vec<(SessionId, EndNote)>,
    /// Position at which the next look begins.
    pub next: EndLogPosition,
    /// The log did not reach back to where this look began, or has gone back since: others may have ended, too.
    pub has_gap: bool,
}

/// A session to be opened.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// As it shall be.
    pub session: Session,
    /// Digest of its secret.
    pub secret: Digest,
    /// The owner's generation, read before the proof was checked.
    pub generation: u64,
    /// Above it the longest unused session ends.
    pub max_per_user: usize,
    /// The session that this browser held before: it ends, whosever it is, so that none is left behind.
    pub replaces: Option<SessionId>,
    /// Actor, time and client of the sign-in.
    pub context: AuditContext,
}

impl NewSession {
    /// The event of its opening.
    #[must_use]
    pub fn sign_in_event(&self) -> AuditEvent {
        let proof = &self.session.proof;
        AuditEvent::SignedIn {
            session: self.session.id,
            method: proof.methods.last().copied().unwrap_or(AuthMethod::Password),
        }
    }

    /// How the session that the browser held before goes.
    #[must_use]
    pub fn replace_record(&self) -> EndRecord {
        EndRecord::new(EndReason::SignedOut, self.context.clone())
    }

    /// How those above the maximum go.
    #[must_use]
    pub const fn evict_record(&self) -> EndRecord {
        EndRecord::new(EndReason::TooMany, AuditContext::system(self.context.at))
    }
}

/// Outcome of an open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Opened; these sessions ended with it.
    Yes {
        /// The one that the browser held before ([`EndReason::SignedOut`]).
        replaced: Option<Box<Session>>,
        /// Those above the owner's maximum ([`EndReason::TooMany`]).
        evicted: Vec<Session>,
    },
    /// All of its owner's sessions were ended meanwhile, or the owner may not sign in any more.
    GenerationChanged,
}

/// A hit, to be written: never a whole session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Whose.
    pub id: SessionId,
    /// When.
    pub at: Timestamp,
    /// From where.
    pub ip: IpAddr,
    /// Actions since the last beat.
    pub actions: u32,
    /// The last page navigation, if there was one.
    pub path: Option<String>,
}

/// Sessions to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndTarget {
    /// This one, if it is its owner's.
    One {
        /// Its user; of another's session nothing ends.
        owner: UserId,
        /// Which.
        id: SessionId,
    },
    /// All but one.
    AllBut {
        /// The user.
        owner: UserId,
        /// The one that stays.
        keep: SessionId,
    },
    /// All of a user.
    AllOf(UserId),
    /// Everybody's, but for one.
    Everyone {
        /// The one that stays.
        keep: Option<SessionId>,
    },
}

impl EndTarget {
    /// Whether this one stays.
    #[must_use]
    pub fn keeps(&self, id: SessionId) -> bool {
        match self {
            Self::AllBut { keep, .. } => *keep == id,
            Self::Everyone { keep } => *keep == Some(id),
            Self::One { .. } | Self::AllOf(_) => false,
        }
    }

    /// The user whose sessions are meant, whichever there are.
    #[must_use]
    pub const fn all_of_user(&self) -> Option<UserId> {
        match self {
            Self::AllBut { owner, .. } | Self::AllOf(owner) => Some(*owner),
            Self::One { .. } | Self::Everyone { .. } => None,
        }
    }
}
