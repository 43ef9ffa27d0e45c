//! Drops what the journal does not keep: entries that are too old, and failed sign-ins that are too many.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tracing::{info, warn};

use crate::{
    audit::{AuditLogFullness, AuditLogSize, AuditPolicy, AuditStore},
    clock::Clock,
    metrics::Metrics,
    store_error::StoreError,
};

/// Trims the journal.
#[derive(Clone)]
pub struct TrimAuditLog {
    store: Arc<dyn AuditStore>,
    policy: Arc<ArcSwap<AuditPolicy>>,
    clock: Clock,
    metrics: Arc<Metrics>,
    last_fullness: Arc<Mutex<Option<AuditLogFullness>>>,
}

impl TrimAuditLog {
    /// Over this store, by this policy.
    #[must_use]
    pub fn new(
        store: Arc<dyn AuditStore>,
        policy: Arc<ArcSwap<AuditPolicy>>,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { store, policy, clock, metrics, last_fullness: Arc::default() }
    }

    /// Drops once. Tells how many failed sign-ins went because they were too many.
    ///
    /// # Errors
    /// When the store is away, after all has been tried; the next run does the rest.
    pub async fn run_once(&self) -> Result<u64, StoreError> {
        let (policy, now) = (self.policy.load_full(), self.clock.now());
        let forgotten = self.store.delete_before(now.minus(policy.retention)).await;
        let unknown = self.store.delete_unknown_before(now.minus(policy.unknown_names_retention)).await;
        let dropped = self.drop_excess(&policy).await;
        forgotten.and(unknown).and(dropped)
    }

    async fn drop_excess(&self, policy: &AuditPolicy) -> Result<u64, StoreError> {
        // Before anything is dropped, so that a warning always comes first.
        let size = self.measure().await?;
        let excess = policy.excess_failures(size);
        if excess == 0 {
            return Ok(0);
        }
        let dropped = self.store.delete_failed(excess).await?;
        info!(entries = dropped, "Failed sign-ins dropped, the oldest: they have no more room in the journal");
        self.report_size(AuditLogSize {
            entries: size.entries.saturating_sub(dropped),
            failed: size.failed.saturating_sub(dropped),
        });
        Ok(dropped)
    }

    /// Measures the journal, and warns where it fills up.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn measure(&self) -> Result<AuditLogSize, StoreError> {
        let size = self.store.size().await?;
        self.report_size(size);
        Ok(size)
    }

    fn report_size(&self, size: AuditLogSize) {
        let policy = self.policy.load_full();
        self.metrics.set_audit_size(size.entries, policy.max_entries);
        let fullness = policy.fullness(size);
        let before = self.last_fullness.lock().unwrap_or_else(PoisonError::into_inner).replace(fullness);
        if before.is_none_or(|before| before < fullness) {
            let (entries, failed, most) = (size.entries, size.failed, policy.max_entries);
            match fullness {
                AuditLogFullness::HasRoom => {}
                AuditLogFullness::NearlyFull => warn!(
                    entries,
                    failed,
                    most,
                    "Journal is nearly full: when it is, or three quarters of it are failed sign-ins, the oldest of those are \
                     dropped; raise audit.max_entries, or export it and shorten audit.retention"
                ),
                AuditLogFullness::FullOfActions => warn!(
                    entries,
                    most,
                    "Journal is full of acts, which are kept for audit.retention: it grows beyond audit.max_entries, and keeps \
                     few failed sign-ins; raise the one, or shorten the other"
                ),
            }
        }
    }
}
