//! A store that does what it is asked, sees everything, and goes away when the story wants it to.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use portcullis::{
    account::{AccountCommand, AccountStore, ChangeOutcome},
    audit::{AuditContext, AuditEntry, AuditTrailQuery, Recorded, TrailOrder},
    clock::Timestamp,
    guard::{AttemptCounter, CallerClass, CountResult, ThrottleStore},
    live_operations, record_operations,
    server::Stores,
    store_error::StoreError,
};
use tokio::sync::Notify;

/// How the store behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreFault {
    /// It answers.
    None,
    /// It cannot be reached.
    Unavailable,
    /// It cannot be reached for this operation.
    UnavailableFor(&'static str),
    /// It is read, and takes no writes: a full disk, a read-only file system, a Redis without replicas.
    ReadOnly,
    /// It does this operation, and its answer is lost.
    LosesReplyOf(&'static str),
    /// It does this operation, and its answer comes when the story says so.
    HoldsReplyOf(&'static str),
}

/// A store that is watched.
pub(super) struct FaultyStore {
    inner: Stores,
    state: Mutex<FaultyStoreState>,
    release: Notify,
}

struct FaultyStoreState {
    fault: StoreFault,
    calls: BTreeMap<&'static str, usize>,
    /// The rules of the counters of each try: how many, within what, closed for how long.
    attempt_limits: Vec<Vec<AttemptLimit>>,
}

/// Tries, within, cool-off.
pub(crate) type AttemptLimit = (u32, Duration, Duration);

impl FaultyStore {
    pub(super) fn new(inner: Stores) -> Self {
        let seen = FaultyStoreState { fault: StoreFault::None, calls: BTreeMap::new(), attempt_limits: Vec::new() };
        Self { inner, state: Mutex::new(seen), release: Notify::new() }
    }

    pub(super) fn attempt_limits(&self) -> Vec<Vec<AttemptLimit>> {
        self.state().attempt_limits.clone()
    }

    pub(super) fn set_fault(&self, fault: StoreFault) {
        self.state().fault = fault;
    }

    /// Lets one answer go that is kept.
    pub(super) fn release_reply(&self) {
        self.release.notify_one();
    }

    pub(super) fn audit_entries(&self) -> Vec<AuditEntry> {
        let all = AuditTrailQuery { user: None, order: TrailOrder::OldestFirst, after: None, limit: usize::MAX };
        let page = self.inner.audit.trail(&all).now_or_never().expect("an embedded store reads at once");
        page.unwrap().entries
    }

    pub(super) fn call_count(&self, op: &str) -> usize {
        self.state().calls.get(op).copied().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, FaultyStoreState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn delegate<T>(
        &self,
        op: &'static str,
        writes: bool,
        act: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let fault = {
            let mut seen = self.state();
            *seen.calls.entry(op).or_default() += 1;
            seen.fault
        };
        let away = || StoreError::Unavailable("nobody answers".into());
        match fault {
            StoreFault::Unavailable => Err(away()),
            StoreFault::UnavailableFor(this) if this == op => Err(away()),
            StoreFault::LosesReplyOf(this) if this == op => act.await.and_then(|_| Err(away())),
            StoreFault::HoldsReplyOf(this) if this == op => {
                let answer = act.await;
                self.release.notified().await;
                answer
            }
            StoreFault::ReadOnly if writes => Err(away()),
            StoreFault::None
            | StoreFault::ReadOnly
            | StoreFault::UnavailableFor(_)
            | StoreFault::LosesReplyOf(_)
            | StoreFault::HoldsReplyOf(_) => act.await,
        }
    }
}

/// Each method passes the one of the same name.
macro_rules! delegate_all {
    ($($capability:path as $handle:ident {
        $($method:ident($($arg:ident: $kind:ty),*) -> $answer:ty, $_series:ident, $name:literal, $access:ident;)*
        $(~ $hint:ident();)?
        $(+ $state:ident() -> $state_kind:ty;)?
    })*) => {$(
        #[async_trait]
        impl $capability for FaultyStore {
            $(async fn $method(&self, $($arg: $kind),*) -> Result<$answer, StoreError> {
                let writes = stringify!($access) == "write";
                self.delegate($name, writes, self.inner.$handle.$method($($arg),*)).await
            })*

            $(async fn $hint(&self) {
                self.inner.$handle.$hint().await;
            })?

            $(fn $state(&self) -> $state_kind {
                self.inner.$handle.$state()
            })?
        }
    )*};
}

live_operations!(delegate_all);
record_operations!(delegate_all);

#[async_trait]
impl AccountStore for FaultyStore {
    async fn apply(
        &self,
        alteration: AccountCommand,
        context: &AuditContext,
    ) -> Result<Recorded<Option<ChangeOutcome>>, StoreError> {
        let op = match alteration {
            AccountCommand::Change(..) => "change",
            AccountCommand::Password(..) => "set_password",
            AccountCommand::Redeem(..) => "redeem_link",
        };
        self.delegate(op, true, self.inner.accounts.apply(alteration, context)).await
    }
}

#[async_trait]
impl ThrottleStore for FaultyStore {
    async fn attempt(
        &self,
        asked: &[AttemptCounter],
        beside: &[AttemptCounter],
        caller: CallerClass,
        now: Timestamp,
    ) -> Result<CountResult, StoreError> {
        let rules = asked.iter().chain(beside).map(|counter| (counter.limit, counter.window, counter.cool_off));
        self.state().attempt_limits.push(rules.collect());
        self.delegate("attempt", true, self.inner.throttle.attempt(asked, beside, caller, now)).await
    }

    async fn is_closed(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.delegate("is_closed", false, self.inner.throttle.is_closed(name, now)).await
    }

    async fn finish(&self, anew: &[String], take_back: &[String], caller: CallerClass) -> Result<(), StoreError> {
        self.delegate("settle", true, self.inner.throttle.finish(anew, take_back, caller)).await
    }

    async fn delete_stale(&self, now: Timestamp) -> Result<(), StoreError> {
        self.delegate("forget_tries", true, self.inner.throttle.delete_stale(now)).await
    }
}
