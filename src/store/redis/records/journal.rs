//! The journal. Entries are added and dropped; of those, only the ones that count failed sign-ins change. Each has a place, which is never given twice: of two of one
//! moment, the one with the later place is the newer.

use async_trait::async_trait;
use redis::{Cmd, Pipeline, cmd};
use serde::Serialize;

use super::{
    RedisRecords,
    keys::{self, Touched},
};
use crate::{
    audit::{AuditStore, Entry, JournalSize, Outcome, Page, Query, TrailEnd, TrailQuery},
    clock::Timestamp,
    id::UserId,
    outage::StoreError,
    store::redis::{
        layout::{json, unreadable},
        live::understand,
        script,
        trouble::Trouble,
    },
};

/// The keys that a script needs which writes the journal; they come first.
pub(super) const JOURNAL: [&str; 4] = [keys::ENTRIES, keys::PLACES, keys::TRAIL, keys::BY_TIME];

/// How much older than Redis' time an entry may be that was just written.
const LATE_MILLIS: i64 = 10 * 60 * 1_000;
/// Entries that are dropped in one step.
const PORTION: usize = 500;

/// An entry, as the scripts want it.
#[derive(Serialize)]
pub(super) struct Line {
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

impl Line {
    /// Of this entry; the keys it needs are added to those that are touched.
    pub(super) fn of(entry: &Entry, touched: &mut Touched) -> Self {
        let millis = entry.at.as_millis();
        let sign_ins = match (entry.user, entry.fact.outcome()) {
            (Some(user), Some(outcome)) => {
                [None, Some(outcome)].map(|which| touched.number(keys::sign_ins(user, which))).to_vec()
            }
            _ => Vec::new(),
        };
        Self {
            id: entry.id.to_string(),
            at: millis.to_string(),
            // Moments before 1970 come first.
            moment: format!("{:016x}", millis.cast_unsigned() ^ (1 << 63)),
            user: entry.user.map_or_else(|| "-".to_owned(), UserId::bare),
            trail: entry.user.map(|user| touched.number(keys::trail(user))),
            sign_ins,
            failed: failed_list(entry).map(|key| touched.number(key.to_owned())),
            body: json(entry),
        }
    }
}

/// The list that an entry belongs to as a failed sign-in.
fn failed_list(entry: &Entry) -> Option<&'static str> {
    let list = if entry.user.is_none() { keys::UNKNOWN } else { keys::FAILED };
    entry.fact.is_failed_sign_in().then_some(list)
}

/// An entry that is dropped: where it may stand.
#[derive(Serialize)]
struct Dropped {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    trail: Option<usize>,
    sign_ins: Vec<usize>,
    member: String,
}

impl Dropped {
    /// Nothing but the line before the entry is read: what cannot be read any more is dropped all the same.
    fn of(id: String, value: Option<&str>, touched: &mut Touched) -> Self {
        let head = value.and_then(|value| value.split_once('\n')).map(|(head, _)| head.split(' ').collect::<Vec<_>>());
        let [place, moment, user] = head.and_then(|words| words.try_into().ok()).unwrap_or_default();
        let user = UserId::from_bare(user.as_bytes());
        let lists =
            |user| [None, Some(Outcome::Succeeded), Some(Outcome::Failed)].map(|which| keys::sign_ins(user, which));
        let sign_ins = user.into_iter().flat_map(lists).map(|key| touched.number(key)).collect();
        let trail = user.map(|user| touched.number(keys::trail(user)));
        Self { trail, sign_ins, member: format!("{moment}{place}{id}"), id }
    }
}

