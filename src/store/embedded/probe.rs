//! A probe of whether the file can still be written, and has room: a full disk, a quota or a file system that became
//! read-only shows in no read.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rusqlite::Connection;

use super::{Embedded, reserve::no_room, writer::Need};
use crate::{
    clock::{Clock, Stopwatch},
    outage::StoreError,
};

/// How long a probe that went well is good for, unless an act fails meanwhile: each one is a flush of the disk.
const GOOD_FOR: Duration = Duration::from_secs(10);
/// Room that must be there: some acts' worth, in bytes.
const ROOM: i64 = 16 * 1024;
/// A row that nobody reads and that is gone with the same transaction.
const FILL: &str = "INSERT INTO throttle (name, tries, says_nothing_from) VALUES ('probe', hex(zeroblob(?1 / 2)), 0)";
const CLEAR: &str = "DELETE FROM throttle WHERE name = 'probe'";

/// When the file was last written, as far as is known.
#[derive(Debug, Default)]
pub(super) struct Probe(Mutex<Option<Stopwatch>>);

impl Probe {
    /// An act has failed: the next look probes anew.
    pub(super) fn doubt(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn is_due(&self) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_none_or(|last| last.elapsed() >= GOOD_FOR)
    }
}

impl Embedded {
    /// Takes the write lock, and writes where that was not done lately.
    pub(super) async fn try_to_write(&self) -> Result<(), StoreError> {
        if !self.probe.is_due() {
            return self.act(|_| Ok(())).await;
        }
        let reserve = self.reserve.clone();
        let look = move |on: &Connection| {
            let restored = reserve.as_ref().map_or(Ok(()), |reserve| reserve.restore());
            restored.map_err(|_| no_room()).and_then(|()| write(on))
        };
        self.act_with(Need::Probe, look).await?;
        *self.probe.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Clock::machine().stopwatch());
        Ok(())
    }
}

fn write(on: &Connection) -> rusqlite::Result<()> {
    on.prepare_cached(FILL)?.execute([ROOM])?;
    on.prepare_cached(CLEAR)?.execute([]).map(drop)
}
