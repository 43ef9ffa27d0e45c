//! The journal. Entries are added and dropped; of those, only the ones that count failed sign-ins change. Each has a place, which is never given twice: of two of one
//! moment, the one with the later place is the newer.

use async_trait::async_trait;
use redis::{Cmd, Pipeline, cmd};
use serde::Serialize;

use super::{
    RedisRecords,
    keys::{self, ScriptKeys},
};
use crate::{
    audit::{
        AuditEntry, AuditLogSize, AuditPage, AuditStore, AuditTrailQuery, LoginHistoryQuery, LoginOutcome, TrailOrder,
    },
    clock::Timestamp,
    id::UserId,
    store::redis::{
        codec::{decode_error, to_json},
        error::RedisStoreError,
        script,
        sessions::decode_reply,
    },
    store_error::StoreError,
};

/// The keys that a script needs which writes the journal; they come first.
pub(super) const JOURNAL_KEYS: [&str; 4] = [keys::ENTRIES, keys::ENTRY_SEQUENCE, keys::TRAIL, keys::ENTRIES_BY_TIME];

/// How much older than Redis' time an entry may be that was just written.
const MAX_WRITE_DELAY_MS: i64 = 10 * 60 * 1_000;
/// Entries that are dropped in one step.
const BATCH_SIZE: usize = 500;

/// An entry, as the scripts want it.
#[derive(Serialize)]
pub(super) struct EntryPlan {
    id: String,
    at: String,
    /// Sorts as the time does.
    moment: String,
    /// Whom it concerns, or a dash.
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    trail: Option<usize>,
    sign_ins: Vec<usize>,
    /// Of a failed sign-in, its list.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<usize>,
    body: String,
}

impl EntryPlan {
    /// Of this entry; the keys it needs are added to those that are touched.
    pub(super) fn new(entry: &AuditEntry, touched: &mut ScriptKeys) -> Self {
        let millis = entry.at.as_millis();
        let sign_ins = match (entry.user, entry.event.outcome()) {
            (Some(user), Some(outcome)) => {
                [None, Some(outcome)].map(|target| touched.index_of(keys::sign_ins(user, target))).to_vec()
            }
            _ => Vec::new(),
        };
        Self {
            id: entry.id.to_string(),
            at: millis.to_string(),
            // Moments before 1970 come first.
            moment: format!("{:016x}", millis.cast_unsigned() ^ (1 << 63)),
            user: entry.user.map_or_else(|| "-".to_owned(), UserId::bare),
            trail: entry.user.map(|user| touched.index_of(keys::trail(user))),
            sign_ins,
            failed: failed_index(entry).map(|key| touched.index_of(key.to_owned())),
            body: to_json(entry),
        }
    }
}

/// The list that an entry belongs to as a failed sign-in.
fn failed_index(entry: &AuditEntry) -> Option<&'static str> {
    let list = if entry.user.is_none() { keys::FAILED_UNKNOWN } else { keys::FAILED_KNOWN };
    entry.event.is_failed_sign_in().then_some(list)
}

/// An entry that is dropped: where it may stand.
#[derive(Serialize)]
struct DroppedEntry {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    trail: Option<usize>,
    sign_ins: Vec<usize>,
    member: String,
}

impl DroppedEntry {
    /// Nothing but the line before the entry is read: what cannot be read any more is dropped all the same.
    fn new(id: String, value: Option<&str>, touched: &mut ScriptKeys) -> Self {
        let head = value.and_then(|value| value.split_once('\n')).map(|(head, _)| head.split(' ').collect::<Vec<_>>());
        let [place, moment, user] = head.and_then(|words| words.try_into().ok()).unwrap_or_default();
        let user = UserId::from_bare(user.as_bytes());
        let lists = |user| {
            [None, Some(LoginOutcome::Succeeded), Some(LoginOutcome::Failed)].map(|target| keys::sign_ins(user, target))
        };
        let sign_ins = user.into_iter().flat_map(lists).map(|key| touched.index_of(key)).collect();
        let trail = user.map(|user| touched.index_of(keys::trail(user)));
        Self { trail, sign_ins, member: format!("{moment}{place}{id}"), id }
    }
}

