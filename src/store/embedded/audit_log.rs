//! The journal. Rows are added and dropped; of those, only the ones that count failed sign-ins change.

use std::net::IpAddr;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::{Deserialize, Serialize};

use super::{
    BATCH_SIZE, EmbeddedStore,
    columns::{AsJson, AsText, saturating_i64},
    writer::WriteClass,
};
use crate::{
    audit::{
        Actor, AuditEntry, AuditEvent, AuditLogSize, AuditPage, AuditStore, AuditTrailQuery, LoginHistoryQuery,
        LoginOutcome, TrailOrder,
    },
    clock::Timestamp,
    store_error::StoreError,
    visitor::Device,
};

/// Newest first; of one moment, what was written later is newer. The index holds all that is compared.
const LOGIN_HISTORY: &str = "
    SELECT id, at, user, body FROM journal
    WHERE user = ?1 AND sign_in IS NOT NULL AND (?2 IS NULL OR sign_in = ?2) AND (at, key) < (?3, ?4)
    ORDER BY at DESC, key DESC LIMIT ?5";

/// Everything from one end. A key is never given twice, also where the newest rows were dropped.
const TRAIL_FROM_OLDEST: &str = "
    SELECT id, at, user, body FROM journal
    WHERE (?1 IS NULL OR user = ?1) AND key > coalesce((SELECT key FROM journal WHERE id = ?2), 0)
    ORDER BY key LIMIT ?3";
const TRAIL_FROM_NEWEST: &str = "
    SELECT id, at, user, body FROM journal
    WHERE (?1 IS NULL OR user = ?1) AND (?2 IS NULL OR key < (SELECT key FROM journal WHERE id = ?2))
    ORDER BY key DESC LIMIT ?3";

/// Failed sign-ins; their two indexes name the same facts.
const DELETE_FAILED_UNKNOWN: &str = "
    DELETE FROM journal WHERE key IN
    (SELECT key FROM journal WHERE fact IN ('sign_in_failed', 'sign_ins_failed') AND user IS NULL AND at < ?1
     ORDER BY at LIMIT ?2)";
const DELETE_FAILED_KNOWN: &str = "
    DELETE FROM journal WHERE key IN
    (SELECT key FROM journal WHERE fact IN ('sign_in_failed', 'sign_ins_failed') AND user IS NOT NULL AND at < ?1
     ORDER BY at LIMIT ?2)";
const COUNT_ENTRIES: &str = "
    SELECT (SELECT count(*) FROM journal),
           (SELECT count(*) FROM journal WHERE fact IN ('sign_in_failed', 'sign_ins_failed') AND user IS NULL)
         + (SELECT count(*) FROM journal WHERE fact IN ('sign_in_failed', 'sign_ins_failed') AND user IS NOT NULL)";

/// The part of an entry that nothing is looked up by.
#[derive(Serialize, Deserialize)]
struct EntryBody {
    actor: Actor,
    ip: Option<IpAddr>,
    device: Option<Device>,
    fact: AuditEvent,
}

#[async_trait]
impl AuditStore for EmbeddedStore {
    /// What is there already stays as it is: an entry that is told twice stands once.
    async fn record(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        let entries = entries.to_vec();
        let urgent = !entries.is_empty() && entries.iter().all(|entry| entry.event.is_urgent());
        let need = if urgent { WriteClass::Urgent } else { WriteClass::Ordinary };
        self.write_with(need, move |connection| entries.iter().try_for_each(|entry| insert(connection, entry))).await
    }

    async fn upsert_counts(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        let entries = entries.to_vec();
        self.write(move |connection| entries.iter().try_for_each(|entry| upsert_count(connection, entry))).await
    }

    async fn login_history(&self, query: &LoginHistoryQuery) -> Result<AuditPage, StoreError> {
        self.read(|connection| {
            // Where the cursor's entry is gone by age, all that is older is gone too.
            let Some((at, key)) = cursor_position(connection, query)? else { return Ok(AuditPage::default()) };
            let outcome = query.outcome.map(LoginOutcome::name);
            let one_more = saturating_i64(query.limit.saturating_add(1));
            let entries = connection
                .prepare_cached(LOGIN_HISTORY)?
                .query_map((AsText(query.user), outcome, at, key, one_more), read_entry)?
                .collect::<rusqlite::Result<Vec<AuditEntry>>>()?;
            Ok(AuditPage::from_overfetched(entries, query.limit))
        })
    }

