//! Capabilities of a store as a whole, beside those that the domain names: health, leases, outboxes.

use std::time::Duration;

use async_trait::async_trait;

use crate::{
    clock::Timestamp,
    session::{EndLog, SessionStore, SessionUpkeep},
    store_error::StoreError,
};

/// Health of a store, or of a part of it.
#[async_trait]
pub trait StoreHealth: Send + Sync {
    /// Whether it can be read and written.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Limitation of a store that answers, in a sentence: what it cannot do at the moment, as the last [`StoreHealth::ping`] found it.
    fn limitation(&self) -> Option<String> {
        None
    }
}

/// Leases: which of the processes that share a store does what one of them must do.
#[async_trait]
pub trait Lease: Send + Sync {
    /// Whether it is for this process to do what must be done every `period`.
    async fn try_acquire_lease(&self, _period: Duration) -> Result<bool, StoreError> {
        Ok(true)
    }
}

/// Outboxes of acts that do not fit into one step.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Does what acts that were broken off some time before `now` have left undone, and returns how much that was. Where an
    /// act is one step from its beginning to its end, nothing ever is.
    async fn drain_outbox(&self, _now: Timestamp) -> Result<usize, StoreError> {
        Ok(0)
    }
}

/// Live state behind one handle.
pub trait LiveStore: SessionStore + EndLog + SessionUpkeep + StoreHealth + Lease + Outbox {}

impl<S: SessionStore + EndLog + SessionUpkeep + StoreHealth + Lease + Outbox> LiveStore for S {}
