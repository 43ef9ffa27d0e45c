//! Password hashes, and the one-time links that set them.
//!
//! Invariant: a link works once. Held by `store_contract::of_two_who_redeem_a_link_at_once_one_gets_in`.

use rusqlite::{Connection, OptionalExtension as _};

use super::columns::{AsText, saturating_i64};
use crate::{
    account::PasswordHash,
    clock::{MAX_CLOCK_SKEW, Timestamp},
    id::UserId,
    secret::Digest,
};

pub(super) fn get(connection: &Connection, id: UserId) -> rusqlite::Result<Option<PasswordHash>> {
    connection
        .prepare_cached("SELECT hash FROM password WHERE account = ?1")?
        .query_row([AsText(id)], |row| row.get(0).map(PasswordHash::new))
        .optional()
}

/// Sets the password of an account that is there, and kills its open links.
pub(super) fn set(
    connection: &Connection,
    id: UserId,
    hash: &PasswordHash,
    at: Timestamp,
    version: u64,
) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE account SET password_set = ?2, version = ?3 WHERE id = ?1")?.execute((
        AsText(id),
        at,
        saturating_i64(version),
    ))?;
    put(connection, id, hash)?;
    delete_links(connection, id)
}

/// Keeps the hash of an account that is there.
pub(super) fn put(connection: &Connection, id: UserId, hash: &PasswordHash) -> rusqlite::Result<()> {
    connection.prepare_cached(
        "INSERT INTO password (account, hash) VALUES (?1, ?2) ON CONFLICT (account) DO UPDATE SET hash = excluded.hash",
    )?
    .execute((AsText(id), hash.as_phc()))?;
    Ok(())
}

/// Replaces a hash by another of the same password: to whoever uses it, nothing has changed.
pub(super) fn rehash(
    connection: &Connection,
    id: UserId,
    from: &PasswordHash,
    to: &PasswordHash,
) -> rusqlite::Result<bool> {
    let replaced = connection
        .prepare_cached("UPDATE password SET hash = ?3 WHERE account = ?1 AND hash = ?2")?
        .execute((AsText(id), from.as_phc(), to.as_phc()))?;
    Ok(replaced == 1)
}

/// Keeps a link in place of the earlier ones; false when there is no such account.
pub(super) fn put_link(
    connection: &Connection,
    id: UserId,
    link: Digest,
    expires: Timestamp,
) -> rusqlite::Result<bool> {
    delete_links(connection, id)?;
    let kept = connection
        .prepare_cached("INSERT INTO link (digest, account, expires) SELECT ?2, id, ?3 FROM account WHERE id = ?1")?
        .execute((AsText(id), link, expires))?;
    Ok(kept == 1)
}

/// The user of this link, while it is good.
pub(super) fn link_holder(connection: &Connection, link: Digest, now: Timestamp) -> rusqlite::Result<Option<UserId>> {
    // A link that is made for a disabled account opens nothing until it is enabled.
    connection
        .prepare_cached(
            "SELECT l.account FROM link l JOIN account a ON a.id = l.account
         WHERE l.digest = ?1 AND l.expires > ?2 AND NOT a.disabled",
        )?
        .query_row((link, now), |row| row.get::<_, AsText<_>>(0).map(|id| id.0))
        .optional()
}

/// A link is good for no longer than one that is made now: a clock that was ahead has made it.
pub(super) fn clamp_links(connection: &Connection, until: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE link SET expires = ?1 WHERE expires > ?2")?
        .execute((until, until.plus(MAX_CLOCK_SKEW)))?;
    Ok(())
}

pub(super) fn delete_links(connection: &Connection, id: UserId) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM link WHERE account = ?1")?.execute([AsText(id)])?;
    Ok(())
}