    async fn delete_before(&self, before: Timestamp) -> Result<(), StoreError> {
        self.delete_in_batches(
            "DELETE FROM journal WHERE key IN (SELECT key FROM journal WHERE at < ?1 LIMIT ?2)",
            before,
        )
        .await
    }

    async fn delete_unknown_before(&self, before: Timestamp) -> Result<(), StoreError> {
        self.delete_in_batches(DELETE_FAILED_UNKNOWN, before).await
    }

    async fn size(&self) -> Result<AuditLogSize, StoreError> {
        self.read_blocking(|connection| {
            let counted = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
            let (entries, failed) = connection.prepare_cached(COUNT_ENTRIES)?.query_row([], counted)?;
            Ok(AuditLogSize { entries: entries.unsigned_abs(), failed: failed.unsigned_abs() })
        })
        .await
    }

    async fn delete_failed(&self, count: u64) -> Result<u64, StoreError> {
        let mut left = count;
        for sql in [DELETE_FAILED_UNKNOWN, DELETE_FAILED_KNOWN] {
            while left > 0 {
                let most = saturating_i64(left.min(BATCH_SIZE as u64));
                let drop_some =
                    move |connection: &Connection| connection.prepare_cached(sql)?.execute((i64::MAX, most));
                let dropped = self.write(drop_some).await? as u64;
                if dropped == 0 {
                    break;
                }
                left -= dropped;
            }
        }
        Ok(count - left)
    }

    async fn trail(&self, query: &AuditTrailQuery) -> Result<AuditPage, StoreError> {
        self.read(|connection| {
            let sql = match query.order {
                TrailOrder::OldestFirst => TRAIL_FROM_OLDEST,
                TrailOrder::NewestFirst => TRAIL_FROM_NEWEST,
            };
            let one_more = saturating_i64(query.limit.saturating_add(1));
            let entries = connection
                .prepare_cached(sql)?
                .query_map((query.user.map(AsText), query.after.map(AsText), one_more), read_entry)?
                .collect::<rusqlite::Result<Vec<AuditEntry>>>()?;
            Ok(AuditPage::from_overfetched(entries, query.limit))
        })
    }
}

/// Behind which row the page begins.
fn cursor_position(connection: &Connection, query: &LoginHistoryQuery) -> rusqlite::Result<Option<(i64, i64)>> {
    let Some(after) = query.after else { return Ok(Some((i64::MAX, i64::MAX))) };
    connection
        .prepare_cached("SELECT at, key FROM journal WHERE id = ?1 AND user = ?2")?
        .query_row((AsText(after), AsText(query.user)), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

pub(super) fn insert(connection: &Connection, entry: &AuditEntry) -> rusqlite::Result<()> {
    let AuditEntry { id, at, user, actor, ip, device, event: fact } = entry.clone();
    let sign_in = fact.outcome().map(LoginOutcome::name);
    let name = fact.name();
    connection
        .prepare_cached(
            "INSERT INTO journal (id, at, user, fact, sign_in, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO NOTHING",
        )?
        .execute((AsText(id), at, user.map(AsText), name, sign_in, AsJson(EntryBody { actor, ip, device, fact })))?;
    Ok(())
}

/// Writes a line that counts, or what it tells now.
fn upsert_count(connection: &Connection, entry: &AuditEntry) -> rusqlite::Result<()> {
    let AuditEntry { id, actor, ip, device, event: fact, .. } = entry.clone();
    let body = AsJson(EntryBody { actor, ip, device, fact });
    let grown = connection
        .prepare_cached("UPDATE journal SET body = ?2 WHERE id = ?1 AND fact = 'sign_ins_failed'")?
        .execute((AsText(id), body))?;
    if grown == 0 { insert(connection, entry) } else { Ok(()) }
}

/// What a row tells, from the column of its body.
pub(super) fn read_fact(row: &Row<'_>, column: usize) -> rusqlite::Result<AuditEvent> {
    let AsJson(EntryBody { fact, .. }) = row.get(column)?;
    Ok(fact)
}

fn read_entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    let AsJson(EntryBody { actor, ip, device, fact }) = row.get(3)?;
    Ok(AuditEntry {
        id: row.get::<_, AsText<_>>(0)?.0,
        at: row.get(1)?,
        user: row.get::<_, Option<AsText<_>>>(2)?.map(|user| user.0),
        actor,
        ip,
        device,
        event: fact,
    })
}
