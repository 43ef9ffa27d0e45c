//! A store that does what it is asked, sees everything, and goes away when the story wants it to.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use portcullis::{
    account::{
        Account, AccountCommand, AccountRecords, AccountStore, AddResult, ChangeOutcome, DeviceRegistration,
        ImportedAccount, PasswordHash,
    },
    audit::{
        AuditContext, AuditEntry, AuditLogSize, AuditPage, AuditStore, AuditTrailQuery, LoginHistoryQuery, Recorded,
        TrailOrder,
    },
    clock::Timestamp,
    guard::{AttemptCounter, CallerClass, CountResult, ThrottleStore},
    id::{DeviceId, SessionId, UserId},
    secret::Digest,
    server::Stores,
    session::{
        EndLogPage, EndLogPosition, EndNote, EndRecord, EndTarget, Heartbeat, NewSession, Opened, Session, SessionAuth,
        SessionStore, UserSnapshot,
    },
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

/// Operations that write.
const WRITES: [&str; 24] = [
    "put_owner",
    "open",
    "touch",
    "clamp",
    "end",
    "expire",
    "forget_ended",
    "add",
    "restore",
    "rehash",
    "put_link",
    "clamp_accounts",
    "forget_devices",
    "meet_device",
    "change",
    "set_password",
    "redeem_link",
    "record",
    "merge",
    "forget_unknown",
    "drop_failed",
    "attempt",
    "settle",
    "ping",
];

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
            Weather::TakesNoWrites if WRITES.contains(&op) => Err(away()),
            Weather::Fair
            | Weather::TakesNoWrites
            | Weather::AwayFor(_)
            | Weather::LosesAnswersOf(_)
            | Weather::KeepsAnswersOf(_) => act.await,
        }
    }
}

#[async_trait]
impl SessionStore for Witness {
    async fn find(&self, id: SessionId) -> Result<Option<SessionAuth>, StoreError> {
        self.pass("find", self.inner.sessions.find(id)).await
    }

    async fn get(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.pass("get", self.inner.sessions.get(id)).await
    }

    async fn list(&self, owner: UserId) -> Result<Vec<Session>, StoreError> {
        self.pass("list", self.inner.sessions.list(owner)).await
    }

    async fn put_user_snapshot(&self, owner: &UserSnapshot) -> Result<u64, StoreError> {
        self.pass("put_owner", self.inner.sessions.put_user_snapshot(owner)).await
    }

    async fn open(&self, new: NewSession) -> Result<Recorded<Opened>, StoreError> {
        self.pass("open", self.inner.sessions.open(new)).await
    }

    async fn touch(&self, heartbeats: &[Heartbeat]) -> Result<(), StoreError> {
        self.pass("touch", self.inner.sessions.touch(heartbeats)).await
    }

    async fn clamp(&self, id: SessionId, latest: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        self.pass("clamp", self.inner.sessions.clamp(id, latest, now)).await
    }

    async fn end(&self, which: EndTarget, end_record: &EndRecord) -> Result<Recorded<Vec<Session>>, StoreError> {
        self.pass("end", self.inner.sessions.end(which, end_record)).await
    }

    async fn expire(
        &self,
        id: SessionId,
        latest: Timestamp,
        end_record: &EndRecord,
    ) -> Result<Recorded<Option<Session>>, StoreError> {
        self.pass("expire", self.inner.sessions.expire(id, latest, end_record)).await
    }

    async fn end_note(&self, id: SessionId, secret: Digest) -> Result<Option<EndNote>, StoreError> {
        self.pass("ended", self.inner.sessions.end_note(id, secret)).await
    }

    async fn scan(&self, after: Option<SessionId>, limit: usize) -> Result<Vec<Session>, StoreError> {
        self.pass("scan", self.inner.sessions.scan(after, limit)).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.pass("count", self.inner.sessions.count()).await
    }

    async fn delete_end_notes(&self, before: Timestamp) -> Result<(), StoreError> {
        self.pass("forget_ended", self.inner.sessions.delete_end_notes(before)).await
    }

    async fn end_log(&self, since: Option<&EndLogPosition>) -> Result<EndLogPage, StoreError> {
        self.pass("ends", self.inner.sessions.end_log(since)).await
    }

    async fn wait_for_end(&self) {
        self.inner.sessions.wait_for_end().await;
    }

    async fn drain_outbox(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.pass("catch_up", self.inner.sessions.drain_outbox(now)).await
    }

    async fn try_acquire_lease(&self, period: Duration) -> Result<bool, StoreError> {
        self.pass("take_turn", self.inner.sessions.try_acquire_lease(period)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.pass("ping", self.inner.sessions.ping()).await
    }
}

#[async_trait]
impl AccountRecords for Witness {
    async fn by_key(&self, folded: &str) -> Result<Option<Account>, StoreError> {
        self.pass("by_login", self.inner.accounts.by_key(folded)).await
    }