#[async_trait]
impl AuditStore for RedisRecords {
    async fn record(&self, entries: &[Entry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut touched = Touched::new(&JOURNAL);
        let lines: Vec<Line> = entries.iter().map(|entry| Line::of(entry, &mut touched)).collect();
        let urgent = entries.iter().all(|entry| entry.fact.is_urgent());
        let need = if urgent { "urgent" } else { "ordinary" };
        self.commit(&script::RECORD.call(touched.all(), &[json(&lines), need.to_owned()])).await
    }

    async fn merge(&self, entries: &[Entry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut touched = Touched::new(&JOURNAL);
        let lines: Vec<Line> = entries.iter().map(|entry| Line::of(entry, &mut touched)).collect();
        self.commit(&script::MERGE.call(touched.all(), &[json(&lines)])).await
    }

    async fn login_history(&self, query: &Query) -> Result<Page, StoreError> {
        let after = query.after.map(|after| after.to_string()).unwrap_or_default();
        let told = [query.user.bare(), after, one_more(query.limit)];
        let list = keys::sign_ins(query.user, query.outcome);
        self.page(query.limit, &script::HISTORY.call(&[keys::ENTRIES, &list], &told)).await
    }

    async fn forget(&self, before: Timestamp) -> Result<(), StoreError> {
        let mut oldest = cmd("ZRANGE");
        oldest.arg(keys::BY_TIME).arg("-inf").arg(format!("({}", before.as_millis())).arg("BYSCORE");
        oldest.arg("LIMIT").arg(0).arg(PORTION);
        self.drop_while_any(&oldest).await
    }

    async fn forget_unknown(&self, before: Timestamp) -> Result<(), StoreError> {
        let sorted = self.sort_failed().await;
        let mut oldest = cmd("ZRANGE");
        oldest.arg(keys::UNKNOWN).arg("-inf").arg(format!("({}", before.as_millis())).arg("BYSCORE");
        oldest.arg("LIMIT").arg(0).arg(PORTION);
        sorted.and(self.drop_while_any(&oldest).await)
    }

    async fn size(&self) -> Result<JournalSize, StoreError> {
        let mut all = Pipeline::new();
        all.cmd("ZCARD").arg(keys::BY_TIME).cmd("ZCARD").arg(keys::UNKNOWN).cmd("ZCARD").arg(keys::FAILED);
        let counts: Vec<u64> = self.link.ask_all(&all).await?.into_iter().map(understand).collect::<Result<_, _>>()?;
        let [entries, unknown, failed] = counts.try_into().map_err(|_| Trouble::Nonsense)?;
        Ok(JournalSize { entries, failed: unknown + failed })
    }

    async fn drop_failed(&self, count: u64) -> Result<u64, StoreError> {
        let mut left = count;
        for list in [keys::UNKNOWN, keys::FAILED] {
            while left > 0 {
                let last = left.min(PORTION as u64) - 1;
                let oldest: Vec<String> = self.link.ask(cmd("ZRANGE").arg(list).arg(0).arg(last)).await?;
                if oldest.is_empty() {
                    break;
                }
                left -= oldest.len() as u64;
                self.drop_all(oldest).await?;
            }
        }
        Ok(count - left)
    }

    async fn trail(&self, query: &TrailQuery) -> Result<Page, StoreError> {
        let end = match query.from {
            TrailEnd::Oldest => "oldest",
            TrailEnd::Newest => "newest",
        };
        let after = query.after.map(|after| after.to_string()).unwrap_or_default();
        let told = [end.to_owned(), after, one_more(query.limit)];
        let list = query.user.map_or_else(|| keys::TRAIL.to_owned(), keys::trail);
        self.page(query.limit, &script::TRAIL.call(&[keys::ENTRIES, &list], &told)).await
    }
}

impl RedisRecords {
    /// Drops what `oldest` finds, again and again.
    async fn drop_while_any(&self, oldest: &Cmd) -> Result<(), StoreError> {
        loop {
            let old: Vec<String> = self.link.ask(oldest).await?;
            if old.is_empty() {
                return Ok(());
            }
            self.drop_all(old).await?;
        }
    }

    async fn drop_all(&self, old: Vec<String>) -> Result<(), StoreError> {
        let values: Vec<Option<Vec<u8>>> = self.link.ask(cmd("HMGET").arg(keys::ENTRIES).arg(&old)).await?;
        let values = values.iter().map(|value| value.as_deref().map(String::from_utf8_lossy));
        let mut touched = Touched::new(&[keys::ENTRIES, keys::TRAIL, keys::BY_TIME, keys::UNKNOWN, keys::FAILED]);
        let each = old.into_iter().zip(values);
        let dropped: Vec<_> = each.map(|(id, value)| Dropped::of(id, value.as_deref(), &mut touched)).collect();
        self.commit(&script::FORGET.call(touched.all(), &[json(&dropped)])).await
    }

    /// Puts failed sign-ins on their lists that a process of an older version wrote, which knows of none: all of them the first
    /// time, then those since the last time, so that a rolling upgrade leaves none behind.
    async fn sort_failed(&self) -> Result<(), StoreError> {
        let (seconds, _): (i64, i64) = self.link.ask(&cmd("TIME")).await?;
        match self.link.ask::<Option<i64>>(cmd("GET").arg(keys::SORTED)).await? {
            Some(before) => self.sort_since(before.saturating_sub(LATE_MILLIS)).await?,
            None => self.sort_all().await?,
        }
        // Where it cannot be noted, the next time looks at more.
        let _ = self.link.ask::<()>(cmd("SET").arg(keys::SORTED).arg(seconds.saturating_mul(1_000))).await;
        Ok(())
    }

    async fn sort_all(&self) -> Result<(), StoreError> {
        let mut cursor = "0".to_owned();
        loop {
            let mut scan = cmd("HSCAN");
            scan.arg(keys::ENTRIES).arg(&cursor).arg("COUNT").arg(PORTION);
            let (next, found): (String, Vec<(String, Vec<u8>)>) = self.link.ask(&scan).await?;
            self.put_on_lists(&found).await?;
            if next == "0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    async fn sort_since(&self, millis: i64) -> Result<(), StoreError> {
        for portion in 0.. {
            let mut newest = cmd("ZRANGE");
            newest.arg(keys::BY_TIME).arg(millis).arg("+inf").arg("BYSCORE");
            newest.arg("LIMIT").arg(portion * PORTION).arg(PORTION);
            let ids: Vec<String> = self.link.ask(&newest).await?;
            if ids.is_empty() {
                break;
            }
            let values: Vec<Option<Vec<u8>>> = self.link.ask(cmd("HMGET").arg(keys::ENTRIES).arg(&ids)).await?;
            let found: Vec<_> = ids.into_iter().zip(values).filter_map(|(id, value)| Some((id, value?))).collect();
            self.put_on_lists(&found).await?;
        }
        Ok(())
    }

    async fn put_on_lists(&self, found: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        let mut lists = Pipeline::new();
        for (id, value) in found {
            let body = value.iter().position(|byte| *byte == b'\n').map(|end| &value[end + 1..]);
            let entry: Option<Entry> = body.and_then(|body| serde_json::from_slice(body).ok());
            let Some(entry) = entry else { continue };
            if let Some(list) = failed_list(&entry) {
                lists.cmd("ZADD").arg(list).arg(entry.at.as_millis()).arg(id);
            }
        }
        if lists.is_empty() { Ok(()) } else { self.link.ask_all(&lists).await.map(drop) }
    }

    async fn page(&self, limit: usize, look: &script::Call) -> Result<Page, StoreError> {
        let values: Vec<Option<String>> = self.link.run(look).await?;
        let read = |value: &String| {
            let (_, entry) = value.split_once('\n')?;
            serde_json::from_str(entry).ok()
        };
        let read = |value: &String| read(value).ok_or_else(|| unreadable("entry of the journal"));
        let entries = values.iter().flatten().map(read).collect::<Result<Vec<Entry>, _>>()?;
        Ok(Page::of(entries, limit))
    }
}

/// One more than is asked for tells whether there are more.
fn one_more(limit: usize) -> String {
    i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX).to_string()
}