#[async_trait]
impl AuditStore for RedisRecords {
    async fn record(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut touched = ScriptKeys::new(&JOURNAL_KEYS);
        let lines: Vec<EntryPlan> = entries.iter().map(|entry| EntryPlan::new(entry, &mut touched)).collect();
        let urgent = entries.iter().all(|entry| entry.event.is_urgent());
        let need = if urgent { "urgent" } else { "ordinary" };
        self.commit(&script::RECORD_ENTRIES.call(touched.as_slice(), &[to_json(&lines), need.to_owned()])).await
    }

    async fn upsert_counts(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut touched = ScriptKeys::new(&JOURNAL_KEYS);
        let lines: Vec<EntryPlan> = entries.iter().map(|entry| EntryPlan::new(entry, &mut touched)).collect();
        self.commit(&script::UPSERT_COUNTS.call(touched.as_slice(), &[to_json(&lines)])).await
    }

    async fn login_history(&self, query: &LoginHistoryQuery) -> Result<AuditPage, StoreError> {
        let after = query.after.map(|after| after.to_string()).unwrap_or_default();
        let told = [query.user.bare(), after, lookahead_limit(query.limit)];
        let list = keys::sign_ins(query.user, query.outcome);
        self.read_page(query.limit, &script::LOGIN_HISTORY.call(&[keys::ENTRIES, &list], &told)).await
    }

    async fn delete_before(&self, before: Timestamp) -> Result<(), StoreError> {
        let mut oldest = cmd("ZRANGE");
        oldest.arg(keys::ENTRIES_BY_TIME).arg("-inf").arg(format!("({}", before.as_millis())).arg("BYSCORE");
        oldest.arg("LIMIT").arg(0).arg(BATCH_SIZE);
        self.drop_until_empty(&oldest).await
    }

    async fn delete_unknown_before(&self, before: Timestamp) -> Result<(), StoreError> {
        let sorted = self.index_failed().await;
        let mut oldest = cmd("ZRANGE");
        oldest.arg(keys::FAILED_UNKNOWN).arg("-inf").arg(format!("({}", before.as_millis())).arg("BYSCORE");
        oldest.arg("LIMIT").arg(0).arg(BATCH_SIZE);
        sorted.and(self.drop_until_empty(&oldest).await)
    }

    async fn size(&self) -> Result<AuditLogSize, StoreError> {
        let mut all = Pipeline::new();
        all.cmd("ZCARD")
            .arg(keys::ENTRIES_BY_TIME)
            .cmd("ZCARD")
            .arg(keys::FAILED_UNKNOWN)
            .cmd("ZCARD")
            .arg(keys::FAILED_KNOWN);
        let counts: Vec<u64> =
            self.client.query_all(&all).await?.into_iter().map(decode_reply).collect::<Result<_, _>>()?;
        let [entries, unknown, failed] = counts.try_into().map_err(|_| RedisStoreError::UnexpectedReply)?;
        Ok(AuditLogSize { entries, failed: unknown + failed })
    }

    async fn delete_failed(&self, count: u64) -> Result<u64, StoreError> {
        let mut left = count;
        for list in [keys::FAILED_UNKNOWN, keys::FAILED_KNOWN] {
            while left > 0 {
                let last = left.min(BATCH_SIZE as u64) - 1;
                let oldest: Vec<String> = self.client.query(cmd("ZRANGE").arg(list).arg(0).arg(last)).await?;
                if oldest.is_empty() {
                    break;
                }
                left -= oldest.len() as u64;
                self.drop_all(oldest).await?;
            }
        }
        Ok(count - left)
    }

    async fn trail(&self, query: &AuditTrailQuery) -> Result<AuditPage, StoreError> {
        let end = match query.order {
            TrailOrder::OldestFirst => "oldest",
            TrailOrder::NewestFirst => "newest",
        };
        let after = query.after.map(|after| after.to_string()).unwrap_or_default();
        let told = [end.to_owned(), after, lookahead_limit(query.limit)];
        let list = query.user.map_or_else(|| keys::TRAIL.to_owned(), keys::trail);
        self.read_page(query.limit, &script::AUDIT_TRAIL.call(&[keys::ENTRIES, &list], &told)).await
    }
}

impl RedisRecords {
    /// Drops what `oldest` finds, again and again.
    async fn drop_until_empty(&self, oldest: &Cmd) -> Result<(), StoreError> {
        loop {
            let old: Vec<String> = self.client.query(oldest).await?;
            if old.is_empty() {
                return Ok(());
            }
            self.drop_all(old).await?;
        }
    }

