//! Ends of sessions in the file: they are deleted, a note stays, and the generation rises where a sign-in under way must lose too.

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{
    audit_log,
    columns::{AsJson, AsText, saturating_i64},
    sessions::{SELECT_SESSIONS, ok_or_log, read_session},
};
use crate::{
    audit::{AuditEvent, Recorded},
    clock::Timestamp,
    id::{SessionId, UserId},
    secret::Digest,
    session::{EndLogPage, EndLogPosition, EndNote, EndRecord, EndTarget, Session},
};

/// How many ends one look tells.
const END_LOG_PAGE: usize = 1_000;

/// Ends them, and writes that down.
pub(super) fn end(
    connection: &Connection,
    target: EndTarget,
    end_record: &EndRecord,
) -> rusqlite::Result<Recorded<Vec<Session>>> {
    let (chosen, named) = where_clause(target);
    let sql = format!("{SELECT_SESSIONS} WHERE {chosen} ORDER BY a.latest DESC, s.id");
    let going = connection
        .prepare_cached(&sql)?
        .query_map(rusqlite::params_from_iter(named), EndingRow::read)?
        .collect::<rusqlite::Result<Vec<EndingRow>>>()?;
    match target {
        EndTarget::One { .. } => {}
        EndTarget::AllOf(owner) => raise_generation(connection, Some(owner), None)?,
        EndTarget::AllBut { owner, keep } => raise_generation(connection, Some(owner), Some(keep))?,
        EndTarget::Everyone { keep } => raise_generation(connection, None, keep)?,
    }
    delete_sessions(connection, going, end_record)
}

/// Ends one that was not used since.
pub(super) fn expire(
    connection: &Connection,
    id: SessionId,
    latest: Timestamp,
    end_record: &EndRecord,
) -> rusqlite::Result<Recorded<Option<Session>>> {
    let sql = format!("{SELECT_SESSIONS} WHERE s.id = ?1 AND a.latest <= ?2");
    let going = connection.prepare_cached(&sql)?.query_row((AsText(id), latest), EndingRow::read).optional()?;
    Ok(delete_sessions(connection, going.into_iter().collect(), end_record)?.map(|mut ended| ended.pop()))
}

/// A session that is about to end, as far as it can be read.
pub(super) struct EndingRow {
    key: i64,
    id: rusqlite::Result<SessionId>,
    session: rusqlite::Result<Session>,
}

impl EndingRow {
    /// Reads a row of [`SESSIONS`].
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { key: row.get(0)?, id: row.get::<_, AsText<_>>(1).map(|id| id.0), session: read_session(row) })
    }
}

/// Deletes sessions, leaves a note of each and writes each into the journal. One that cannot be read is ended all the same:
/// the journal has it by its id, and whoever asks is not told of it.
pub(super) fn delete_sessions(
    connection: &Connection,
    going: Vec<EndingRow>,
    end_record: &EndRecord,
) -> rusqlite::Result<Recorded<Vec<Session>>> {
    let mut note = connection.prepare_cached(
        "INSERT OR REPLACE INTO ended (id, secret, former, at, ending)
         SELECT id, secret, former, ?2, ?3 FROM session WHERE key = ?1",
    )?;
    let mut delete = connection.prepare_cached("DELETE FROM session WHERE key = ?1")?;
    let mut entries = Vec::with_capacity(going.len());
    for EndingRow { key, id, .. } in &going {
        let ending = id.as_ref().map_or(&end_record.end_reason, |id| end_record.reason_for(*id));
        note.execute((key, end_record.context.at, AsJson(ending)))?;
        delete.execute([key])?;
        if let Ok(id) = id {
            let entry = end_record.entry(*id);
            audit_log::insert(connection, &entry)?;
            entries.push(entry);
        }
    }
    let sessions = going.into_iter().filter_map(|gone| ok_or_log(gone.session)).collect();
    Ok(Recorded { value: sessions, entries })
}