    async fn get(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        self.pass("account", self.inner.accounts.get(id)).await
    }

    async fn list(&self) -> Result<Vec<Account>, StoreError> {
        self.pass("accounts", self.inner.accounts.list()).await
    }

    async fn add(&self, account: &Account, context: &AuditContext) -> Result<Recorded<AddResult>, StoreError> {
        self.pass("add", self.inner.accounts.add(account, context)).await
    }

    async fn restore(
        &self,
        restored: &ImportedAccount,
        context: &AuditContext,
    ) -> Result<Recorded<AddResult>, StoreError> {
        self.pass("restore", self.inner.accounts.restore(restored, context)).await
    }

    async fn password_hash(&self, id: UserId) -> Result<Option<PasswordHash>, StoreError> {
        self.pass("password", self.inner.accounts.password_hash(id)).await
    }

    async fn rehash(&self, id: UserId, from: &PasswordHash, to: &PasswordHash) -> Result<bool, StoreError> {
        self.pass("rehash", self.inner.accounts.rehash(id, from, to)).await
    }

    async fn put_link(
        &self,
        id: UserId,
        link: Digest,
        expires: Timestamp,
        context: &AuditContext,
    ) -> Result<Recorded<bool>, StoreError> {
        self.pass("put_link", self.inner.accounts.put_link(id, link, expires, context)).await
    }

    async fn link_user(&self, link: Digest, now: Timestamp) -> Result<Option<UserId>, StoreError> {
        self.pass("link", self.inner.accounts.link_user(link, now)).await
    }

    async fn known_device(&self, owner: UserId, device: Digest) -> Result<Option<DeviceId>, StoreError> {
        self.pass("known_device", self.inner.accounts.known_device(owner, device)).await
    }

    async fn device_ids(&self, owner: UserId) -> Result<Vec<DeviceId>, StoreError> {
        self.pass("devices", self.inner.accounts.device_ids(owner)).await
    }

    async fn clamp(&self, now: Timestamp, links_until: Timestamp) -> Result<(), StoreError> {
        self.pass("clamp_accounts", self.inner.accounts.clamp(now, links_until)).await
    }

    async fn forget_devices(&self, before: Timestamp) -> Result<(), StoreError> {
        self.pass("forget_devices", self.inner.accounts.forget_devices(before)).await
    }

    async fn register_device(
        &self,
        owner: UserId,
        device: Option<Digest>,
        fresh: Digest,
        max: usize,
        at: Timestamp,
    ) -> Result<DeviceRegistration, StoreError> {
        self.pass("meet_device", self.inner.accounts.register_device(owner, device, fresh, max, at)).await
    }
}

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
        self.pass(op, self.inner.accounts.apply(alteration, context)).await
    }
}

#[async_trait]
impl AuditStore for Witness {
    async fn record(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        self.pass("record", self.inner.audit.record(entries)).await
    }

    async fn login_history(&self, query: &LoginHistoryQuery) -> Result<AuditPage, StoreError> {
        self.pass("login_history", self.inner.audit.login_history(query)).await
    }

    async fn delete_before(&self, before: Timestamp) -> Result<(), StoreError> {
        self.pass("forget_entries", self.inner.audit.delete_before(before)).await
    }

    async fn upsert_counts(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        self.pass("merge", self.inner.audit.upsert_counts(entries)).await
    }

    async fn delete_unknown_before(&self, before: Timestamp) -> Result<(), StoreError> {
        self.pass("forget_unknown", self.inner.audit.delete_unknown_before(before)).await
    }

    async fn size(&self) -> Result<AuditLogSize, StoreError> {
        self.pass("journal_size", self.inner.audit.size()).await
    }

    async fn delete_failed(&self, count: u64) -> Result<u64, StoreError> {
        self.pass("drop_failed", self.inner.audit.delete_failed(count)).await
    }

    async fn trail(&self, query: &AuditTrailQuery) -> Result<AuditPage, StoreError> {
        self.pass("trail", self.inner.audit.trail(query)).await
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
        self.pass("attempt", self.inner.throttle.attempt(asked, beside, caller, now)).await
    }

    async fn is_closed(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.pass("is_closed", self.inner.throttle.is_closed(name, now)).await
    }

    async fn finish(&self, anew: &[String], take_back: &[String], caller: CallerClass) -> Result<(), StoreError> {
        self.pass("settle", self.inner.throttle.finish(anew, take_back, caller)).await
    }

    async fn delete_stale(&self, now: Timestamp) -> Result<(), StoreError> {
        self.pass("forget_tries", self.inner.throttle.delete_stale(now)).await
    }
}
