//! Writes what happened, and tells the log.

use std::sync::Arc;

use tracing::info;

use super::{Actor, AuditStore, Entry, Fact, Page, Query};
use crate::{
    clock::Clock,
    id::{EventId, UserId},
    metrics::Metrics,
    outage::StoreError,
    visitor::Visitor,
};

/// The journal of what happened. An act is acknowledged only after [`Journal::record`] has answered (promise P6).
#[derive(Clone)]
pub struct Journal {
    store: Arc<dyn AuditStore>,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl Journal {
    /// A journal kept in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn AuditStore>, clock: Clock, metrics: Arc<Metrics>) -> Self {
        Self { store, clock, metrics }
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
        self.record_all(actor, from, [(user, fact)]).await
    }

    /// Writes facts, each with the account that it concerns: all of them or none.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn record_all(
        &self,
        actor: Actor,
        from: Option<&Visitor>,
        facts: impl IntoIterator<Item = (Option<UserId>, Fact)> + Send,
    ) -> Result<(), StoreError> {
        let at = self.clock.now();
        let entry = |(user, fact)| Entry {
            id: EventId::mint(),
            at,
            user,
            actor,
            ip: from.map(|visitor| visitor.ip),
            device: from.map(|visitor| visitor.device.clone()),
            fact,
        };
        let entries: Vec<Entry> = facts.into_iter().map(entry).collect();
        self.write(&entries).await
    }

    /// Writes entries as they are.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn write(&self, entries: &[Entry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let written = self.store.record(entries).await;
        self.metrics.audited(entries.len(), written.is_ok());
        written?;
        for entry in entries {
            let user = entry.user.map(|user| user.to_string()).unwrap_or_default();
            info!(event.id = %entry.id, user.id = user, fact = entry.fact.name(), "Recorded {}", entry.fact.name());
        }
        Ok(())
    }

    /// A user's sign-ins and failed sign-ins, newest first.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn login_history(&self, query: &Query) -> Result<Page, StoreError> {
        self.store.login_history(query).await
    }
}
