//! How sessions end: they are deleted, a note stays, and the generation rises where a sign-in under way must lose too.

use rusqlite::{Connection, OptionalExtension as _};

use super::{
    columns::{Json, Text},
    sessions::{SESSIONS, session},
};
use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
    secret::Digest,
    session::{Ended, Ending, Session, Which},
};

/// Ends them. The inner error is of a session that cannot be read: it is ended all the same, it only cannot be told.
pub(super) fn end(
    on: &Connection,
    which: Which,
    ending: &Ending,
    at: Timestamp,
) -> rusqlite::Result<rusqlite::Result<Vec<Session>>> {
    let (chosen, named) = choose(which);
    let sql = format!("{SESSIONS} WHERE {chosen} ORDER BY a.latest DESC, s.id");
    let going = on
        .prepare_cached(&sql)?
        .query_map(rusqlite::params_from_iter(named), |row| Ok((row.get(0)?, session(row))))?
        .collect::<rusqlite::Result<Vec<(i64, _)>>>()?;
    for (key, _) in &going {
        leave(on, *key, ending, at)?;
    }
    match which {
        Which::One { .. } => {}
        Which::AllOf(owner) => raise(on, Some(owner), None)?,
        Which::AllBut { owner, keep } => raise(on, Some(owner), Some(keep))?,
        Which::Everyone { keep } => raise(on, None, keep)?,
    }
    Ok(going.into_iter().map(|(_, session)| session).collect())
}

/// Ends one that was not used since.
pub(super) fn expire(
    on: &Connection,
    id: SessionId,
    latest: Timestamp,
    ending: &Ending,
    at: Timestamp,
) -> rusqlite::Result<Option<Session>> {
    let sql = format!("{SESSIONS} WHERE s.id = ?1 AND a.latest <= ?2");
    let going = on
        .prepare_cached(&sql)?
        .query_row((Text(id), latest), |row| Ok((row.get::<_, i64>(0)?, session(row)?)))
        .optional()?;
    let Some((key, session)) = going else { return Ok(None) };
    leave(on, key, ending, at)?;
    Ok(Some(session))
}

/// Deletes a session and leaves the note.
pub(super) fn leave(on: &Connection, key: i64, ending: &Ending, at: Timestamp) -> rusqlite::Result<()> {
    on.prepare_cached(
        "INSERT OR REPLACE INTO ended (id, secret, former, at, ending)
         SELECT id, secret, former, ?2, ?3 FROM session WHERE key = ?1",
    )?
    .execute((key, at, Json(ending)))?;
    on.prepare_cached("DELETE FROM session WHERE key = ?1")?.execute([key])?;
    Ok(())
}

/// The note, for whoever shows a secret that the session had.
pub(super) fn note(on: &Connection, id: SessionId, secret: Digest) -> rusqlite::Result<Option<Ended>> {
    on.prepare_cached("SELECT ending, at FROM ended WHERE id = ?1 AND ?2 IN (secret, former)")?
        .query_row((Text(id), secret), |row| Ok(Ended { ending: row.get::<_, Json<_>>(0)?.0, at: row.get(1)? }))
        .optional()
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
