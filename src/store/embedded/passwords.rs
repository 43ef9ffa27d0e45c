//! Password hashes, and the one-time links that set them.
//!
//! Invariant: a link works once. Held by `store_contract::of_two_who_redeem_a_link_at_once_one_gets_in`.

use rusqlite::{Connection, OptionalExtension as _};

use super::columns::{Text, whole};
use crate::{
    account::PasswordHash,
    clock::{SKEW, Timestamp},
    id::UserId,
    secret::Digest,
};

pub(super) fn get(on: &Connection, id: UserId) -> rusqlite::Result<Option<PasswordHash>> {
    on.prepare_cached("SELECT hash FROM password WHERE account = ?1")?
        .query_row([Text(id)], |row| row.get(0).map(PasswordHash::new))
        .optional()
}

/// Sets the password of an account that is there, and kills its open links.
pub(super) fn set(
    on: &Connection,
    id: UserId,
    hash: &PasswordHash,
    at: Timestamp,
    version: u64,
) -> rusqlite::Result<()> {
    on.prepare_cached("UPDATE account SET password_set = ?2, version = ?3 WHERE id = ?1")?.execute((
        Text(id),
        at,
        whole(version),
    ))?;
    put(on, id, hash)?;
    kill_links(on, id)
}

/// Keeps the hash of an account that is there.
pub(super) fn put(on: &Connection, id: UserId, hash: &PasswordHash) -> rusqlite::Result<()> {
    on.prepare_cached(
        "INSERT INTO password (account, hash) VALUES (?1, ?2) ON CONFLICT (account) DO UPDATE SET hash = excluded.hash",
    )?
    .execute((Text(id), hash.as_phc()))?;
    Ok(())
}

/// Replaces a hash by another of the same password: to whoever uses it, nothing has changed.
pub(super) fn rehash(on: &Connection, id: UserId, from: &PasswordHash, to: &PasswordHash) -> rusqlite::Result<bool> {
    let replaced = on.prepare_cached("UPDATE password SET hash = ?3 WHERE account = ?1 AND hash = ?2")?.execute((
        Text(id),
        from.as_phc(),
        to.as_phc(),
    ))?;
    Ok(replaced == 1)
}

/// Keeps a link in place of the earlier ones; false when there is no such account.
pub(super) fn put_link(on: &Connection, id: UserId, link: Digest, expires: Timestamp) -> rusqlite::Result<bool> {
    kill_links(on, id)?;
    let kept = on
        .prepare_cached("INSERT INTO link (digest, account, expires) SELECT ?2, id, ?3 FROM account WHERE id = ?1")?
        .execute((Text(id), link, expires))?;
    Ok(kept == 1)
}

/// Whose link this is, while it is good.
pub(super) fn holder(on: &Connection, link: Digest, now: Timestamp) -> rusqlite::Result<Option<UserId>> {
    // A link that is made for a disabled account opens nothing until it is enabled.
    on.prepare_cached(
        "SELECT l.account FROM link l JOIN account a ON a.id = l.account
         WHERE l.digest = ?1 AND l.expires > ?2 AND NOT a.disabled",
    )?
    .query_row((link, now), |row| row.get::<_, Text<_>>(0).map(|id| id.0))
    .optional()
}

/// A link is good for no longer than one that is made now: a clock that was ahead has made it.
pub(super) fn clamp_links(on: &Connection, until: Timestamp) -> rusqlite::Result<()> {
    on.prepare_cached("UPDATE link SET expires = ?1 WHERE expires > ?2")?.execute((until, until.plus(SKEW)))?;
    Ok(())
}

pub(super) fn kill_links(on: &Connection, id: UserId) -> rusqlite::Result<()> {
    on.prepare_cached("DELETE FROM link WHERE account = ?1")?.execute([Text(id)])?;
    Ok(())
}
