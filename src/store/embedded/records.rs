//! The file as a keeper of records alone: sessions are elsewhere, so what follows for them is kept until somebody has done it.
//! The tables of sessions stay empty.

use async_trait::async_trait;
use rusqlite::Connection;

use super::{
    EmbeddedStore, account_changes,
    columns::{AsJson, AsText},
    writer::WriteClass,
};
use crate::{
    account::AccountCommand,
    audit::AuditContext,
    clock::Timestamp,
    session::{EndReason, EndRecord, EndTarget, SessionStore as _, SessionUpkeep as _},
    store::{AppliedCommand, EffectsId, LiveEffects, RecordStore},
    store_error::StoreError,
};

impl EmbeddedStore {
    /// Ends the sessions that a file still holds which kept them too, and says how many. Nobody could end them while sessions are
    /// elsewhere, and they would be alive again if the file ever kept everything once more.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn end_leftovers(&self, now: Timestamp) -> Result<usize, StoreError> {
        if self.count().await? == 0 {
            return Ok(0);
        }
        let end_record = EndRecord {
            reason: Some("sessions are kept elsewhere from now on".to_owned()),
            ..EndRecord::new(EndReason::ByAdministrator, AuditContext::system(now))
        };
        Ok(self.end(EndTarget::Everyone { keep: None }, &end_record).await?.len())
    }
}

#[async_trait]
impl RecordStore for EmbeddedStore {
    async fn apply_deferred(
        &self,
        alteration: &AccountCommand,
        context: &AuditContext,
    ) -> Result<Option<AppliedCommand>, StoreError> {
        let (alteration, context) = (alteration.clone(), context.clone());
        self.write_with(WriteClass::Urgent, move |connection| {
            let altered = account_changes::apply_to_account(connection, alteration.clone(), &context)?;
            if let Some(AppliedCommand { effects, .. }) = &altered {
                insert_pending(connection, effects, context.at)?;
            }
            Ok(altered)
        })
        .await
    }

    /// One that cannot be read keeps no other from being done; the log says so each time.
    async fn pending_effects(&self, before: Timestamp) -> Result<Vec<LiveEffects>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT body FROM consequence WHERE at < ?1 ORDER BY key")?
                .query_map([before], |row| Ok(row.get(0).map(|AsJson(consequence)| consequence)))?
                .filter_map(|row| row.map(ok_or_log).transpose())
                .collect()
        })
    }

    async fn records_id(&self) -> Result<String, StoreError> {
        self.read(|connection| connection.prepare_cached("SELECT id FROM identity")?.query_row([], |row| row.get(0)))
    }

    async fn mark_done(&self, consequence: EffectsId) -> Result<(), StoreError> {
        self.write_with(WriteClass::Urgent, move |connection| {
            connection.prepare_cached("DELETE FROM consequence WHERE id = ?1")?.execute([AsText(consequence)])?;
            Ok(())
        })
        .await
    }
}

fn insert_pending(connection: &Connection, consequence: &LiveEffects, at: Timestamp) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT INTO consequence (id, user, at, body) VALUES (?1, ?2, ?3, ?4)")?.execute((
        AsText(consequence.id),
        AsText(consequence.user),
        at,
        AsJson(consequence),
    ))?;
    Ok(())
}

fn ok_or_log(read: rusqlite::Result<LiveEffects>) -> Option<LiveEffects> {
    read.inspect_err(|why| tracing::error!(error = %why, "Pending effects of account change unreadable")).ok()
}
