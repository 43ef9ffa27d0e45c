//! Record stores: accounts and the audit log, kept apart from live state (sessions, counters).
//!
//! No transaction spans two places. So what follows from a change for live state is kept with the records, in the step
//! that makes the change, until it is done; and what live state has to say is kept there until the journal has it.

use async_trait::async_trait;

use super::{AppliedCommand, EffectsId, LiveEffects, StoreHealth};
use crate::{
    account::{AccountCommand, AccountRecords},
    audit::{AuditContext, AuditStore},
    clock::Timestamp,
    store_error::StoreError,
};

/// Keeps records, and what is still to follow from their changes.
#[async_trait]
pub trait RecordStore: AccountRecords + AuditStore + StoreHealth {
    /// Changes an account, writes that into the journal and keeps what follows, in one step. None: there is no such
    /// account, or it is not as it was supposed to be.
    async fn apply_deferred(
        &self,
        alteration: &AccountCommand,
        context: &AuditContext,
    ) -> Result<Option<AppliedCommand>, StoreError>;

    /// Consequences of changes made before `before` that nobody has done yet, oldest first; of one user in the order of
    /// the changes.
    async fn pending_effects(&self, before: Timestamp) -> Result<Vec<LiveEffects>, StoreError>;

    /// This one is done.
    async fn mark_done(&self, consequence: EffectsId) -> Result<(), StoreError>;

    /// Id of these records: the same for whoever opens them, wherever from, and for every copy of them.
    async fn records_id(&self) -> Result<String, StoreError>;
}
