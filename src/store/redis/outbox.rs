//! Outboxes: what live state has to tell the audit log, which may be elsewhere, and to the other replicas.
//!
//! Each act leaves its lines in its user's outbox, in the same step. They are taken out when the journal has them, and
//! only then is the act acknowledged. Where that is broken off, somebody does it later; the journal takes a line once.

use std::time::Duration;

use redis::{FromRedisValue, Pipeline, Value, cmd};
use tracing::error;

use super::{
    RedisStore, codec,
    error::is_unreachable,
    keys,
    script::{self, ScriptCall},
    session_end::EndOutcome,
    sessions::LiveState,
};
use crate::{
    audit::{AuditEntry, AuditEvent},
    clock::Timestamp,
    id::{SessionId, UserId},
    session::{EndLogPage, EndLogPosition, EndNote},
    store::LiveEffects,
    store_error::StoreError,
};

/// How many ends the log keeps: each replica reads it every second at the latest.
const END_LOG_LENGTH: usize = 50_000;
/// A line of it that says nothing.
const BEGIN_MARKER: &str = "begin";
/// How many of them one look tells.
const END_LOG_PAGE: usize = 1_000;
/// Who has not told everything after so long was broken off.
const ABANDONED_AFTER: Duration = Duration::from_secs(5);
/// Users whose outbox is looked into at once.
const USERS_PER_PAGE: usize = 100;

impl LiveState {
    /// Does an act that leaves lines in its user's outbox, and waits until it is as safe as the operator wants.
    pub(super) async fn commit<T: FromRedisValue>(
        &self,
        owner: UserId,
        at: Option<Timestamp>,
        call: &ScriptCall,
    ) -> Result<T, StoreError> {
        // Before the act, and not with it: where this cannot be written nothing is done. A user who is named there for
        // nothing does no harm.
        let mark = [owner.bare(), at.map_or(0, Timestamp::as_millis).to_string()];
        self.client
            .run_script::<Value>(&script::MARK_PENDING.call(&[keys::USERS, keys::OUTBOX_PENDING], &mark))
            .await?;
        self.commit_client().run_script_replicated(call, self.wait_replicas).await
    }

    /// Tells the replicas which sessions have ended.
    async fn append_end_log(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        let mut told = vec![END_LOG_LENGTH.to_string(), keys::END_CHANNEL.to_owned()];
        for entry in entries {
            let AuditEvent::SessionEnded { session, end_reason: ending, .. } = &entry.event else { continue };
            told.extend([session.bare(), entry.at.as_millis().to_string(), codec::encode_end_reason(ending)]);
        }
        if told.len() == 2 {
            return Ok(());
        }
        self.client.run_script(&script::APPEND_END_LOG.call(&[keys::END_LOG, keys::END_NOTES], &told)).await
    }

    pub(super) async fn read_end_log(&self, since: Option<&EndLogPosition>) -> Result<EndLogPage, StoreError> {
        let Some(EndLogPosition(since)) = since else {
            return Ok(EndLogPage { ended: Vec::new(), next: self.newest_position().await?, has_gap: false });
        };
        let mut range = cmd("XRANGE");
        range.arg(keys::END_LOG).arg(since).arg("+").arg("COUNT").arg(END_LOG_PAGE + 1);
        // As bytes: a line that is no text must not hide the others.
        let entries: Vec<(String, Vec<Vec<u8>>)> = self.end_log_client.query(&range).await?;
        let mut entries = entries.into_iter();
        // What stood at the mark must still stand there: else the log was cut off behind it, or is another one.
        if entries.next().is_none_or(|(first, _)| first != *since) {
            return Ok(EndLogPage { ended: Vec::new(), next: self.newest_position().await?, has_gap: true });
        }
        let (mut ended, mut mark, mut gap) = (Vec::new(), since.clone(), false);
        for (place, fields) in entries {
            match decode_end(&fields) {
                Some(end) => ended.push(end),
                None if fields.first().is_some_and(|word| word == BEGIN_MARKER.as_bytes()) => {}
                None => {
                    error!(position = place, "End log entry unreadable");
                    gap = true;
                }
            }
            mark = place;
        }
        Ok(EndLogPage { ended, next: EndLogPosition(mark), has_gap: gap })
    }

    /// The place of the newest entry. A log that is empty gets one that says nothing, so that there is a place to begin at.
    async fn newest_position(&self) -> Result<EndLogPosition, StoreError> {
        let mut newest = cmd("XREVRANGE");
        newest.arg(keys::END_LOG).arg("+").arg("-").arg("COUNT").arg(1);
        let newest: Vec<(String, Vec<Vec<u8>>)> = self.end_log_client.query(&newest).await?;
        if let Some((place, _)) = newest.into_iter().next() {
            return Ok(EndLogPosition(place));
        }
        let mut begin = cmd("XADD");
        begin.arg(keys::END_LOG).arg("*").arg(BEGIN_MARKER).arg("1");
        Ok(EndLogPosition(self.end_log_client.query(&begin).await?))
    }
}

