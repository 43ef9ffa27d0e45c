//! Store of the audit log, as a trait.

use async_trait::async_trait;

use super::AuditEntry;
use crate::{
    clock::Timestamp,
    id::{EventId, UserId},
    store_error::StoreError,
};

/// Keeps the journal. Entries are only ever added, and dropped by age or, failed sign-ins alone, for want of room. A line that
/// counts failed sign-ins grows.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Writes entries, all or none, before it answers. One that is there already, by its id, stays as it is: whoever does
    /// not know whether it was written writes it again.
    async fn record(&self, entries: &[AuditEntry]) -> Result<(), StoreError>;

    /// Writes lines that count failed sign-ins ([`Fact::SignInsFailed`](super::AuditEvent::SignInsFailed)), all or none. One that is
    /// there already, by its id, keeps its place and its time, and tells what the new one does.
    async fn upsert_counts(&self, entries: &[AuditEntry]) -> Result<(), StoreError>;

    /// A user's sign-ins and failed sign-ins, newest first.
    async fn login_history(&self, query: &LoginHistoryQuery) -> Result<AuditPage, StoreError>;

    /// Drops what happened before `before`.
    async fn delete_before(&self, before: Timestamp) -> Result<(), StoreError>;

    /// Drops failed sign-ins of names that nobody has from before `before`.
    async fn delete_unknown_before(&self, before: Timestamp) -> Result<(), StoreError>;

    /// Number of entries.
    async fn size(&self) -> Result<AuditLogSize, StoreError>;

    /// Drops so many failed sign-ins: first of names that nobody has, then others; of each the oldest. Tells how many it has
    /// dropped: fewer where there are no more.
    async fn delete_failed(&self, count: u64) -> Result<u64, StoreError>;

    /// Everything that happened, in the order in which it was written or the other way round.
    async fn trail(&self, query: &AuditTrailQuery) -> Result<AuditPage, StoreError>;
}

/// Number of entries in the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditLogSize {
    /// All of them.
    pub entries: u64,
    /// Of these, failed sign-ins.
    pub failed: u64,
}

/// Query of a login history.
#[derive(Clone, Debug)]
pub struct LoginHistoryQuery {
    /// Whose.
    pub user: UserId,
    /// Only these.
    pub outcome: Option<LoginOutcome>,
    /// Only what is older than this entry.
    pub after: Option<EventId>,
    /// At most so many.
    pub limit: usize,
}

/// Query of the audit trail.
#[derive(Clone, Debug)]
pub struct AuditTrailQuery {
    /// Only what concerns this user.
    pub user: Option<UserId>,
    /// End to begin at.
    pub order: TrailOrder,
    /// Only what comes behind this entry, seen from there.
    pub after: Option<EventId>,
    /// At most so many.
    pub limit: usize,
}

/// The two ends of the trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailOrder {
    /// From the first entry on.
    OldestFirst,
    /// From the last entry back.
    NewestFirst,
}

/// How a sign-in went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginOutcome {
    /// Somebody got in.
    Succeeded,
    /// Somebody did not.
    Failed,
}

impl LoginOutcome {
    /// Its name in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// A page of entries.
#[derive(Clone, Debug, Default)]
pub struct AuditPage {
    /// Newest first, but for a trail that begins with the oldest.
    pub entries: Vec<AuditEntry>,
    /// Last entry of this page, when there is another page.
    pub next: Option<EventId>,
}

impl AuditPage {
    /// From one entry more than a page has: that one tells that there are more.
    #[must_use]
    pub fn from_overfetched(mut entries: Vec<AuditEntry>, limit: usize) -> Self {
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(|last| last.id);
        Self { entries, next }
    }
}
