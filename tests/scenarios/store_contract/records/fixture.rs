//! Records of a store, empty, with what the contract asks of them.

use std::sync::Arc;

use portcullis::{
    account::{Account, AccountCommand, AddResult},
    audit::{AuditEntry, AuditEvent, AuditTrailQuery, TrailOrder},
    clock::Timestamp,
    id::UserId,
    secret::Digest,
    store::{AppliedCommand, LiveEffects, RecordStore, embedded::EmbeddedStore, redis::RedisRecords},
};

use crate::{
    redis_server::RedisServer,
    store_contract::fixtures::{account, at, audit_context, digest},
};

/// A new, empty place for records.
pub(super) struct RecordsFixture {
    pub(super) records: Arc<dyn RecordStore>,
    reopened: Arc<dyn RecordStore>,
    _resource: Option<Box<dyn Send>>,
}

impl RecordsFixture {
    pub(super) fn in_a_file() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let open = || Arc::new(EmbeddedStore::open(&folder.path().join("records.db")).expect("it opens"));
        Self { records: open(), reopened: open(), _resource: Some(Box::new(folder)) }
    }

    pub(super) async fn in_redis() -> Self {
        let server = RedisServer::start();
        let open = async || Arc::new(RedisRecords::open(&server.target(), true).await.0);
        let (records, again) = (open().await, open().await);
        Self { records, reopened: again, _resource: Some(Box::new(server)) }
    }

    pub(super) fn in_memory() -> Self {
        let records = Arc::new(EmbeddedStore::in_memory().expect("memory opens"));
        Self { records: records.clone(), reopened: records, _resource: None }
    }

    /// The same records, for somebody who comes later.
    pub(super) fn reopened(&self) -> Arc<dyn RecordStore> {
        self.reopened.clone()
    }

    pub(super) async fn add_account(&self, name: &str) -> Account {
        let account = account(name, None);
        assert_eq!(self.records.add(&account, &audit_context(at(0))).await.unwrap(), AddResult::Added);
        account
    }

    pub(super) async fn apply(&self, alteration: AccountCommand, at: Timestamp) -> Option<AppliedCommand> {
        self.records.apply_deferred(&alteration, &audit_context(at)).await.unwrap()
    }

    /// All that is still to follow.
    pub(super) async fn pending_effects(&self) -> Vec<LiveEffects> {
        self.records.pending_effects(at(1_000)).await.unwrap()
    }

    /// The one thing that is still to follow.
    pub(super) async fn single_effect(&self) -> LiveEffects {
        let mut open = self.pending_effects().await;
        assert_eq!(open.len(), 1, "one and no more");
        open.remove(0)
    }

    pub(super) async fn audit_events(&self) -> Vec<AuditEvent> {
        let all = AuditTrailQuery { user: None, order: TrailOrder::OldestFirst, after: None, limit: usize::MAX };
        self.records.trail(&all).await.unwrap().entries.into_iter().map(|entry: AuditEntry| entry.event).collect()
    }

    pub(super) async fn put_link(&self, id: UserId) -> Digest {
        let link = digest();
        assert!(self.records.put_link(id, link, at(100), &audit_context(at(0))).await.unwrap().value);
        link
    }
}
