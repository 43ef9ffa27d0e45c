//! How a session opens: only while its owner's generation is the one that was read before the proof was checked.
//!
//! Invariant: an open that races an end of all loses. Held by
//! `store_contract::an_open_that_races_an_end_of_all_loses`.

use rusqlite::{Connection, OptionalExtension as _};

use super::{
    columns::{Json, Text, whole},
    ending::{self, Going},
    journal,
    sessions::SESSIONS,
};
use crate::{
    session::{NewSession, Opened, Session, Which},
    store::body::Body,
};

const MAY: &str = "SELECT 1 FROM owner WHERE id = ?1 AND generation = ?2 AND version IS NOT NULL AND NOT disabled";

const INSERT: &str = "
    INSERT INTO session (id, owner, generation, secret, opened, remembered, kind, assurance, body)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// Opens it, and ends the longest unused ones above the maximum.
pub(super) fn open(on: &Connection, new: &NewSession) -> rusqlite::Result<Opened> {
    let owner = Text(new.session.owner());
    let may = on.prepare_cached(MAY)?.query_row((&owner, whole(new.generation)), |_| Ok(())).optional()?;
    if may.is_none() {
        return Ok(Opened::Superseded);
    }
    insert(on, new)?;
    let replaced = match new.replaces {
        Some(id) => ending::end(on, Which::One { owner: id.owner(), id }, &new.replacing())?.pop().map(Box::new),
        None => None,
    };
    let evicted = evict(on, new)?;
    let owner = new.session.owner();
    journal::write(on, new.story.entry(Some(owner), new.signed_in()))?;
    Ok(Opened::Yes { replaced, evicted })
}

fn insert(on: &Connection, new: &NewSession) -> rusqlite::Result<()> {
    let Session { id, terms, proof, activity, .. } = new.session.clone();
    let key = on.prepare_cached(INSERT)?.insert((
        Text(id),
        Text(id.owner()),
        whole(new.generation),
        new.secret,
        terms.opened,
        terms.remembered,
        terms.kind,
        proof.assurance,
        Json(Body::of(&new.session)),
    ))?;
    on.prepare_cached("INSERT INTO activity (session, latest, ip, actions, last_page) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute((key, activity.latest, Text(activity.ip), whole(activity.actions), activity.last_page))?;
    Ok(())
}

/// The new one stays in any case: whoever has just signed in is signed in.
fn evict(on: &Connection, new: &NewSession) -> rusqlite::Result<Vec<Session>> {
    let others_may_be = new.max_per_user.saturating_sub(1);
    let sql =
        format!("{SESSIONS} WHERE s.owner = ?1 AND s.id <> ?2 ORDER BY a.latest DESC, s.key DESC LIMIT -1 OFFSET ?3");
    let above = on
        .prepare_cached(&sql)?
        .query_map((Text(new.session.owner()), Text(new.session.id), whole(others_may_be)), Going::read)?
        .collect::<rusqlite::Result<Vec<Going>>>()?;
    ending::leave(on, above, &new.evicting())
}
