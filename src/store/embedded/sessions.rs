//! Sessions: looking them up, moving their activity, renewing their secret. Opening and ending have files of their own.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{
    EmbeddedStore,
    columns::{AsJson, AsText, saturating_i64},
    schema::FileState,
    session_end, session_open,
};
use crate::{
    audit::Recorded,
    clock::Timestamp,
    id::{SessionId, UserId},
    secret::Digest,
    session::{
        Activity, EndLog, EndLogPage, EndLogPosition, EndNote, EndRecord, EndTarget, Heartbeat, NewSession, Opened,
        Proof, SecretRenewal, Session, SessionAuth, SessionPosition, SessionQuery, SessionSecrets, SessionSlice,
        SessionStore, SessionTerms, SessionUpkeep, UserSnapshot,
    },
    store::{Lease, Outbox, StoreHealth, session_body::SessionBody},
    store_error::StoreError,
};

const SELECT_FOR_CHECK: &str = "
    SELECT s.secret, s.former, s.former_until, s.opened, s.remembered, s.kind, a.latest, s.assurance,
           o.name, o.display_name, o.email, o.roles, o.disabled, o.version
    FROM session s
    JOIN owner o ON o.id = s.owner AND o.generation = s.generation
    LEFT JOIN activity a ON a.session = s.key
    WHERE s.id = ?1";

/// The columns that [`session`] reads, of every session that counts. A lost activity shows as one that cannot be read.
pub(super) const SELECT_SESSIONS: &str = "
    SELECT s.key, s.id, s.opened, s.remembered, s.kind, s.assurance, s.body, a.latest, a.ip, a.actions, a.last_page
    FROM session s
    JOIN owner o ON o.id = s.owner AND o.generation = s.generation
    LEFT JOIN activity a ON a.session = s.key";

/// Moves forward only, and finds nothing to move when the session is gone.
const UPDATE_ACTIVITY: &str = "
    UPDATE activity SET
        latest = max(latest, ?2),
        ip = CASE WHEN ?2 >= latest THEN ?3 ELSE ip END,
        actions = CASE WHEN actions > 9223372036854775807 - ?4 THEN 9223372036854775807 ELSE actions + ?4 END,
        last_page = CASE WHEN ?5 IS NOT NULL AND (?2 >= latest OR last_page IS NULL) THEN ?5 ELSE last_page END
    WHERE session = (SELECT key FROM session WHERE id = ?1)";

/// Never replaces a newer version, and never lowers a generation.
const UPSERT_USER: &str = "
    INSERT INTO owner (id, generation, version, disabled, name, display_name, email, roles)
    VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (id) DO UPDATE SET
        version = excluded.version, disabled = excluded.disabled, name = excluded.name,
        display_name = excluded.display_name, email = excluded.email, roles = excluded.roles
    WHERE owner.version IS NULL OR owner.version < excluded.version";

#[async_trait]
impl SessionStore for EmbeddedStore {
    async fn find(&self, id: SessionId) -> Result<Option<SessionAuth>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(SELECT_FOR_CHECK)?
                .query_row([AsText(id)], |row| read_found(id.owner(), row))
                .optional()
        })
    }

    async fn get(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.read(|connection| {
            let sql = format!("{SELECT_SESSIONS} WHERE s.id = ?1");
            connection.prepare_cached(&sql)?.query_row([AsText(id)], read_session).optional()
        })
    }

    async fn list_slice(&self, query: &SessionQuery) -> Result<SessionSlice, StoreError> {
        let SessionQuery { user, after, limit } = *query;
        let (last_seen, id) = after.map(|after| (after.last_seen, AsText(after.id))).unzip();
        let sessions = self.read(|connection| {
            let sql = format!(
                "{SELECT_SESSIONS} WHERE s.owner = ?1 \
                 AND (?2 IS NULL OR a.latest < ?2 OR (a.latest = ?2 AND s.id > ?3)) ORDER BY a.latest DESC, s.id"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map((AsText(user), last_seen, id), |row| Ok(read_session(row)))?;
            // No more are read than are asked for; one that cannot be read takes no place.
            readable(rows).take(limit.saturating_add(1)).collect()
        })?;
        Ok(SessionSlice::from_overfetched(sessions, limit, SessionPosition::of))
    }

    async fn put_user_snapshot(&self, owner: &UserSnapshot) -> Result<u64, StoreError> {
        let owner = owner.clone();
        // At most sign-ins nothing has changed: then nothing is written.
        let known = self.read(|connection| known_generation(connection, &owner))?;
        match known {
            Some(generation) => Ok(generation),
            None => self.write(move |connection| put_user_snapshot(connection, owner)).await,
        }
    }

    async fn open(&self, new: NewSession) -> Result<Recorded<Opened>, StoreError> {
        self.write_notifying(move |connection| session_open::open(connection, &new)).await
    }

    async fn touch(&self, heartbeats: &[Heartbeat]) -> Result<(), StoreError> {
        let heartbeats = heartbeats.to_vec();
        self.write(move |connection| touch(connection, &heartbeats)).await
    }

    async fn clamp(&self, id: SessionId, latest: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| clamp(connection, id, latest, now)).await
    }

    async fn end(&self, target: EndTarget, end_record: &EndRecord) -> Result<Recorded<Vec<Session>>, StoreError> {
        let end_record = end_record.clone();
        self.write_urgent(move |connection| session_end::end(connection, target, &end_record)).await
    }

    async fn expire(
        &self,
        id: SessionId,
        latest: Timestamp,
        end_record: &EndRecord,
    ) -> Result<Recorded<Option<Session>>, StoreError> {
        let end_record = end_record.clone();
        self.write_urgent(move |connection| session_end::expire(connection, id, latest, &end_record)).await
    }

    async fn end_note(&self, id: SessionId, secret: Digest) -> Result<Option<EndNote>, StoreError> {
        self.read(|connection| session_end::find_end_note(connection, id, secret))
    }
}

