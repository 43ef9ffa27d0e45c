//! The devices that accounts have signed in from, by the digests of their cookies.

use rusqlite::{Connection, OptionalExtension as _};

use super::columns::{AsText, saturating_i64};
use crate::{
    account::DeviceRegistration,
    clock::{MAX_CLOCK_SKEW, Timestamp},
    id::{DeviceId, UserId},
    secret::Digest,
};

/// Drops a portion of those that nobody uses any more.
pub(super) const DELETE_OLD: &str = "DELETE FROM device WHERE (account, digest) IN
                                   (SELECT account, digest FROM device WHERE last_used < ?1 LIMIT ?2)";

pub(super) fn find(connection: &Connection, owner: UserId, device: Digest) -> rusqlite::Result<Option<DeviceId>> {
    connection
        .prepare_cached("SELECT id FROM device WHERE account = ?1 AND digest = ?2")?
        .query_row((AsText(owner), device), |row| row.get::<_, AsText<_>>(0).map(|id| id.0))
        .optional()
}

/// Of one account, the last used first.
pub(super) fn list(connection: &Connection, owner: UserId) -> rusqlite::Result<Vec<DeviceId>> {
    connection
        .prepare_cached("SELECT id FROM device WHERE account = ?1 ORDER BY last_used DESC, id")?
        .query_map([AsText(owner)], |row| row.get::<_, AsText<_>>(0).map(|id| id.0))?
        .collect()
}

/// A device is known to one user: the same cookie shown by another is a new device. Of an account that was removed
/// meanwhile nothing is kept.
pub(super) fn register(
    connection: &Connection,
    owner: UserId,
    shown: Option<Digest>,
    fresh: Digest,
    max: usize,
    at: Timestamp,
) -> rusqlite::Result<DeviceRegistration> {
    const COUNT_KNOWN: &str = "UPDATE device SET sign_ins = sign_ins + 1, last_used = max(last_used, ?3)
                         WHERE account = ?1 AND digest = ?2 RETURNING id, sign_ins";
    const INSERT_NEW: &str = "INSERT INTO device (account, digest, id, sign_ins, first_used, last_used)
                         SELECT id, ?2, ?3, 1, ?4, ?4 FROM account WHERE id = ?1";
    const DELETE_EXCESS: &str = "DELETE FROM device WHERE account = ?1 AND digest IN
                         (SELECT digest FROM device WHERE account = ?1 ORDER BY last_used DESC, first_used DESC
                          LIMIT -1 OFFSET ?2)";
    if let Some(shown) = shown {
        let again = connection
            .prepare_cached(COUNT_KNOWN)?
            .query_row((AsText(owner), shown, at), |row| {
                Ok(DeviceRegistration { id: row.get::<_, AsText<_>>(0)?.0, sign_ins: row.get(1)?, was_known: true })
            })
            .optional()?;
        if let Some(again) = again {
            return Ok(again);
        }
    }
    let id = DeviceId::mint();
    connection.prepare_cached(INSERT_NEW)?.execute((AsText(owner), fresh, AsText(id), at))?;
    connection.prepare_cached(DELETE_EXCESS)?.execute((AsText(owner), saturating_i64(max)))?;
    Ok(DeviceRegistration { id, sign_ins: 1, was_known: false })
}

pub(super) fn forget_all_except(connection: &Connection, owner: UserId, keep: Option<Digest>) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM device WHERE account = ?1 AND (?2 IS NULL OR digest <> ?2)")?
        .execute((AsText(owner), keep))?;
    Ok(())
}

/// Devices that a clock that was ahead has met were used now.
pub(super) fn clamp(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE device SET first_used = min(first_used, ?1), last_used = ?1 WHERE last_used > ?2")?
        .execute((now, now.plus(MAX_CLOCK_SKEW)))?;
    Ok(())
}
