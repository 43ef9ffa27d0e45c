//! Changes of an account, and what follows from them for live state: what the gate reads of its owner, and its sessions.
//! Where this file keeps both, they run in the transaction of one act, so that no outage leaves half of it.

use rusqlite::Connection;

use super::{
    accounts::{one, role_names},
    columns::{Text, whole},
    devices, ending, journal, passwords,
    sessions::{put_owner, renew},
};
use crate::{
    account::{Account, Alteration, Altered, Change, Changed, Consequence, Fate, NewHash},
    audit::Story,
    id::UserId,
    session::Session,
};

/// Changes an account, and does all that follows. None: there is no such account, or it is not as it was supposed to be.
pub(super) fn change(on: &Connection, alteration: Alteration, story: &Story) -> rusqlite::Result<Option<Changed>> {
    let Some(Altered { account, consequence }) = alter(on, alteration, story)? else { return Ok(None) };
    let (ended, renewed) = follow(on, consequence)?;
    Ok(Some(Changed { account, ended, renewed }))
}

/// Changes an account and writes that down; what follows for live state is still to be done.
pub(super) fn alter(on: &Connection, alteration: Alteration, story: &Story) -> rusqlite::Result<Option<Altered>> {
    match alteration {
        Alteration::Change(id, change) => alter_rights(on, id, &change, story),
        Alteration::Password(id, new) => alter_password(on, id, &new, story),
        Alteration::Redeem(link, hash) => {
            let Some(id) = passwords::holder(on, link, story.at)? else { return Ok(None) };
            alter_password(on, id, &NewHash::Set(hash), story)
        }
    }
}

/// Does what follows: tells the sessions that ended, and whether the one that asked was renewed.
fn follow(on: &Connection, consequence: Consequence) -> rusqlite::Result<(Vec<Session>, bool)> {
    let Consequence { user, owner, sessions, renewal, .. } = consequence;
    if let Some(owner) = owner {
        put_owner(on, owner)?;
    }
    let ended = match sessions {
        Fate::Stay => Vec::new(),
        Fate::Supersede => {
            ending::supersede(on, user)?;
            Vec::new()
        }
        Fate::End(which, parting) => ending::end(on, which, &parting)?,
    };
    let renewed = match renewal {
        Some(renewal) => renew(on, &renewal)?,
        None => false,
    };
    Ok((ended, renewed))
}

fn alter_rights(on: &Connection, id: UserId, change: &Change, story: &Story) -> rusqlite::Result<Option<Altered>> {
    let Some(before) = one(on, id)? else { return Ok(None) };
    let account = change.applied_to(&before, story.at);
    if change.takes_all() {
        passwords::kill_links(on, id)?;
        devices::forget_all_but(on, id, None)?;
    }
    match &account {
        Some(Account { roles, disabled, version, .. }) => on
            .prepare_cached("UPDATE account SET roles = ?2, disabled = ?3, version = ?4 WHERE id = ?1")?
            .execute((Text(id), role_names(roles), disabled, whole(*version)))?,
        None => on.prepare_cached("DELETE FROM account WHERE id = ?1")?.execute([Text(id)])?,
    };
    journal::write(on, story.entry(Some(id), change.fact()))?;
    let owner = account.as_ref().map_or_else(|| before.as_nobody(story.at), Account::as_owner);
    let consequence = Consequence::of_change(owner, change, story);
    Ok(Some(Altered { account: account.unwrap_or(before), consequence }))
}

fn alter_password(on: &Connection, id: UserId, new: &NewHash, story: &Story) -> rusqlite::Result<Option<Altered>> {
    if let NewHash::Changed { was, .. } = new
        && passwords::get(on, id)? != *was
    {
        return Ok(None);
    }
    let Some(before) = one(on, id)? else { return Ok(None) };
    passwords::set(on, id, new.hash(), story.at, before.next_version(story.at))?;
    journal::write(on, story.entry(Some(id), new.fact()))?;
    devices::forget_all_but(on, id, new.device())?;
    let consequence = Consequence::of_password(id, new, story);
    Ok(one(on, id)?.map(|account| Altered { account, consequence }))
}
