//! The file as a keeper of records alone: sessions are elsewhere, so what follows for them is kept until somebody has done it.
//! The tables of sessions stay empty.

use async_trait::async_trait;
use rusqlite::Connection;

use super::{
    Embedded, changes,
    columns::{Json, Text},
    writer::Need,
};
use crate::{
    account::{Alteration, Altered, Consequence},
    audit::Story,
    clock::Timestamp,
    id::ConsequenceId,
    outage::StoreError,
    session::{Ending, Parting, SessionStore, Which},
    store::Records,
};

impl Embedded {
    /// Ends the sessions that a file still holds which kept them too, and says how many. Nobody could end them while sessions are
    /// elsewhere, and they would be alive again if the file ever kept everything once more.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn end_leftovers(&self, now: Timestamp) -> Result<usize, StoreError> {
        if self.count().await? == 0 {
            return Ok(0);
        }
        let parting = Parting {
            reason: Some("sessions are kept elsewhere from now on".to_owned()),
            ..Parting::new(Ending::ByAdministrator, Story::of_the_system(now))
        };
        Ok(self.end(Which::Everyone { keep: None }, &parting).await?.len())
    }
}

#[async_trait]
impl Records for Embedded {
    async fn alter(&self, alteration: &Alteration, story: &Story) -> Result<Option<Altered>, StoreError> {
        let (alteration, story) = (alteration.clone(), story.clone());
        self.act_with(Need::Urgent, move |on| {
            let altered = changes::alter(on, alteration.clone(), &story)?;
            if let Some(Altered { consequence, .. }) = &altered {
                keep(on, consequence, story.at)?;
            }
            Ok(altered)
        })
        .await
    }

    /// One that cannot be read keeps no other from being done; the log says so each time.
    async fn open_consequences(&self, before: Timestamp) -> Result<Vec<Consequence>, StoreError> {
        self.read(|on| {
            on.prepare_cached("SELECT body FROM consequence WHERE at < ?1 ORDER BY key")?
                .query_map([before], |row| Ok(row.get(0).map(|Json(consequence)| consequence)))?
                .filter_map(|row| row.map(readable).transpose())
                .collect()
        })
    }

    async fn identity(&self) -> Result<String, StoreError> {
        self.read(|on| on.prepare_cached("SELECT id FROM identity")?.query_row([], |row| row.get(0)))
    }

    async fn done(&self, consequence: ConsequenceId) -> Result<(), StoreError> {
        self.act_with(Need::Urgent, move |on| {
            on.prepare_cached("DELETE FROM consequence WHERE id = ?1")?.execute([Text(consequence)])?;
            Ok(())
        })
        .await
    }

    fn caveat(&self) -> Option<String> {
        SessionStore::caveat(self)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        SessionStore::ping(self).await
    }
}

fn keep(on: &Connection, consequence: &Consequence, at: Timestamp) -> rusqlite::Result<()> {
    on.prepare_cached("INSERT INTO consequence (id, user, at, body) VALUES (?1, ?2, ?3, ?4)")?.execute((
        Text(consequence.id),
        Text(consequence.user),
        at,
        Json(consequence),
    ))?;
    Ok(())
}

fn readable(read: rusqlite::Result<Consequence>) -> Option<Consequence> {
    read.inspect_err(|why| tracing::error!("What follows from the change of an account cannot be read: {why}")).ok()
}
