//! The Redis store: sessions and counters in one Redis or Valkey that many replicas share, and records there or elsewhere.
//!
//! Everything live of one user is in one slot: a check is one `MGET`, and open, end and touch are each one constant script.
//! Time is Redis' time. Records (accounts, the journal) may be in another place, so nothing here relies on a transaction
//! over both: `outbox` says how nothing is lost in between.
//!
//! Nothing of it is kept in memory: what counts is what Redis says at the moment of the request.

mod codec;
mod error;
mod keys;
mod script;
mod target;

mod client;
mod connection;
mod supervisor;

mod outbox;
mod session_end;
mod session_open;
mod sessions;
mod throttle;

mod records;

pub use error::RedisStoreError;
pub use records::RedisRecords;
pub use target::{RedisTarget, RedisTls, ServerInfo};

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tracing::error;

use self::{
    client::RedisClient,
    session_end::{EndOutcome, UserEndTarget, narrow_to_user},
    sessions::{LiveState, USERS_PER_PAGE},
    supervisor::ConnectionHooks,
};
use super::{AppliedCommand, Lease, Outbox, RecordStore, StoreHealth};
use crate::{
    account::{AccountCommand, AccountStore, ChangeOutcome},
    audit::{AuditContext, Recorded},
    clock::{Clock, Timestamp},
    guard::{AttemptCounter, CallerClass, CountResult, ThrottleStore},
    id::{SessionId, UserId},
    record_operations,
    secret::Digest,
    session::{
        EndLog, EndLogPage, EndLogPosition, EndNote, EndRecord, EndTarget, Heartbeat, NewSession, Opened, Session,
        SessionAuth, SessionQuery, SessionSlice, SessionStore, SessionUpkeep, UserSnapshot,
    },
    store_error::StoreError,
};

/// Keeps live state in Redis, and records where it is told to.
pub struct RedisStore {
    live: LiveState,
    records: Arc<dyn RecordStore>,
    clock: Clock,
}

/// Findings of the opening of the store.
#[derive(Debug)]
pub struct OpenReport {
    /// The server that answers, or why none does yet: it is tried again and again.
    pub server: Result<ServerInfo, RedisStoreError>,
    /// When somebody last used this store, where that can be told.
    pub last_used: Option<Timestamp>,
}

/// Looks whether this server is fit, and changes nothing.
///
/// # Errors
/// When it cannot be used; the message says why and what to do.
pub async fn probe_server(place: &RedisTarget) -> Result<ServerInfo, RedisStoreError> {
    let ears = ConnectionHooks {
        clock: Clock::system(),
        end_hints: Some(Arc::default()),
        log_changes: false,
        log_warnings: false,
        records_binding: None,
    };
    RedisClient::open(place, place.timeout, ears).await.1
}

impl RedisStore {
    /// Connects, and stays connected from then on. `clock` is led by Redis.
    ///
    /// What the server must be (that it evicts nothing, gives its user what is needed, holds sessions of these records) is looked
    /// at whenever a connection comes about, the first time like any other: until it is so, each question is answered with
    /// what is wrong.
    pub async fn open(place: &RedisTarget, records: Arc<dyn RecordStore>, clock: &Clock) -> (Self, OpenReport) {
        let (live, about) = LiveState::open(place, records.clone(), clock).await;
        // Not knowing it is no reason not to start.
        let last_used = live.last_used().await.ok().flatten();
        (Self { live, records, clock: clock.clone() }, OpenReport { server: about, last_used })
    }

    /// Ends sessions of one user.
    async fn end_user_sessions(
        &self,
        owner: UserId,
        target: EndTarget,
        end_record: &EndRecord,
    ) -> Result<Recorded<Vec<Session>>, StoreError> {
        let Some(ends) = narrow_to_user(target, owner) else { return Ok(Recorded::default()) };
        let EndOutcome { sessions, entries, .. } = self.live.end(owner, ends, end_record).await?;
        self.deliver(owner, &entries).await?;
        Ok(Recorded { value: sessions, entries })
    }
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn find(&self, id: SessionId) -> Result<Option<SessionAuth>, StoreError> {
        self.live.find(id).await
    }

    async fn get(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.live.get(id).await
    }

    async fn list_slice(&self, query: &SessionQuery) -> Result<SessionSlice, StoreError> {
        self.live.list_slice(query).await
    }

    async fn put_user_snapshot(&self, owner: &UserSnapshot) -> Result<u64, StoreError> {
        self.live.put_user_snapshot(owner).await
    }

    async fn open(&self, new: NewSession) -> Result<Recorded<Opened>, StoreError> {
        let owner = new.session.owner();
        let opened = self.live.open_session(&new).await;
        if opened.as_ref().is_err_and(is_not_replicated) {
            // Nobody will ever hold its secret. Where it stays for all that, it runs out like any other.
            let _ = self.live.end(owner, UserEndTarget::One(new.session.id), &new.replace_record()).await;
        }
        let Recorded { value: mut opened, mut entries } = opened?;
        self.deliver(owner, &entries).await?;
        // Another user's is in another slot, and so another step: the new one is open, and nobody holds its secret yet.
        if let Opened::Yes { replaced, .. } = &mut opened
            && let Some(id) = new.replaces.filter(|id| id.owner() != owner)
        {
            let one = EndTarget::One { owner: id.owner(), id };
            let mut ended = self.end_user_sessions(id.owner(), one, &new.replace_record()).await?;
            *replaced = ended.value.pop().map(Box::new);
            entries.append(&mut ended.entries);
        }
        Ok(Recorded { value: opened, entries })
    }

    async fn touch(&self, heartbeats: &[Heartbeat]) -> Result<(), StoreError> {
        self.live.touch(heartbeats).await
    }

