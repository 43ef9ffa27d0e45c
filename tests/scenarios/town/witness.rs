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
pub(crate) enum Weather {
    /// It answers.
    Fair,
    /// It cannot be reached.
    Away,
    /// It cannot be reached for this operation.
    AwayFor(&'static str),
    /// It is read, and takes no writes: a full disk, a read-only file system, a Redis without replicas.
    TakesNoWrites,
    /// It does this operation, and its answer is lost.
    LosesAnswersOf(&'static str),
    /// It does this operation, and its answer comes when the story says so.
    KeepsAnswersOf(&'static str),
}

/// A store that is watched.
pub(super) struct Witness {
    inner: Stores,
    seen: Mutex<Seen>,
    answers: Notify,
}

struct Seen {
    weather: Weather,
    asked: BTreeMap<&'static str, usize>,
    /// The rules of the counters of each try: how many, within what, closed for how long.
    counters: Vec<Vec<Rule>>,
}

/// Tries, within, cool-off.
pub(crate) type Rule = (u32, Duration, Duration);

impl Witness {
    pub(super) fn over(inner: Stores) -> Self {
        let seen = Seen { weather: Weather::Fair, asked: BTreeMap::new(), counters: Vec::new() };
        Self { inner, seen: Mutex::new(seen), answers: Notify::new() }
    }

    pub(super) fn counters(&self) -> Vec<Vec<Rule>> {
        self.seen().counters.clone()
    }

    pub(super) fn set(&self, weather: Weather) {
        self.seen().weather = weather;
    }

    /// Lets one answer go that is kept.
    pub(super) fn answer(&self) {
        self.answers.notify_one();
    }

    pub(super) fn entries(&self) -> Vec<AuditEntry> {
        let all = AuditTrailQuery { user: None, order: TrailOrder::OldestFirst, after: None, limit: usize::MAX };
        let page = self.inner.audit.trail(&all).now_or_never().expect("an embedded store reads at once");
        page.unwrap().entries
    }

    pub(super) fn asked(&self, op: &str) -> usize {
        self.seen().asked.get(op).copied().unwrap_or_default()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pass<T>(
        &self,
        op: &'static str,
        writes: bool,
        act: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let weather = {
            let mut seen = self.seen();
            *seen.asked.entry(op).or_default() += 1;
            seen.weather
        };
        let away = || StoreError::Unavailable("nobody answers".into());
        match weather {
            Weather::Away => Err(away()),
            Weather::AwayFor(this) if this == op => Err(away()),
            Weather::LosesAnswersOf(this) if this == op => act.await.and_then(|_| Err(away())),
            Weather::KeepsAnswersOf(this) if this == op => {
                let answer = act.await;
                self.answers.notified().await;
                answer
            }
            Weather::TakesNoWrites if writes => Err(away()),
            Weather::Fair
            | Weather::TakesNoWrites
            | Weather::AwayFor(_)
            | Weather::LosesAnswersOf(_)
            | Weather::KeepsAnswersOf(_) => act.await,
        }
    }
}

/// Each method passes the one of the same name.
macro_rules! passed {
    ($($capability:path as $handle:ident {
        $($method:ident($($arg:ident: $kind:ty),*) -> $answer:ty, $_series:ident, $name:literal, $access:ident;)*
        $(~ $hint:ident();)?
        $(+ $state:ident() -> $state_kind:ty;)?
    })*) => {$(
        #[async_trait]
        impl $capability for Witness {
            $(async fn $method(&self, $($arg: $kind),*) -> Result<$answer, StoreError> {
                let writes = stringify!($access) == "write";
                self.pass($name, writes, self.inner.$handle.$method($($arg),*)).await
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

live_operations!(passed);
record_operations!(passed);

#[async_trait]
impl AccountStore for Witness {
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
        self.pass(op, true, self.inner.accounts.apply(alteration, context)).await
    }
}

#[async_trait]
impl ThrottleStore for Witness {
    async fn attempt(
        &self,
        asked: &[AttemptCounter],
        beside: &[AttemptCounter],
        caller: CallerClass,
        now: Timestamp,
    ) -> Result<CountResult, StoreError> {
        let rules = asked.iter().chain(beside).map(|counter| (counter.limit, counter.window, counter.cool_off));
        self.seen().counters.push(rules.collect());
        self.pass("attempt", true, self.inner.throttle.attempt(asked, beside, caller, now)).await
    }

    async fn is_closed(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.pass("is_closed", false, self.inner.throttle.is_closed(name, now)).await
    }

    async fn finish(&self, anew: &[String], take_back: &[String], caller: CallerClass) -> Result<(), StoreError> {
        self.pass("settle", true, self.inner.throttle.finish(anew, take_back, caller)).await
    }

    async fn delete_stale(&self, now: Timestamp) -> Result<(), StoreError> {
        self.pass("forget_tries", true, self.inner.throttle.delete_stale(now)).await
    }
}