#[async_trait]
impl EndLog for EmbeddedStore {
    async fn end_log(&self, since: Option<&EndLogPosition>) -> Result<EndLogPage, StoreError> {
        self.read(|connection| session_end::read_end_log(connection, since))
    }

    async fn wait_for_end(&self) {
        self.end_hint.notified().await;
    }
}

#[async_trait]
impl SessionUpkeep for EmbeddedStore {
    async fn scan(&self, after: Option<SessionId>, limit: usize) -> Result<Vec<Session>, StoreError> {
        let mut behind = after.map_or_else(String::new, |id| id.to_string());
        self.read(|connection| {
            let sql = format!("{SELECT_SESSIONS} WHERE s.id > ?1 ORDER BY s.id LIMIT ?2");
            loop {
                let mut last = None;
                let with_id = |row: &Row<'_>| {
                    last = Some(row.get::<_, String>(1)?);
                    Ok(read_session(row))
                };
                let mut statement = connection.prepare_cached(&sql)?;
                let rows = statement.query_map((&behind, saturating_i64(limit)), with_id)?;
                let page = readable(rows).collect::<rusqlite::Result<Vec<Session>>>()?;
                // A page of what cannot be read is not the end.
                match last {
                    Some(last) if page.is_empty() => behind = last,
                    Some(_) | None => return Ok(page),
                }
            }
        })
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.read(|connection| {
            connection.prepare_cached("SELECT count(*) FROM session")?.query_row([], |row| read_count(row, 0))
        })
    }

    async fn delete_end_notes(&self, before: Timestamp) -> Result<(), StoreError> {
        self.delete_in_batches("DELETE FROM ended WHERE id IN (SELECT id FROM ended WHERE at < ?1 LIMIT ?2)", before)
            .await
    }
}

impl Lease for EmbeddedStore {}

impl Outbox for EmbeddedStore {}

#[async_trait]
impl StoreHealth for EmbeddedStore {
    /// Looks whether the files are what they were, reads, and writes: whoever can do that can serve.
    async fn ping(&self) -> Result<(), StoreError> {
        if let Some(damaged) = self.damaged.get() {
            return Err(damaged.clone().into());
        }
        let state = || self.record_damage(self.readers.read(FileState::read));
        match &self.identity {
            Some(place) => place.check(state)?,
            None => drop(state()?),
        }
        self.probe_write().await
    }

    fn limitation(&self) -> Option<String> {
        self.reserve.as_ref()?.fault()
    }
}

/// Writes what an owner may do now, and tells the generation.
pub(super) fn put_user_snapshot(connection: &Connection, owner: UserSnapshot) -> rusqlite::Result<u64> {
    let UserSnapshot { id, name, display_name, email, roles, disabled, version } = owner;
    connection.prepare_cached(UPSERT_USER)?.execute((
        AsText(id),
        saturating_i64(version),
        disabled,
        name,
        display_name,
        email,
        AsJson(roles),
    ))?;
    connection
        .prepare_cached("SELECT generation FROM owner WHERE id = ?1")?
        .query_row([AsText(id)], |row| read_count(row, 0))
}

