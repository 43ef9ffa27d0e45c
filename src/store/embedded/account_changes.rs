//! Changes of an account, and what follows from them for live state: what the gate reads of its owner, and its sessions.
//! Where this file keeps both, they run in the transaction of one act, so that no outage leaves half of it.

use rusqlite::Connection;

use super::{
    accounts::{find_account, role_names},
    audit_log,
    columns::{AsText, saturating_i64},
    devices, passwords, session_end,
    sessions::{put_user_snapshot, renew_secret},
};
use crate::{
    account::{Account, Alteration, Altered, Change, Changed, Consequence, Fate, NewHash},
    audit::Story,
    id::UserId,
    session::Session,
};

/// Changes an account, and does all that follows. None: there is no such account, or it is not as it was supposed to be.
pub(super) fn apply(
    connection: &Connection,
    alteration: Alteration,
    story: &Story,
) -> rusqlite::Result<Option<Changed>> {
    let Some(Altered { account, consequence }) = apply_to_account(connection, alteration, story)? else {
        return Ok(None);
    };
    let (ended, renewed) = apply_effects(connection, consequence)?;
    Ok(Some(Changed { account, ended, renewed }))
}

/// Changes an account and writes that down; what follows for live state is still to be done.
pub(super) fn apply_to_account(
    connection: &Connection,
    alteration: Alteration,
    story: &Story,
) -> rusqlite::Result<Option<Altered>> {
    match alteration {
        Alteration::Change(id, change) => change_rights(connection, id, &change, story),
        Alteration::Password(id, new) => change_password(connection, id, &new, story),
        Alteration::Redeem(link, hash) => {
            let Some(id) = passwords::link_holder(connection, link, story.at)? else { return Ok(None) };
            change_password(connection, id, &NewHash::Set(hash), story)
        }
    }
}

/// Does what follows: tells the sessions that ended, and whether the one that asked was renewed.
fn apply_effects(connection: &Connection, consequence: Consequence) -> rusqlite::Result<(Vec<Session>, bool)> {
    let Consequence { user, owner, sessions, renewal, .. } = consequence;
    if let Some(owner) = owner {
        put_user_snapshot(connection, owner)?;
    }
    let ended = match sessions {
        Fate::Stay => Vec::new(),
        Fate::Supersede => {
            session_end::invalidate_sign_ins(connection, user)?;
            Vec::new()
        }
        Fate::End(which, parting) => session_end::end(connection, which, &parting)?,
    };
    let renewed = match renewal {
        Some(renewal) => renew_secret(connection, &renewal)?,
        None => false,
    };
    Ok((ended, renewed))
}

fn change_rights(
    connection: &Connection,
    id: UserId,
    change: &Change,
    story: &Story,
) -> rusqlite::Result<Option<Altered>> {
    let Some(before) = find_account(connection, id)? else { return Ok(None) };
    let account = change.applied_to(&before, story.at);
    if change.takes_all() {
        passwords::delete_links(connection, id)?;
        devices::forget_all_except(connection, id, None)?;
    }
    match &account {
        Some(Account { roles, disabled, version, .. }) => connection
            .prepare_cached("UPDATE account SET roles = ?2, disabled = ?3, version = ?4 WHERE id = ?1")?
            .execute((AsText(id), role_names(roles), disabled, saturating_i64(*version)))?,
        None => connection.prepare_cached("DELETE FROM account WHERE id = ?1")?.execute([AsText(id)])?,
    };
    audit_log::insert(connection, story.entry(Some(id), change.fact()))?;
    let owner = account.as_ref().map_or_else(|| before.as_nobody(story.at), Account::as_owner);
    let consequence = Consequence::of_change(owner, change, story);
    Ok(Some(Altered { account: account.unwrap_or(before), consequence }))
}

fn change_password(
    connection: &Connection,
    id: UserId,
    new: &NewHash,
    story: &Story,
) -> rusqlite::Result<Option<Altered>> {
    if let NewHash::Changed { was, .. } = new
        && passwords::get(connection, id)? != *was
    {
        return Ok(None);
    }
    let Some(before) = find_account(connection, id)? else { return Ok(None) };
    passwords::set(connection, id, new.hash(), story.at, before.next_version(story.at))?;
    audit_log::insert(connection, story.entry(Some(id), new.fact()))?;
    devices::forget_all_except(connection, id, new.device())?;
    let consequence = Consequence::of_password(id, new, story);
    Ok(find_account(connection, id)?.map(|account| Altered { account, consequence }))
}
