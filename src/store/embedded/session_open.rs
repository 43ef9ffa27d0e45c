//! Opening of a session in the file: only while its owner's generation is the one that was read before the proof was checked.
//!
//! Invariant: an open that races an end of all loses. Held by
//! `store_contract::an_open_that_races_an_end_of_all_loses`.

use rusqlite::{Connection, OptionalExtension as _};

use super::{
    audit_log,
    columns::{AsJson, AsText, saturating_i64},
    session_end::{self, EndingRow},
    sessions::SELECT_SESSIONS,
};
use crate::{
    audit::Recorded,
    session::{EndTarget, NewSession, Opened, Session},
    store::session_body::SessionBody,
};

const MAY_OPEN: &str = "SELECT 1 FROM owner WHERE id = ?1 AND generation = ?2 AND version IS NOT NULL AND NOT disabled";

const INSERT: &str = "
    INSERT INTO session (id, owner, generation, secret, opened, remembered, kind, assurance, body)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// Opens it, and ends the longest unused ones above the maximum.
pub(super) fn open(connection: &Connection, new: &NewSession) -> rusqlite::Result<Recorded<Opened>> {
    let owner = AsText(new.session.owner());
    let may = connection
        .prepare_cached(MAY_OPEN)?
        .query_row((&owner, saturating_i64(new.generation)), |_| Ok(()))
        .optional()?;
    if may.is_none() {
        return Ok(Recorded::nothing(Opened::GenerationChanged));
    }
    insert(connection, new)?;
    let mut replaced = match new.replaces {
        Some(id) => session_end::end(connection, EndTarget::One { owner: id.owner(), id }, &new.replace_record())?,
        None => Recorded::default(),
    };
    let evicted = evict_excess(connection, new)?;
    let entry = new.context.entry(Some(new.session.owner()), new.sign_in_event());
    audit_log::insert(connection, &entry)?;
    let entries = replaced.entries.into_iter().chain(evicted.entries).chain([entry]).collect();
    let replaced = replaced.value.pop().map(Box::new);
    Ok(Recorded { value: Opened::Yes { replaced, evicted: evicted.value }, entries })
}

fn insert(connection: &Connection, new: &NewSession) -> rusqlite::Result<()> {
    let Session { id, terms, proof, activity, .. } = new.session.clone();
    let key = connection.prepare_cached(INSERT)?.insert((
        AsText(id),
        AsText(id.owner()),
        saturating_i64(new.generation),
        new.secret,
        terms.opened,
        terms.remembered,
        terms.kind,
        proof.assurance,
        AsJson(SessionBody::from_session(&new.session)),
    ))?;
    connection
        .prepare_cached("INSERT INTO activity (session, latest, ip, actions, last_page) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute((
            key,
            activity.last_seen,
            AsText(activity.ip),
            saturating_i64(activity.actions),
            activity.last_path,
        ))?;
    Ok(())
}

/// The new one stays in any case: whoever has just signed in is signed in.
fn evict_excess(connection: &Connection, new: &NewSession) -> rusqlite::Result<Recorded<Vec<Session>>> {
    let others_may_be = new.max_per_user.saturating_sub(1);
    let sql = format!(
        "{SELECT_SESSIONS} WHERE s.owner = ?1 AND s.id <> ?2 ORDER BY a.latest DESC, s.key DESC LIMIT -1 OFFSET ?3"
    );
    let above = connection
        .prepare_cached(&sql)?
        .query_map(
            (AsText(new.session.owner()), AsText(new.session.id), saturating_i64(others_may_be)),
            EndingRow::read,
        )?
        .collect::<rusqlite::Result<Vec<EndingRow>>>()?;
    session_end::delete_sessions(connection, above, &new.evict_record())
}
