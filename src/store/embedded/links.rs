//! Passwords, and the one-time links that set them.
//!
//! Invariant: a link works once. Held by `store_contract::of_two_who_redeem_a_link_at_once_one_gets_in`.

use rusqlite::{Connection, OptionalExtension as _};

use super::columns::Text;
use crate::{account::PasswordHash, clock::Timestamp, id::UserId, secret::Digest};

/// A disabled account's links rest: they open nothing until it is enabled.
const GOOD: &str = "SELECT l.account FROM link l JOIN account a ON a.id = l.account
                    WHERE l.digest = ?1 AND l.expires > ?2 AND NOT a.disabled";

pub(super) fn password(on: &Connection, id: UserId) -> rusqlite::Result<Option<PasswordHash>> {
    on.prepare_cached("SELECT hash FROM password WHERE account = ?1")?
        .query_row([Text(id)], |row| row.get(0).map(PasswordHash::new))
        .optional()
}

/// Sets the password and kills every open link; false when there is no such account.
pub(super) fn set_password(on: &Connection, id: UserId, hash: &PasswordHash, at: Timestamp) -> rusqlite::Result<bool> {
    let known = on
        .prepare_cached("UPDATE account SET password_set = ?2, version = version + 1 WHERE id = ?1")?
        .execute((Text(id), at))?;
    if known == 0 {
        return Ok(false);
    }
    on.prepare_cached(
        "INSERT INTO password (account, hash) VALUES (?1, ?2) ON CONFLICT (account) DO UPDATE SET hash = excluded.hash",
    )?
    .execute((Text(id), hash.as_phc()))?;
    kill(on, id)?;
    Ok(true)
}

/// Keeps a link in place of the earlier ones. For an account that was removed meanwhile nothing is kept.
pub(super) fn put(on: &Connection, id: UserId, link: Digest, expires: Timestamp) -> rusqlite::Result<()> {
    kill(on, id)?;
    on.prepare_cached("INSERT INTO link (digest, account, expires) SELECT ?2, id, ?3 FROM account WHERE id = ?1")?
        .execute((Text(id), link, expires))?;
    Ok(())
}

/// Whose link this is, while it is good.
pub(super) fn whose(on: &Connection, link: Digest, now: Timestamp) -> rusqlite::Result<Option<UserId>> {
    on.prepare_cached(GOOD)?.query_row((link, now), |row| row.get::<_, Text<_>>(0).map(|id| id.0)).optional()
}

/// Uses a link up.
pub(super) fn redeem(
    on: &Connection,
    link: Digest,
    hash: &PasswordHash,
    now: Timestamp,
) -> rusqlite::Result<Option<UserId>> {
    let Some(id) = whose(on, link, now)? else { return Ok(None) };
    let set = set_password(on, id, hash, now)?;
    Ok(set.then_some(id))
}

fn kill(on: &Connection, id: UserId) -> rusqlite::Result<()> {
    on.prepare_cached("DELETE FROM link WHERE account = ?1")?.execute([Text(id)])?;
    Ok(())
}
