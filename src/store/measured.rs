//! Any store, with its operations counted and timed.

use std::{future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    account::{
        Account, AccountCommand, AccountRecords, AccountStore, AddResult, ChangeOutcome, DeviceRegistration,
        ImportedAccount, PasswordHash,
    },
    audit::{
        AuditContext, AuditEntry, AuditLogSize, AuditPage, AuditStore, AuditTrailQuery, LoginHistoryQuery, Recorded,
    },
    clock::{Clock, Timestamp},
    guard::{AttemptCounter, CallerClass, CountResult, ThrottleStore},
    id::{DeviceId, SessionId, UserId},
    metrics::{Metrics, StoreOperationMetrics},
    secret::Digest,
    session::{
        EndLogPage, EndLogPosition, EndNote, EndRecord, EndTarget, Heartbeat, NewSession, Opened, Session, SessionAuth,
        SessionStore, UserSnapshot,
    },
    store_error::StoreError,
};

/// A store whose operations are counted and timed.
pub struct MeasuredStore<S: ?Sized> {
    store: Arc<S>,
    clock: Clock,
    series: StoreMetrics,
}

struct StoreMetrics {
    find: StoreOperationMetrics,
    list: StoreOperationMetrics,
    open: StoreOperationMetrics,
    touch: StoreOperationMetrics,
    end: StoreOperationMetrics,
    expire: StoreOperationMetrics,
    owner: StoreOperationMetrics,
    account: StoreOperationMetrics,
    journal: StoreOperationMetrics,
    throttle: StoreOperationMetrics,
    sweep: StoreOperationMetrics,
    ends: StoreOperationMetrics,
    ping: StoreOperationMetrics,
}

impl<S: ?Sized> MeasuredStore<S> {
    /// `store`, measured.
    #[must_use]
    pub fn new(store: Arc<S>, clock: Clock, metrics: &Metrics) -> Self {
        let series = StoreMetrics {
            find: metrics.store_operation("find"),
            list: metrics.store_operation("list"),
            open: metrics.store_operation("open"),
            touch: metrics.store_operation("touch"),
            end: metrics.store_operation("end"),
            expire: metrics.store_operation("expire"),
            owner: metrics.store_operation("owner"),
            account: metrics.store_operation("account"),
            journal: metrics.store_operation("journal"),
            throttle: metrics.store_operation("throttle"),
            sweep: metrics.store_operation("sweep"),
            ends: metrics.store_operation("ends"),
            ping: metrics.store_operation("ping"),
        };
        Self { store, clock, series }
    }

    async fn measure<T>(
        &self,
        operation: &StoreOperationMetrics,
        doing: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let watch = self.clock.stopwatch();
        let done = doing.await;
        operation.record(done.is_ok(), watch.elapsed());
        done
    }
}

/// Each method measures the one of the same name: `method(arguments) -> answer, series`. Those in the second braces are
/// passed on as they stand there.
macro_rules! measured {
    ($of:ident { $($method:ident($($arg:ident: $kind:ty),*) -> $answer:ty, $series:ident;)* } $({ $($rest:tt)* })?) => {
        #[async_trait]
        impl<S: $of + ?Sized> $of for MeasuredStore<S> {
            $(async fn $method(&self, $($arg: $kind),*) -> Result<$answer, StoreError> {
                self.measure(&self.series.$series, self.store.$method($($arg),*)).await
            })*

            $($($rest)*)?
        }
    };
}

measured!(SessionStore {
    find(id: SessionId) -> Option<SessionAuth>, find;
    get(id: SessionId) -> Option<Session>, list;
    list(owner: UserId) -> Vec<Session>, list;
    put_user_snapshot(owner: &UserSnapshot) -> u64, owner;
    open(new: NewSession) -> Recorded<Opened>, open;
    touch(beats: &[Heartbeat]) -> (), touch;
    clamp(id: SessionId, latest: Timestamp, now: Timestamp) -> (), touch;
    end(which: EndTarget, parting: &EndRecord) -> Recorded<Vec<Session>>, end;
    expire(id: SessionId, latest: Timestamp, parting: &EndRecord) -> Recorded<Option<Session>>, expire;
    end_note(id: SessionId, secret: Digest) -> Option<EndNote>, list;
    scan(after: Option<SessionId>, limit: usize) -> Vec<Session>, sweep;
    count() -> u64, sweep;
    delete_end_notes(before: Timestamp) -> (), sweep;
    end_log(since: Option<&EndLogPosition>) -> EndLogPage, ends;
    drain_outbox(now: Timestamp) -> usize, sweep;
    try_acquire_lease(period: Duration) -> bool, sweep;
    ping() -> (), ping;
} {
    async fn wait_for_end(&self) {
        self.store.wait_for_end().await;
    }

    fn limitation(&self) -> Option<String> {
        self.store.limitation()
    }
});

measured!(AccountRecords {
    by_key(key: &str) -> Option<Account>, account;
    get(id: UserId) -> Option<Account>, account;
    list() -> Vec<Account>, account;
    add(account: &Account, story: &AuditContext) -> Recorded<AddResult>, account;
    restore(restored: &ImportedAccount, story: &AuditContext) -> Recorded<AddResult>, account;
    password_hash(id: UserId) -> Option<PasswordHash>, account;
    rehash(id: UserId, from: &PasswordHash, to: &PasswordHash) -> bool, account;
    put_link(id: UserId, link: Digest, expires: Timestamp, story: &AuditContext) -> Recorded<bool>, account;
    link_user(link: Digest, now: Timestamp) -> Option<UserId>, account;
    known_device(owner: UserId, device: Digest) -> Option<DeviceId>, account;
    device_ids(owner: UserId) -> Vec<DeviceId>, account;
    clamp(now: Timestamp, links_until: Timestamp) -> (), sweep;
    forget_devices(before: Timestamp) -> (), sweep;
    register_device(owner: UserId, device: Option<Digest>, new_token: Digest, max: usize, at: Timestamp) -> DeviceRegistration, account;
});

measured!(AccountStore {
    apply(alteration: AccountCommand, story: &AuditContext) -> Recorded<Option<ChangeOutcome>>, account;
});

measured!(AuditStore {
    record(entries: &[AuditEntry]) -> (), journal;
    upsert_counts(entries: &[AuditEntry]) -> (), journal;
    delete_unknown_before(before: Timestamp) -> (), sweep;
    size() -> AuditLogSize, sweep;
    delete_failed(count: u64) -> u64, sweep;
    login_history(query: &LoginHistoryQuery) -> AuditPage, journal;
    delete_before(before: Timestamp) -> (), sweep;
    trail(query: &AuditTrailQuery) -> AuditPage, journal;
});

measured!(ThrottleStore {
    attempt(asked: &[AttemptCounter], beside: &[AttemptCounter], caller: CallerClass, now: Timestamp) -> CountResult, throttle;
    is_closed(name: &str, now: Timestamp) -> bool, throttle;
    finish(anew: &[String], take_back: &[String], caller: CallerClass) -> (), throttle;
    delete_stale(now: Timestamp) -> (), sweep;
});
