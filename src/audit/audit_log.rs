//! Writes what happened, and tells the log.

use std::sync::Arc;

use tracing::info;

use super::{
    Actor, AuditContext, AuditEntry, AuditEvent, AuditPage, AuditStore, FailedSignIn, LoginHistoryQuery, Recorded,
    SignInFailure, failed_sign_ins::FailedSignIns,
};
use crate::{clock::Clock, id::UserId, metrics::Metrics, store_error::StoreError, visitor::Visitor};

/// Audit log (promise P6). Events of an act are written by the store in the step that does the act, and are then
/// [published](AuditLog::publish) here. An event that no store act brings is [recorded](AuditLog::record) here.
#[derive(Clone)]
pub struct AuditLog {
    store: Arc<dyn AuditStore>,
    clock: Clock,
    metrics: Arc<Metrics>,
    failed_sign_ins: Arc<FailedSignIns>,
}

/// Counting lines that are written at once.
const WRITE_CHUNK: usize = 200;

impl AuditLog {
    /// A journal kept in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn AuditStore>, clock: Clock, metrics: Arc<Metrics>) -> Self {
        Self { store, clock, metrics, failed_sign_ins: Arc::default() }
    }

    /// The story of what somebody does now.
    #[must_use]
    pub fn context(&self, actor: Actor, from: Option<&Visitor>) -> AuditContext {
        AuditContext::new(actor, from, self.clock.now())
    }

    /// Writes a fact that concerns one account, or nobody's.
    ///
    /// # Errors
    /// When the store is away; it is not written then, as far as it is known.
    pub async fn record(
        &self,
        user: Option<UserId>,
        actor: Actor,
        from: Option<&Visitor>,
        event: AuditEvent,
    ) -> Result<(), StoreError> {
        self.write(&[self.context(actor, from).entry(user, event)]).await
    }

    /// Writes a failed sign-in, or counts it where the budget of lines is spent: then [`AuditLog::flush_failure_counts`] writes the count.
    ///
    /// # Errors
    /// When the store is away and the try has a line of its own; it is not written then, as far as it is known.
    pub async fn record_failed(&self, failed: FailedSignIn<'_>, reason: SignInFailure) -> Result<(), StoreError> {
        if !self.failed_sign_ins.claim_entry(&failed, self.clock.now()) {
            return Ok(());
        }
        let FailedSignIn { user, from, step, .. } = failed;
        self.record(user, Actor::Visitor, Some(from), AuditEvent::SignInFailed { step, reason }).await
    }

    /// Counts a failed sign-in without a line of its own.
    pub fn count_failed(&self, failed: FailedSignIn<'_>) {
        self.failed_sign_ins.count(&failed, self.clock.now());
    }

    /// Writes the counts of failed sign-ins that have grown since they were last written; tells how many lines it wrote.
    ///
    /// # Errors
    /// When the store is away; they are kept for the next time.
    pub async fn flush_failure_counts(&self) -> Result<usize, StoreError> {
        let unwritten = self.failed_sign_ins.unwritten_entries(self.clock.now());
        for portion in unwritten.chunks(WRITE_CHUNK) {
            let written = self.store.upsert_counts(portion).await;
            if let Err(why) = written {
                self.metrics.audit_recorded(self.failed_sign_ins.mark_refused(portion), false);
                return Err(why);
            }
            self.metrics.audit_recorded(self.failed_sign_ins.mark_written(portion), true);
        }
        Ok(unwritten.len())
    }

    /// Writes entries as they are: all of them or none.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn write(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        let written = self.store.record(entries).await;
        self.publish(written.map(|()| Recorded { value: (), entries: entries.to_vec() }))
    }

    /// Logs, counts and passes on the entries of an act, and returns its answer. Whatever a store has written goes through here
    /// once, and nothing does that was not written: what wants to be told of events (notices, exports) is called from here.
    ///
    /// # Errors
    /// The error of the store.
    pub fn publish<T>(&self, done: Result<Recorded<T>, StoreError>) -> Result<T, StoreError> {
        let Recorded { value, entries } = done.inspect_err(|_| self.metrics.audit_recorded(1, false))?;
        self.metrics.audit_recorded(entries.len(), true);
        for entry in &entries {
            if let AuditEvent::SessionEnded { end_reason, .. } = &entry.event {
                self.metrics.session_ended(end_reason.label());
            }
            log(entry);
        }
        Ok(value)
    }

    /// A user's sign-ins and failed sign-ins, newest first.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn login_history(&self, query: &LoginHistoryQuery) -> Result<AuditPage, StoreError> {
        self.store.login_history(query).await
    }
}

/// Writes an entry into the log: all but the device, so that what blocks addresses can be fed from it.
fn log(AuditEntry { user, actor, ip, event, .. }: &AuditEntry) {
    let (name, why) = (event.name(), event.reason());
    info!(
        user.id = user.map(display),
        session.id = event.session().map(display),
        actor = %actor,
        ip = ip.map(display),
        fact = name,
        why,
        "Recorded {name}"
    );
}
