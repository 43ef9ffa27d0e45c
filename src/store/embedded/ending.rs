//! How sessions end: they are deleted, a note stays, and the generation rises where a sign-in under way must lose too.

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{
    columns::{Json, Text, whole},
    journal,
    sessions::{SESSIONS, readable, session},
};
use crate::{
    audit::Fact,
    clock::Timestamp,
    id::{SessionId, UserId},
    secret::Digest,
    session::{Ended, Ends, Mark, Parting, Session, Which},
};

/// How many ends one look tells.
const MOST_ENDS: usize = 1_000;

/// Ends them, and writes that down.
pub(super) fn end(on: &Connection, which: Which, parting: &Parting) -> rusqlite::Result<Vec<Session>> {
    let (chosen, named) = choose(which);
    let sql = format!("{SESSIONS} WHERE {chosen} ORDER BY a.latest DESC, s.id");
    let going = on
        .prepare_cached(&sql)?
        .query_map(rusqlite::params_from_iter(named), Going::read)?
        .collect::<rusqlite::Result<Vec<Going>>>()?;
    match which {
        Which::One { .. } => {}
        Which::AllOf(owner) => raise(on, Some(owner), None)?,
        Which::AllBut { owner, keep } => raise(on, Some(owner), Some(keep))?,
        Which::Everyone { keep } => raise(on, None, keep)?,
    }
    leave(on, going, parting)
}

/// Ends one that was not used since.
pub(super) fn expire(
    on: &Connection,
    id: SessionId,
    latest: Timestamp,
    parting: &Parting,
) -> rusqlite::Result<Option<Session>> {
    let sql = format!("{SESSIONS} WHERE s.id = ?1 AND a.latest <= ?2");
    let going = on.prepare_cached(&sql)?.query_row((Text(id), latest), Going::read).optional()?;
    Ok(leave(on, going.into_iter().collect(), parting)?.pop())
}

/// A session that is about to end, as far as it can be read.
pub(super) struct Going {
    key: i64,
    id: rusqlite::Result<SessionId>,
    session: rusqlite::Result<Session>,
}

impl Going {
    /// Reads a row of [`SESSIONS`].
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { key: row.get(0)?, id: row.get::<_, Text<_>>(1).map(|id| id.0), session: session(row) })
    }
}

/// Deletes sessions, leaves a note of each and writes each into the journal. One that cannot be read is ended all the same:
/// the journal has it by its id, and whoever asks is not told of it.
pub(super) fn leave(on: &Connection, going: Vec<Going>, parting: &Parting) -> rusqlite::Result<Vec<Session>> {
    let mut note = on.prepare_cached(
        "INSERT OR REPLACE INTO ended (id, secret, former, at, ending)
         SELECT id, secret, former, ?2, ?3 FROM session WHERE key = ?1",
    )?;
    let mut delete = on.prepare_cached("DELETE FROM session WHERE key = ?1")?;
    for Going { key, id, .. } in &going {
        let ending = id.as_ref().map_or(&parting.ending, |id| parting.ending(*id));
        note.execute((key, parting.story.at, Json(ending)))?;
        delete.execute([key])?;
        if let Ok(id) = id {
            journal::write(on, parting.entry(*id))?;
        }
    }
    Ok(going.into_iter().filter_map(|gone| readable(gone.session)).collect())
}

/// The note, for whoever shows a secret that the session had.
pub(super) fn note(on: &Connection, id: SessionId, secret: Digest) -> rusqlite::Result<Option<Ended>> {
    on.prepare_cached("SELECT ending, at FROM ended WHERE id = ?1 AND ?2 IN (secret, former)")?
        .query_row((Text(id), secret), |row| Ok(Ended { ending: row.get::<_, Json<_>>(0)?.0, at: row.get(1)? }))
        .optional()
}

/// The journal is the log of ends: its key grows with each entry.
pub(super) fn log(on: &Connection, since: Option<&Mark>) -> rusqlite::Result<Ends> {
    const NEWEST: &str = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'journal'), 0)";
    const ENDED: &str =
        "SELECT key, at, body FROM journal WHERE key > ?1 AND fact = 'session_ended' ORDER BY key LIMIT ?2";
    let newest: i64 = on.prepare_cached(NEWEST)?.query_row([], |row| row.get(0))?;
    let begin = since.and_then(|mark| mark.0.parse().ok()).unwrap_or(newest);
    let rows = on
        .prepare_cached(ENDED)?
        .query_map((begin, whole(MOST_ENDS)), |row| Ok((row.get(0)?, row.get(1)?, journal::fact(row, 2)?)))?
        .collect::<rusqlite::Result<Vec<(i64, Timestamp, Fact)>>>()?;
    // Where there were more than one look takes, the next one goes on behind the last.
    let mark = rows.last().filter(|_| rows.len() == MOST_ENDS).map_or(newest.max(begin), |(key, ..)| *key);
    let ended = rows.into_iter().filter_map(|(_, at, fact)| match fact {
        Fact::SessionEnded { session, ending, .. } => Some((session, Ended { ending, at })),
        _ => None,
    });
    Ok(Ends { ended: ended.collect(), mark: Mark(mark.to_string()), gap: newest < begin })
}

fn choose(which: Which) -> (&'static str, Vec<String>) {
    match which {
        Which::One { owner, id } => ("s.owner = ?1 AND s.id = ?2", vec![owner.to_string(), id.to_string()]),
        Which::AllBut { owner, keep } => ("s.owner = ?1 AND s.id <> ?2", vec![owner.to_string(), keep.to_string()]),
        Which::AllOf(owner) => ("s.owner = ?1", vec![owner.to_string()]),
        Which::Everyone { keep: Some(keep) } => ("s.id <> ?1", vec![keep.to_string()]),
        Which::Everyone { keep: None } => ("true", vec![]),
    }
}

/// Ends the sign-ins of a user that are under way; their sessions stay.
pub(super) fn supersede(on: &Connection, owner: UserId) -> rusqlite::Result<()> {
    on.prepare_cached(
        "UPDATE session SET generation = generation + 1
         WHERE owner = ?1 AND generation = (SELECT generation FROM owner WHERE id = ?1)",
    )?
    .execute([Text(owner)])?;
    raise(on, Some(owner), None)
}

/// Raises the generation of one or of all, so that what is being opened now loses; the kept session comes along.
fn raise(on: &Connection, owner: Option<UserId>, keep: Option<SessionId>) -> rusqlite::Result<()> {
    if let Some(keep) = keep {
        on.prepare_cached(
            "UPDATE session SET generation = generation + 1
             WHERE id = ?1 AND (?2 IS NULL OR owner = ?2)
               AND generation = (SELECT generation FROM owner WHERE id = session.owner)",
        )?
        .execute((Text(keep), owner.map(Text)))?;
    }
    match owner {
        Some(owner) => on
            .prepare_cached(
                "INSERT INTO owner (id, generation) VALUES (?1, 1)
                 ON CONFLICT (id) DO UPDATE SET generation = generation + 1",
            )?
            .execute([Text(owner)])?,
        None => on.prepare_cached("UPDATE owner SET generation = generation + 1")?.execute([])?,
    };
    Ok(())
}
