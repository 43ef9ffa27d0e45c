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
    account::{Account, AccountChange, AccountCommand, ChangeOutcome, PasswordUpdate},
    audit::{AuditContext, Recorded},
    id::UserId,
    session::Session,
    store::{AppliedCommand, LiveEffects, SessionEffect},
};

/// Changes an account, and does all that follows. None: there is no such account, or it is not as it was supposed to be.
pub(super) fn apply(
    connection: &Connection,
    alteration: AccountCommand,
    context: &AuditContext,
) -> rusqlite::Result<Recorded<Option<ChangeOutcome>>> {
    let Some(AppliedCommand { account, effects, entry }) = apply_to_account(connection, alteration, context)? else {
        return Ok(Recorded::nothing(None));
    };
    let (Recorded { value: ended, entries }, renewed) = apply_effects(connection, effects)?;
    let entries = std::iter::once(entry).chain(entries).collect();
    Ok(Recorded { value: Some(ChangeOutcome { account, ended, renewed }), entries })
}

/// Changes an account and writes that down; what follows for live state is still to be done.
pub(super) fn apply_to_account(
    connection: &Connection,
    alteration: AccountCommand,
    context: &AuditContext,
) -> rusqlite::Result<Option<AppliedCommand>> {
    match alteration {
        AccountCommand::Change(id, change) => change_rights(connection, id, &change, context),
        AccountCommand::Password(id, new) => change_password(connection, id, &new, context),
        AccountCommand::Redeem(link, hash) => {
            let Some(id) = passwords::link_holder(connection, link, context.at)? else { return Ok(None) };
            change_password(connection, id, &PasswordUpdate::Set(hash), context)
        }
    }
}

/// Does what follows: tells the sessions that ended, and whether the one that asked was renewed.
fn apply_effects(
    connection: &Connection,
    consequence: LiveEffects,
) -> rusqlite::Result<(Recorded<Vec<Session>>, bool)> {
    let LiveEffects { user, snapshot: owner, sessions, renewal, .. } = consequence;
    if let Some(owner) = owner {
        put_user_snapshot(connection, owner)?;
    }
    let ended = match sessions {
        SessionEffect::Keep => Recorded::default(),
        SessionEffect::AdvanceGeneration => {
            session_end::invalidate_sign_ins(connection, user)?;
            Recorded::default()
        }
        SessionEffect::End(target, end_record) => session_end::end(connection, target, &end_record)?,
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
    change: &AccountChange,
    context: &AuditContext,
) -> rusqlite::Result<Option<AppliedCommand>> {
    let Some(before) = find_account(connection, id)? else { return Ok(None) };
    let account = change.apply_to(&before, context.at);
    if change.revokes_credentials() {
        passwords::delete_links(connection, id)?;
        devices::forget_all_except(connection, id, None)?;
    }
    match &account {
        Some(Account { roles, disabled, version, .. }) => connection
            .prepare_cached("UPDATE account SET roles = ?2, disabled = ?3, version = ?4 WHERE id = ?1")?
            .execute((AsText(id), role_names(roles), disabled, saturating_i64(*version)))?,
        None => connection.prepare_cached("DELETE FROM account WHERE id = ?1")?.execute([AsText(id)])?,
    };
    let entry = context.entry(Some(id), change.event());
    audit_log::insert(connection, &entry)?;
    let owner = account.as_ref().map_or_else(|| before.removed_snapshot(context.at), Account::snapshot);
    let consequence = LiveEffects::from_change(owner, change, context);
    Ok(Some(AppliedCommand { account: account.unwrap_or(before), effects: consequence, entry }))
}

fn change_password(
    connection: &Connection,
    id: UserId,
    new: &PasswordUpdate,
    context: &AuditContext,
) -> rusqlite::Result<Option<AppliedCommand>> {
    if let PasswordUpdate::Changed { expected: was, .. } = new
        && passwords::get(connection, id)? != *was
    {
        return Ok(None);
    }
    let Some(before) = find_account(connection, id)? else { return Ok(None) };
    passwords::set(connection, id, new.hash(), context.at, before.next_version(context.at))?;
    let entry = context.entry(Some(id), new.event());
    audit_log::insert(connection, &entry)?;
    devices::forget_all_except(connection, id, new.kept_device())?;
    let consequence = LiveEffects::from_password(id, new, context);
    Ok(find_account(connection, id)?.map(|account| AppliedCommand { account, effects: consequence, entry }))
}
