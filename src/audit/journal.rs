//! Writes what happened, and tells the log.

use std::sync::Arc;

use tracing::info;

use super::{
    Actor, AuditStore, Entry, Fact, FailedSignIn, Page, Query, Refusal, Story, Told, failed_sign_ins::FailedSignIns,
};
use crate::{clock::Clock, id::UserId, metrics::Metrics, outage::StoreError, visitor::Visitor};

/// The journal of what happened (promise P6). What comes of an act is written by the store in the step that does the act:
/// then the journal is only [told](Journal::tell). What is no act of a store is [recorded](Journal::record) here.
#[derive(Clone)]
pub struct Journal {
    store: Arc<dyn AuditStore>,
    clock: Clock,
    metrics: Arc<Metrics>,
    failed: Arc<FailedSignIns>,
}

/// Counting lines that are written at once.
const PORTION: usize = 200;

impl Journal {
    /// A journal kept in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn AuditStore>, clock: Clock, metrics: Arc<Metrics>) -> Self {
        Self { store, clock, metrics, failed: Arc::default() }
    }

    /// The story of what somebody does now.
    #[must_use]
    pub fn story(&self, actor: Actor, from: Option<&Visitor>) -> Story {
        Story::of(actor, from, self.clock.now())
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
        fact: Fact,
    ) -> Result<(), StoreError> {
        self.write(&[self.story(actor, from).entry(user, fact)]).await
    }

    /// Writes a failed sign-in, or counts it where the budget of lines is spent: then [`Journal::write_counts`] tells of it.
    ///
    /// # Errors
    /// When the store is away and the try has a line of its own; it is not written then, as far as it is known.
    pub async fn record_failed(&self, failed: FailedSignIn<'_>, why: Refusal) -> Result<(), StoreError> {
        if !self.failed.take_line(&failed, self.clock.now()) {
            return Ok(());
        }
        let FailedSignIn { user, from, step, .. } = failed;
        self.record(user, Actor::Visitor, Some(from), Fact::SignInFailed { step, why }).await
    }

    /// Counts a failed sign-in without a line of its own.
    pub fn count_failed(&self, failed: FailedSignIn<'_>) {
        self.failed.count(&failed, self.clock.now());
    }

    /// Writes the counts of failed sign-ins that have grown since they were last written; tells how many lines it wrote.
    ///
    /// # Errors
    /// When the store is away; they are kept for the next time.
    pub async fn write_counts(&self) -> Result<usize, StoreError> {
        let unwritten = self.failed.unwritten(self.clock.now());
        for portion in unwritten.chunks(PORTION) {
            let written = self.store.merge(portion).await;
            if let Err(why) = written {
                self.metrics.audit_recorded(self.failed.refused(portion), false);
                return Err(why);
            }
            self.metrics.audit_recorded(self.failed.written(portion), true);
        }
        Ok(unwritten.len())
    }

    /// Writes entries as they are: all of them or none.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn write(&self, entries: &[Entry]) -> Result<(), StoreError> {
        let written = self.store.record(entries).await;
        let told = |entry: &Entry| {
            let Entry { user, actor, ip, fact, .. } = entry.clone();
            Told { user, actor, ip, fact }
        };
        self.tell(&written, |()| entries.iter().map(told).collect());
        written
    }

    /// Counts and logs what a store wrote, or could not write, in the step that did an act.
    pub fn tell<T>(&self, done: &Result<T, StoreError>, told: impl FnOnce(&T) -> Vec<Told>) {
        let Ok(done) = done else { return self.metrics.audit_recorded(1, false) };
        let told = told(done);
        self.metrics.audit_recorded(told.len(), true);
        for Told { user, actor, ip, fact } in told {
            let (name, why) = (fact.name(), fact.why());
            info!(
                user.id = user.map(display),
                session.id = fact.session().map(display),
                actor = %actor,
                ip = ip.map(display),
                fact = name,
                why,
                "Recorded {name}"
            );
        }
    }

    /// A user's sign-ins and failed sign-ins, newest first.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn login_history(&self, query: &Query) -> Result<Page, StoreError> {
        self.store.login_history(query).await
    }
}
