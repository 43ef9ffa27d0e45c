//! Changes of an account with all that follows from them: what the gate reads of its owner, sessions, links, journal.
//! Everything runs in the transaction of one act, so that no outage leaves half of it.

use rusqlite::Connection;

use super::{
    accounts::{one, role_names},
    columns::Text,
    devices, ending, journal, passwords,
    sessions::{put_owner, renew},
};
use crate::{
    account::{Account, Change, Changed, NewHash},
    audit::Story,
    id::UserId,
    session::{Owner, Which},
};

pub(super) fn change(on: &Connection, id: UserId, change: &Change, story: &Story) -> rusqlite::Result<Option<Changed>> {
    let Some(before) = one(on, id)? else { return Ok(None) };
    let account = match change {
        Change::Disable { .. } => {
            passwords::kill_links(on, id)?;
            devices::forget_all_but(on, id, None)?;
            set_disabled(on, id, true)?
        }
        Change::Enable => set_disabled(on, id, false)?,
        Change::Roles(roles) => {
            on.prepare_cached("UPDATE account SET roles = ?2, version = version + 1 WHERE id = ?1")?
                .execute((Text(id), role_names(roles)))?;
            one(on, id)?
        }
        Change::Remove => {
            on.prepare_cached("DELETE FROM account WHERE id = ?1")?.execute([Text(id)])?;
            None
        }
    };
    put_owner(on, account.as_ref().map_or_else(|| nobody(&before), Account::as_owner))?;
    journal::write(on, story.entry(Some(id), change.fact()))?;
    let ended = match change.parting(story) {
        Some(parting) => ending::end(on, Which::AllOf(id), &parting)?,
        None => Vec::new(),
    };
    Ok(Some(Changed { account: account.unwrap_or(before), ended, renewed: false }))
}

pub(super) fn set_password(
    on: &Connection,
    id: UserId,
    new: &NewHash,
    story: &Story,
) -> rusqlite::Result<Option<Changed>> {
    if let NewHash::Changed { was, .. } = new
        && passwords::get(on, id)? != *was
    {
        return Ok(None);
    }
    if one(on, id)?.is_none() {
        return Ok(None);
    }
    passwords::set(on, id, new.hash(), story.at)?;
    journal::write(on, story.entry(Some(id), new.fact()))?;
    devices::forget_all_but(on, id, new.device())?;
    let ended = if let Some(which) = new.ends(id) {
        ending::end(on, which, &NewHash::parting(story))?
    } else {
        // Whoever proved the old password, and has no session yet, loses all the same.
        ending::supersede(on, id)?;
        Vec::new()
    };
    let renewed = match new {
        NewHash::Changed { renewal, .. } => renew(on, renewal)?,
        NewHash::Set(_) => false,
    };
    Ok(one(on, id)?.map(|account| Changed { account, ended, renewed }))
}

fn set_disabled(on: &Connection, id: UserId, disabled: bool) -> rusqlite::Result<Option<Account>> {
    on.prepare_cached("UPDATE account SET disabled = ?2, version = version + 1 WHERE id = ?1")?
        .execute((Text(id), disabled))?;
    one(on, id)
}

/// What stays of an account that was removed: that nobody may come in under this id, and no longer who it was.
fn nobody(gone: &Account) -> Owner {
    Owner {
        id: gone.id,
        name: String::new(),
        display_name: None,
        email: None,
        roles: Vec::new(),
        disabled: true,
        version: gone.version + 1,
    }
}