    async fn clamp(&self, id: SessionId, latest: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        self.live.clamp(id, latest, now).await
    }

    /// Everybody's is a step for each user: there is none over all slots.
    async fn end(&self, target: EndTarget, end_record: &EndRecord) -> Result<Recorded<Vec<Session>>, StoreError> {
        let owner = match target {
            EndTarget::One { owner, .. } | EndTarget::AllBut { owner, .. } | EndTarget::AllOf(owner) => owner,
            EndTarget::Everyone { .. } => {
                let (mut ended, mut failed, mut from) = (Recorded::<Vec<Session>>::default(), None, None);
                loop {
                    let owners = self.live.users(from, false, USERS_PER_PAGE).await?;
                    let Some(last) = owners.last() else { return failed.map_or(Ok(ended), Err) };
                    from = Some(*last);
                    for owner in owners {
                        // Whoever cannot be ended keeps nobody else in.
                        match self.end_user_sessions(owner, target, end_record).await {
                            Ok(gone) => {
                                ended.value.extend(gone.value);
                                ended.entries.extend(gone.entries);
                            }
                            Err(why) => {
                                error!(user.id = %owner, error = %why, "Sessions of user not ended");
                                failed.get_or_insert(why);
                            }
                        }
                    }
                }
            }
        };
        self.end_user_sessions(owner, target, end_record).await
    }

    async fn expire(
        &self,
        id: SessionId,
        latest: Timestamp,
        end_record: &EndRecord,
    ) -> Result<Recorded<Option<Session>>, StoreError> {
        let EndOutcome { mut sessions, entries, .. } = self.live.expire(id, latest, end_record).await?;
        self.deliver(id.owner(), &entries).await?;
        Ok(Recorded { value: sessions.pop(), entries })
    }

    async fn end_note(&self, id: SessionId, secret: Digest) -> Result<Option<EndNote>, StoreError> {
        self.live.find_end_note(id, secret).await
    }
}

#[async_trait]
impl EndLog for RedisStore {
    async fn end_log(&self, since: Option<&EndLogPosition>) -> Result<EndLogPage, StoreError> {
        self.live.read_end_log(since).await
    }

    async fn wait_for_end(&self) {
        self.live.end_hints.notified().await;
    }
}

#[async_trait]
impl SessionUpkeep for RedisStore {
    async fn scan(&self, after: Option<SessionId>, limit: usize) -> Result<Vec<Session>, StoreError> {
        self.live.scan(after, limit).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.live.count().await
    }

    async fn delete_end_notes(&self, before: Timestamp) -> Result<(), StoreError> {
        self.live.forget_ended(before).await
    }
}

#[async_trait]
impl Lease for RedisStore {
    async fn try_acquire_lease(&self, period: Duration) -> Result<bool, StoreError> {
        self.live.try_acquire_lease(period).await
    }
}

#[async_trait]
impl Outbox for RedisStore {
    async fn drain_outbox(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.drain_outboxes(now).await
    }
}

#[async_trait]
impl StoreHealth for RedisStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.live.ping(self.clock.now()).await?;
        self.records.ping().await
    }

    fn limitation(&self) -> Option<String> {
        let full = self
            .live
            .is_out_of_memory()
            .then(|| format!("{}; until then nobody can sign in", RedisStoreError::OutOfMemory));
        let both: Vec<String> = full.into_iter().chain(self.records.limitation()).collect();
        (!both.is_empty()).then(|| both.join("\n"))
    }
}

#[async_trait]
impl AccountStore for RedisStore {
    async fn apply(
        &self,
        alteration: AccountCommand,
        context: &AuditContext,
    ) -> Result<Recorded<Option<ChangeOutcome>>, StoreError> {
        let Some(AppliedCommand { account, effects, entry }) =
            self.records.apply_deferred(&alteration, context).await?
        else {
            return Ok(Recorded::nothing(None));
        };
        let EndOutcome { sessions, entries, renewed } = self.apply_effects(&effects).await?;
        let entries = std::iter::once(entry).chain(entries).collect();
        Ok(Recorded { value: Some(ChangeOutcome { account, ended: sessions, renewed }), entries })
    }
}

#[async_trait]
impl ThrottleStore for RedisStore {
    async fn attempt(
        &self,
        asked: &[AttemptCounter],
        beside: &[AttemptCounter],
        caller: CallerClass,
        now: Timestamp,
    ) -> Result<CountResult, StoreError> {
        self.live.attempt(asked, beside, caller, now).await
    }

    async fn is_closed(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.live.is_closed(name, now).await
    }

    async fn finish(&self, anew: &[String], take_back: &[String], caller: CallerClass) -> Result<(), StoreError> {
        self.live.finish(anew, take_back, caller).await
    }

    /// Redis drops them by itself.
    async fn delete_stale(&self, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Whether an act was done, and too few replicas have it.
fn is_not_replicated(why: &StoreError) -> bool {
    let unconfirmed = |why: &RedisStoreError| matches!(why, RedisStoreError::NotReplicated { .. });
    matches!(why, StoreError::Unavailable(why) if why.downcast_ref().is_some_and(unconfirmed))
}

/// Each method asks the records, which may be elsewhere.
macro_rules! forwarded_to_records {
    ($($capability:path as $_handle:ident {
        $($method:ident($($arg:ident: $kind:ty),*) -> $answer:ty, $_series:ident, $_name:literal, $_access:ident;)*
    })*) => {$(
        #[async_trait]
        impl $capability for RedisStore {
            $(async fn $method(&self, $($arg: $kind),*) -> Result<$answer, StoreError> {
                <dyn RecordStore as $capability>::$method(&*self.records, $($arg),*).await
            })*
        }
    )*};
}

record_operations!(forwarded_to_records);
