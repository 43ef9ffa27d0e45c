//! A probe of whether the file can still be written, and has room: a full disk, a quota or a file system that became
//! read-only shows in no read.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rusqlite::Connection;

use super::{EmbeddedStore, reserve::disk_full_error, writer::WriteClass};
use crate::{
    clock::{Clock, Stopwatch},
    store_error::StoreError,
};

/// How long a probe that went well is good for, unless an act fails meanwhile: each one is a flush of the disk.
const VALID_FOR: Duration = Duration::from_secs(10);
/// Room that must be there: some acts' worth, in bytes.
const PROBE_BYTES: i64 = 16 * 1024;
/// A row that nobody reads and that is gone with the same transaction.
const INSERT_PROBE: &str =
    "INSERT INTO throttle (name, tries, says_nothing_from) VALUES ('probe', hex(zeroblob(?1 / 2)), 0)";
const DELETE_PROBE: &str = "DELETE FROM throttle WHERE name = 'probe'";

/// When the file was last written, as far as is known.
#[derive(Debug, Default)]
pub(super) struct WriteProbe(Mutex<Option<Stopwatch>>);

impl WriteProbe {
    /// An act has failed: the next look probes anew.
    pub(super) fn invalidate(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn is_due(&self) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_none_or(|last| last.elapsed() >= VALID_FOR)
    }
}

impl EmbeddedStore {
    /// Takes the write lock, and writes where that was not done lately.
    pub(super) async fn probe_write(&self) -> Result<(), StoreError> {
        if !self.probe.is_due() {
            return self.write(|_| Ok(())).await;
        }
        let reserve = self.reserve.clone();
        let look = move |connection: &Connection| {
            let restored = reserve.as_ref().map_or(Ok(()), |reserve| reserve.refill());
            restored.map_err(|_| disk_full_error()).and_then(|()| write_probe_row(connection))
        };
        self.write_with(WriteClass::Probe, look).await?;
        *self.probe.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Clock::system().stopwatch());
        Ok(())
    }
}

fn write_probe_row(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached(INSERT_PROBE)?.execute([PROBE_BYTES])?;
    connection.prepare_cached(DELETE_PROBE)?.execute([]).map(drop)
}
