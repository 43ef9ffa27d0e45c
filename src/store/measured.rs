//! Any store, with its operations counted and timed.

use std::{future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    account::{Account, AccountRecords, AccountStore, Added, Alteration, Changed, KnownDevice, PasswordHash, Restored},
    audit::{AuditStore, Entry, JournalSize, Page, Query, Story, TrailQuery},
    clock::{Clock, Timestamp},
    guard::{Caller, Counter, Tally, ThrottleStore},
    id::{DeviceId, SessionId, UserId},
    metrics::{Metrics, StoreOperationMetrics},
    outage::StoreError,
    secret::Digest,
    session::{Beat, Ended, Ends, Found, Mark, NewSession, Opened, Owner, Parting, Session, SessionStore, Which},
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
    find(id: SessionId) -> Option<Found>, find;
    get(id: SessionId) -> Option<Session>, list;
    list(owner: UserId) -> Vec<Session>, list;
    put_owner(owner: &Owner) -> u64, owner;
    open(new: NewSession) -> Opened, open;
    touch(beats: &[Beat]) -> (), touch;
    clamp(id: SessionId, latest: Timestamp, now: Timestamp) -> (), touch;
    end(which: Which, parting: &Parting) -> Vec<Session>, end;
    expire(id: SessionId, latest: Timestamp, parting: &Parting) -> Option<Session>, expire;
    ended(id: SessionId, secret: Digest) -> Option<Ended>, list;
    scan(after: Option<SessionId>, limit: usize) -> Vec<Session>, sweep;
    count() -> u64, sweep;
    forget_ended(before: Timestamp) -> (), sweep;
    ends(since: Option<&Mark>) -> Ends, ends;
    catch_up(now: Timestamp) -> usize, sweep;
    take_turn(period: Duration) -> bool, sweep;
    ping() -> (), ping;
} {
    async fn end_hinted(&self) {
        self.store.end_hinted().await;
    }

    fn caveat(&self) -> Option<String> {
        self.store.caveat()
    }
});

measured!(AccountRecords {
    by_login(folded: &str) -> Option<Account>, account;
    get(id: UserId) -> Option<Account>, account;
    list() -> Vec<Account>, account;
    add(account: &Account, story: &Story) -> Added, account;
    restore(restored: &Restored, story: &Story) -> Added, account;
    password(id: UserId) -> Option<PasswordHash>, account;
    rehash(id: UserId, from: &PasswordHash, to: &PasswordHash) -> bool, account;
    put_link(id: UserId, link: Digest, expires: Timestamp, story: &Story) -> bool, account;
    link(link: Digest, now: Timestamp) -> Option<UserId>, account;
    known_device(owner: UserId, device: Digest) -> Option<DeviceId>, account;
    devices(owner: UserId) -> Vec<DeviceId>, account;
    clamp(now: Timestamp, links_until: Timestamp) -> (), sweep;
    forget_devices(before: Timestamp) -> (), sweep;
    meet_device(owner: UserId, device: Option<Digest>, fresh: Digest, max: usize, at: Timestamp) -> KnownDevice, account;
});

measured!(AccountStore {
    apply(alteration: Alteration, story: &Story) -> Option<Changed>, account;
});

measured!(AuditStore {
    record(entries: &[Entry]) -> (), journal;
    merge(entries: &[Entry]) -> (), journal;
    forget_unknown(before: Timestamp) -> (), sweep;
    size() -> JournalSize, sweep;
    drop_failed(count: u64) -> u64, sweep;
    login_history(query: &Query) -> Page, journal;
    forget(before: Timestamp) -> (), sweep;
    trail(query: &TrailQuery) -> Page, journal;
});

measured!(ThrottleStore {
    attempt(asked: &[Counter], beside: &[Counter], caller: Caller, now: Timestamp) -> Tally, throttle;
    is_closed(name: &str, now: Timestamp) -> bool, throttle;
    settle(anew: &[String], take_back: &[String], caller: Caller) -> (), throttle;
    forget(now: Timestamp) -> (), sweep;
});