/// The generation, where this version or a newer one is there already.
fn known_generation(connection: &Connection, owner: &UserSnapshot) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached("SELECT generation FROM owner WHERE id = ?1 AND version >= ?2")?
        .query_row((AsText(owner.id), saturating_i64(owner.version)), |row| read_count(row, 0))
        .optional()
}

/// Gives a session a new secret.
pub(super) fn renew_secret(connection: &Connection, renewal: &SecretRenewal) -> rusqlite::Result<bool> {
    const RENEW: &str =
        "UPDATE session SET former = secret, former_until = ?4, secret = ?3 WHERE id = ?1 AND secret = ?2";
    let SecretRenewal { id, current: from, new: to, grace_until } = *renewal;
    Ok(connection.prepare_cached(RENEW)?.execute((AsText(id), from, to, grace_until))? == 1)
}

/// One session that cannot be read must keep neither its owner nor the sweep from those that can. That the store cannot
/// be read at all is an error as ever.
fn readable(
    rows: impl Iterator<Item = rusqlite::Result<rusqlite::Result<Session>>>,
) -> impl Iterator<Item = rusqlite::Result<Session>> {
    rows.filter_map(|row| row.map(ok_or_log).transpose())
}

/// The session, or a line in the log that says why there is none.
pub(super) fn ok_or_log(read: rusqlite::Result<Session>) -> Option<Session> {
    read.inspect_err(|why| tracing::error!(error = %why, "Session unreadable")).ok()
}

fn touch(connection: &Connection, heartbeats: &[Heartbeat]) -> rusqlite::Result<()> {
    let mut touch = connection.prepare_cached(UPDATE_ACTIVITY)?;
    for heartbeat in heartbeats {
        touch.execute((
            AsText(heartbeat.id),
            heartbeat.at,
            AsText(heartbeat.ip),
            heartbeat.actions,
            &heartbeat.path,
        ))?;
    }
    Ok(())
}

fn clamp(connection: &Connection, id: SessionId, latest: Timestamp, now: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE session SET opened = min(opened, ?2), former_until = min(former_until, ?2),
                body = json_set(body, '$.proved', min(body ->> '$.proved', ?2))
         WHERE id = ?1 AND (opened > ?2 OR former_until > ?2 OR body ->> '$.proved' > ?2)",
        )?
        .execute((AsText(id), now))?;
    connection
        .prepare_cached(
            "UPDATE activity SET latest = ?3
         WHERE session = (SELECT key FROM session WHERE id = ?1) AND latest = ?2 AND latest > ?3",
        )?
        .execute((AsText(id), latest, now))
        .map(drop)
}

fn read_found(owner: UserId, row: &Row<'_>) -> rusqlite::Result<SessionAuth> {
    Ok(SessionAuth {
        secrets: SessionSecrets {
            current: row.get(0)?,
            previous: row.get::<_, Option<Digest>>(1)?.zip(row.get::<_, Option<Timestamp>>(2)?),
        },
        terms: SessionTerms { opened: row.get(3)?, remembered: row.get(4)?, kind: row.get(5)? },
        last_seen: row.get(6)?,
        assurance: row.get(7)?,
        user: UserSnapshot {
            id: owner,
            name: row.get(8)?,
            display_name: row.get(9)?,
            email: row.get(10)?,
            roles: row.get::<_, AsJson<_>>(11)?.0,
            disabled: row.get(12)?,
            version: read_count(row, 13)?,
        },
    })
}

/// Reads a row of [`SESSIONS`].
pub(super) fn read_session(row: &Row<'_>) -> rusqlite::Result<Session> {
    let AsJson(SessionBody { methods, proved, device, first_ip, sign_ins }) = row.get(6)?;
    Ok(Session {
        id: row.get::<_, AsText<_>>(1)?.0,
        terms: SessionTerms { opened: row.get(2)?, remembered: row.get(3)?, kind: row.get(4)? },
        proof: Proof { assurance: row.get(5)?, methods, at: proved },
        device,
        first_ip,
        sign_ins,
        activity: Activity {
            last_seen: row.get(7)?,
            ip: row.get::<_, AsText<_>>(8)?.0,
            actions: read_count(row, 9)?,
            last_path: row.get(10)?,
        },
    })
}

pub(super) fn read_count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[tokio::test]
    async fn a_check_is_planned_once() {
        let store = EmbeddedStore::in_memory().unwrap();
        for _ in 0..3 {
            assert!(store.find(SessionId::mint(UserId::mint())).await.unwrap().is_none());
        }
        let planned_anew = store
            .read(|connection| Ok(connection.prepare_cached(SELECT_FOR_CHECK)?.get_status(StatementStatus::RePrepare)));
        assert_eq!(planned_anew.unwrap(), 0);
    }
}