fn decode_end(fields: &[Vec<u8>]) -> Option<(SessionId, EndNote)> {
    let field = |name: &str| {
        let (_, value) = fields
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[key, value]| (key, value))
            .find(|(key, _)| *key == name.as_bytes())?;
        std::str::from_utf8(value).ok()
    };
    let id = SessionId::from_bare(field("id")?.as_bytes())?;
    let at = Timestamp::from_millis(field("at")?.parse().ok()?);
    Some((id, EndNote { reason: codec::decode_end_reason(field("ending")?)?, at }))
}

impl RedisStore {
    /// Tells the journal and the replicas what an act of this user has left in the outbox, and takes it out.
    pub(super) async fn deliver(&self, owner: UserId, entries: &[AuditEntry]) -> Result<(), StoreError> {
        let lines: Vec<String> = entries.iter().map(codec::to_json).collect();
        self.deliver_lines(owner, entries, &lines).await
    }

    async fn deliver_lines(&self, owner: UserId, entries: &[AuditEntry], lines: &[String]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let (announced, recorded) = tokio::join!(self.live.append_end_log(entries), self.records.record(entries));
        announced?;
        recorded?;
        let mut take_out = Pipeline::new();
        for line in lines {
            take_out.cmd("LREM").arg(keys::outbox(owner)).arg(1).arg(line);
        }
        self.live.client.query_all(&take_out).await.map(drop)
    }

    /// Tells what acts that were broken off have left, and does what still follows from changes of accounts. What cannot be
    /// done for one user keeps it from no other.
    pub(super) async fn drain_outboxes(&self, now: Timestamp) -> Result<usize, StoreError> {
        let before = now.minus(ABANDONED_AFTER);
        let (mut caught_up, mut failed) = (0, FirstFailure::default());
        for consequence in self.records.pending_effects(before).await? {
            match self.apply_effects(&consequence).await {
                Ok(_) => caught_up += 1,
                Err(why) => failed.record(consequence.user, why)?,
            }
        }
        let mut passed_over = 0;
        loop {
            let mut range = cmd("ZRANGE");
            range.arg(keys::OUTBOX_PENDING).arg("-inf").arg(before.as_millis()).arg("BYSCORE");
            range.arg("LIMIT").arg(passed_over).arg(USERS_PER_PAGE).arg("WITHSCORES");
            let users: Vec<(String, f64)> = self.live.client.query(&range).await?;
            for (user, last) in &users {
                if let Some(owner) = UserId::from_bare(user.as_bytes()) {
                    match self.drain_user_outbox(owner).await {
                        Ok(told) => caught_up += told,
                        Err(why) => {
                            failed.record(owner, why)?;
                            passed_over += 1;
                            continue;
                        }
                    }
                }
                let told = script::CLEAR_PENDING.call(&[keys::OUTBOX_PENDING], &[user.clone(), format!("{last}")]);
                self.live.client.run_script::<Value>(&told).await?;
            }
            if users.len() < USERS_PER_PAGE {
                return failed.0.map_or(Ok(caught_up), Err);
            }
        }
    }

    /// Does what follows from a change, and tells it: also what somebody else has done of it, and not told yet.
    pub(super) async fn apply_effects(&self, consequence: &LiveEffects) -> Result<EndOutcome, StoreError> {
        let left = self.live.apply_effects(consequence).await?;
        match &left {
            Some(left) => self.deliver(consequence.user, &left.entries).await?,
            None => drop(self.drain_user_outbox(consequence.user).await?),
        }
        self.records.mark_done(consequence.id).await?;
        Ok(left.unwrap_or_default())
    }

    async fn drain_user_outbox(&self, owner: UserId) -> Result<usize, StoreError> {
        let lines: Vec<String> = self.live.client.query(cmd("LRANGE").arg(keys::outbox(owner)).arg(0).arg(-1)).await?;
        let (mut entries, mut readable) = (Vec::new(), Vec::new());
        for line in &lines {
            if let Ok(entry) = serde_json::from_str(line) {
                entries.push(entry);
                readable.push(line.clone());
            }
        }
        self.deliver_lines(owner, &entries, &readable).await?;
        if readable.len() == lines.len() { Ok(entries.len()) } else { Err(codec::decode_error("line for the journal")) }
    }
}

/// The first of what could not be done.
#[derive(Default)]
struct FirstFailure(Option<StoreError>);

impl FirstFailure {
    /// Tells the log whose it is, and goes on; but not where nobody can be asked any more.
    fn record(&mut self, user: UserId, why: StoreError) -> Result<(), StoreError> {
        if is_unreachable(&why) {
            return Err(why);
        }
        error!(user.id = %user, error = %why, "Outbox of user not drained");
        self.0.get_or_insert(why);
        Ok(())
    }
}