    async fn drop_all(&self, old: Vec<String>) -> Result<(), StoreError> {
        let values: Vec<Option<Vec<u8>>> = self.client.query(cmd("HMGET").arg(keys::ENTRIES).arg(&old)).await?;
        let values = values.iter().map(|value| value.as_deref().map(String::from_utf8_lossy));
        let mut touched = ScriptKeys::new(&[
            keys::ENTRIES,
            keys::TRAIL,
            keys::ENTRIES_BY_TIME,
            keys::FAILED_UNKNOWN,
            keys::FAILED_KNOWN,
        ]);
        let each = old.into_iter().zip(values);
        let dropped: Vec<_> = each.map(|(id, value)| DroppedEntry::new(id, value.as_deref(), &mut touched)).collect();
        self.commit(&script::DELETE_ENTRIES.call(touched.as_slice(), &[to_json(&dropped)])).await
    }

    /// Puts failed sign-ins on their lists that a process of an older version wrote, which knows of none: all of them the first
    /// time, then those since the last time, so that a rolling upgrade leaves none behind.
    async fn index_failed(&self) -> Result<(), StoreError> {
        let (seconds, _): (i64, i64) = self.client.query(&cmd("TIME")).await?;
        match self.client.query::<Option<i64>>(cmd("GET").arg(keys::FAILED_INDEXED_UNTIL)).await? {
            Some(before) => self.index_failed_since(before.saturating_sub(MAX_WRITE_DELAY_MS)).await?,
            None => self.index_all_failed().await?,
        }
        // Where it cannot be noted, the next time looks at more.
        let _ = self
            .client
            .query::<()>(cmd("SET").arg(keys::FAILED_INDEXED_UNTIL).arg(seconds.saturating_mul(1_000)))
            .await;
        Ok(())
    }

    async fn index_all_failed(&self) -> Result<(), StoreError> {
        let mut cursor = "0".to_owned();
        loop {
            let mut scan = cmd("HSCAN");
            scan.arg(keys::ENTRIES).arg(&cursor).arg("COUNT").arg(BATCH_SIZE);
            let (next, found): (String, Vec<(String, Vec<u8>)>) = self.client.query(&scan).await?;
            self.index_entries(&found).await?;
            if next == "0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    async fn index_failed_since(&self, millis: i64) -> Result<(), StoreError> {
        for portion in 0.. {
            let mut newest = cmd("ZRANGE");
            newest.arg(keys::ENTRIES_BY_TIME).arg(millis).arg("+inf").arg("BYSCORE");
            newest.arg("LIMIT").arg(portion * BATCH_SIZE).arg(BATCH_SIZE);
            let ids: Vec<String> = self.client.query(&newest).await?;
            if ids.is_empty() {
                break;
            }
            let values: Vec<Option<Vec<u8>>> = self.client.query(cmd("HMGET").arg(keys::ENTRIES).arg(&ids)).await?;
            let found: Vec<_> = ids.into_iter().zip(values).filter_map(|(id, value)| Some((id, value?))).collect();
            self.index_entries(&found).await?;
        }
        Ok(())
    }

    async fn index_entries(&self, found: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        let mut lists = Pipeline::new();
        for (id, value) in found {
            let body = value.iter().position(|byte| *byte == b'\n').map(|end| &value[end + 1..]);
            let entry: Option<AuditEntry> = body.and_then(|body| serde_json::from_slice(body).ok());
            let Some(entry) = entry else { continue };
            if let Some(list) = failed_index(&entry) {
                lists.cmd("ZADD").arg(list).arg(entry.at.as_millis()).arg(id);
            }
        }
        if lists.is_empty() { Ok(()) } else { self.client.query_all(&lists).await.map(drop) }
    }

    async fn read_page(&self, limit: usize, look: &script::ScriptCall) -> Result<AuditPage, StoreError> {
        let values: Vec<Option<String>> = self.client.run_script(look).await?;
        let read = |value: &String| {
            let (_, entry) = value.split_once('\n')?;
            serde_json::from_str(entry).ok()
        };
        let read = |value: &String| read(value).ok_or_else(|| decode_error("entry of the journal"));
        let entries = values.iter().flatten().map(read).collect::<Result<Vec<AuditEntry>, _>>()?;
        Ok(AuditPage::from_overfetched(entries, limit))
    }
}

/// One more than is asked for tells whether there are more.
fn lookahead_limit(limit: usize) -> String {
    i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX).to_string()
}
