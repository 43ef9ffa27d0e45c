//! Background tasks of the program.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{
    Components,
    reload::{CheckCertificate, ConfigReloader},
};
use crate::{
    proxy::Upstreams,
    tasks::{
        CheckStreams, CheckStreamsParts, ConfirmEnds, DrainOutbox, FlushFailureCounts, FlushHeartbeats, FreeMemory,
        RefreshUpstreams, ReleaseClaims, RevocationWatcher, RevocationWatcherParts, StoreWatcher, Sweep, Task,
        TrimAuditLog,
    },
};

/// Tasks that the start and the end of the program run themselves, too; and with them all others.
pub(super) struct TaskList<'c> {
    components: &'c Components,
    /// Cancels streams of ended sessions.
    pub(super) revocation: Arc<RevocationWatcher>,
    /// Looks up the sessions of open streams.
    stream_check: Arc<CheckStreams>,
    /// Writes heartbeats.
    pub(super) heartbeats: Arc<FlushHeartbeats>,
}

impl Components {
    /// Creates the tasks of these components.
    #[must_use]
    pub(super) fn tasks(&self) -> TaskList<'_> {
        let (revocation, stream_check) = self.revocation_tasks();
        let heartbeats = Arc::new(FlushHeartbeats {
            buffer: self.heartbeats.clone(),
            store: self.stores.sessions.clone(),
            policy: self.settings.session.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
        });
        TaskList { components: self, revocation, stream_check, heartbeats }
    }

    /// The tasks that cut streams of sessions that have ended: by the log of ends, and by looking each session up.
    #[must_use]
    pub fn revocation_tasks(&self) -> (Arc<RevocationWatcher>, Arc<CheckStreams>) {
        let check = Arc::new(CheckStreams::new(CheckStreamsParts {
            store: self.stores.sessions.clone(),
            sessions: self.sessions.clone(),
            in_flight: self.in_flight.clone(),
            policy: self.settings.session.clone(),
            clock: self.clock.clone(),
        }));
        let watcher = RevocationWatcher::new(RevocationWatcherParts {
            store: self.stores.sessions.clone(),
            in_flight: self.in_flight.clone(),
            stream_check: check.clone(),
            reapply: self.reapply_ends.clone(),
            policy: self.settings.session.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
        });
        (Arc::new(watcher), check)
    }

    /// The releaser of claims of forms that were not sent.
    #[must_use]
    pub fn release_claims(&self) -> ReleaseClaims {
        ReleaseClaims::new(self.forms.clone())
    }

    /// The sweep of expired sessions, and what else is kept for a time only.
    #[must_use]
    pub fn sweep(&self) -> Sweep {
        Sweep {
            store: self.stores.sessions.clone(),
            sessions: self.sessions.clone(),
            accounts: self.stores.accounts.clone(),
            throttle: self.stores.throttle.clone(),
            trim: self.trim_audit_log(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            interval: Sweep::INTERVAL,
        }
    }

    /// The bound of the audit log's age and size.
    #[must_use]
    pub fn trim_audit_log(&self) -> TrimAuditLog {
        let audit = self.stores.audit.clone();
        TrimAuditLog::new(audit, self.settings.audit.clone(), self.clock.clone(), self.metrics.clone())
    }

    /// The writer of ends that the store could not take when they were asked for.
    #[must_use]
    pub fn confirm_ends(&self) -> ConfirmEnds {
        ConfirmEnds::new(self.sessions.clone(), self.in_flight.clone(), self.metrics.clone())
    }
}

impl TaskList<'_> {
    /// Every task of a running program.
    pub(super) fn all(
        &self,
        store: StoreWatcher,
        upstreams: Arc<ArcSwap<Upstreams>>,
        reloader: &Arc<ConfigReloader>,
    ) -> Vec<Arc<dyn Task>> {
        let components = self.components;
        vec![
            self.revocation.clone(),
            self.stream_check.clone(),
            components.reapply_ends.clone(),
            Arc::new(components.confirm_ends()),
            self.heartbeats.clone(),
            Arc::new(components.sweep()),
            Arc::new(DrainOutbox::new(components.stores.sessions.clone(), components.clock.clone())),
            Arc::new(FlushFailureCounts::new(components.audit_log.clone())),
            Arc::new(components.release_claims()),
            Arc::new(FreeMemory::new(components.hasher.clone())),
            Arc::new(store),
            Arc::new(RefreshUpstreams::new(upstreams)),
            reloader.clone(),
            Arc::new(CheckCertificate(reloader.clone())),
        ]
    }
}