/// The note, for whoever shows a secret that the session had.
pub(super) fn find_end_note(
    connection: &Connection,
    id: SessionId,
    secret: Digest,
) -> rusqlite::Result<Option<EndNote>> {
    connection
        .prepare_cached("SELECT ending, at FROM ended WHERE id = ?1 AND ?2 IN (secret, former)")?
        .query_row((AsText(id), secret), |row| Ok(EndNote { reason: row.get::<_, AsJson<_>>(0)?.0, at: row.get(1)? }))
        .optional()
}

/// The journal is the log of ends: its key grows with each entry.
pub(super) fn read_end_log(connection: &Connection, since: Option<&EndLogPosition>) -> rusqlite::Result<EndLogPage> {
    const NEWEST: &str = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'journal'), 0)";
    const ENDED: &str =
        "SELECT key, at, body FROM journal WHERE key > ?1 AND fact = 'session_ended' ORDER BY key LIMIT ?2";
    let newest: i64 = connection.prepare_cached(NEWEST)?.query_row([], |row| row.get(0))?;
    let begin = since.and_then(|mark| mark.0.parse().ok()).unwrap_or(newest);
    let rows = connection
        .prepare_cached(ENDED)?
        .query_map((begin, saturating_i64(END_LOG_PAGE)), |row| {
            Ok((row.get(0)?, row.get(1)?, audit_log::read_fact(row, 2)?))
        })?
        .collect::<rusqlite::Result<Vec<(i64, Timestamp, AuditEvent)>>>()?;
    // Where there were more than one look takes, the next one goes on behind the last.
    let mark = rows.last().filter(|_| rows.len() == END_LOG_PAGE).map_or(newest.max(begin), |(key, ..)| *key);
    let ended = rows.into_iter().filter_map(|(_, at, fact)| match fact {
        AuditEvent::SessionEnded { session, end_reason: ending, .. } => Some((session, EndNote { reason: ending, at })),
        _ => None,
    });
    Ok(EndLogPage { ended: ended.collect(), next: EndLogPosition(mark.to_string()), has_gap: newest < begin })
}

fn where_clause(target: EndTarget) -> (&'static str, Vec<String>) {
    match target {
        EndTarget::One { owner, id } => ("s.owner = ?1 AND s.id = ?2", vec![owner.to_string(), id.to_string()]),
        EndTarget::AllBut { owner, keep } => ("s.owner = ?1 AND s.id <> ?2", vec![owner.to_string(), keep.to_string()]),
        EndTarget::AllOf(owner) => ("s.owner = ?1", vec![owner.to_string()]),
        EndTarget::Everyone { keep: Some(keep) } => ("s.id <> ?1", vec![keep.to_string()]),
        EndTarget::Everyone { keep: None } => ("true", vec![]),
    }
}

/// Ends the sign-ins of a user that are under way; their sessions stay.
pub(super) fn invalidate_sign_ins(connection: &Connection, owner: UserId) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE session SET generation = generation + 1
         WHERE owner = ?1 AND generation = (SELECT generation FROM owner WHERE id = ?1)",
        )?
        .execute([AsText(owner)])?;
    raise_generation(connection, Some(owner), None)
}

/// Raises the generation of one or of all, so that what is being opened now loses; the kept session comes along.
fn raise_generation(connection: &Connection, owner: Option<UserId>, keep: Option<SessionId>) -> rusqlite::Result<()> {
    if let Some(keep) = keep {
        connection
            .prepare_cached(
                "UPDATE session SET generation = generation + 1
             WHERE id = ?1 AND (?2 IS NULL OR owner = ?2)
               AND generation = (SELECT generation FROM owner WHERE id = session.owner)",
            )?
            .execute((AsText(keep), owner.map(AsText)))?;
    }
    match owner {
        Some(owner) => connection
            .prepare_cached(
                "INSERT INTO owner (id, generation) VALUES (?1, 1)
                 ON CONFLICT (id) DO UPDATE SET generation = generation + 1",
            )?
            .execute([AsText(owner)])?,
        None => connection.prepare_cached("UPDATE owner SET generation = generation + 1")?.execute([])?,
    };
    Ok(())
}
