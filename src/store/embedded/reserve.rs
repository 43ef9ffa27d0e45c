//! Room that is kept for ends: on a full disk sessions still end, and the journal has their lines.
//!
//! In WAL mode a commit needs new room in the `-wal` file, also where it only deletes. So a file beside the store holds some, and
//! an urgent act that finds none has it, a step at a time, so that whoever else fills the disk does not get all of it. While
//! the file is not whole, other acts are refused without being tried: the room is not theirs.
//!
//! Held by `store_writes::on_a_full_disk_sessions_still_end`, `wire::unwritable`.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use rusqlite::{Connection, ErrorCode, ffi};
use tracing::{info, warn};

use super::place::beside;
use crate::secret::random;

/// Bytes of a whole reserve: some thousand ends, since what is ended makes room in the store.
const WHOLE: u64 = 4 << 20;
/// Bytes that are given at once.
const STEP: u64 = 256 << 10;
/// Bytes that are written at once.
const BLOCK: usize = 64 << 10;

/// The file that holds the room.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    /// This process serves: it makes the reserve, and keeps other acts off its room.
    serves: bool,
    /// There was no room to make it.
    lacking: AtomicBool,
    /// The log was told that it cannot be made for another reason.
    told: AtomicBool,
}

impl Reserve {
    /// The reserve of the store at this path.
    pub(super) fn beside(store: &Path, serves: bool) -> Self {
        let path = store.canonicalize().unwrap_or_else(|_| store.to_owned());
        Self { path: beside(&path, "-reserve"), serves, lacking: AtomicBool::new(false), told: AtomicBool::new(false) }
    }

    /// Makes it whole at the start, as far as there is room.
    pub(super) fn make(&self) {
        if let Err(why) = self.restore() {
            warn!(
                "Disk is full: the reserve at {} is not whole, and only sessions are ended: {why}",
                self.path.display()
            );
        }
    }

    /// Whether a part of it has been given away, and is not back.
    pub(super) fn is_short(&self) -> bool {
        let short = |about: io::Result<std::fs::Metadata>| match about {
            Ok(about) => about.len() < WHOLE,
            Err(_) => self.lacking.load(Ordering::Relaxed),
        };
        self.serves && short(self.path.metadata())
    }

    /// Gives a step of it. False: nothing is left.
    pub(super) fn release(&self) -> bool {
        let give = || -> io::Result<u64> {
            let file = OpenOptions::new().write(true).open(&self.path)?;
            let left = file.metadata()?.len();
            let after = left.saturating_sub(STEP);
            file.set_len(after)?;
            if left >= WHOLE {
                warn!(
                    "Disk is full: sessions end with the room of {}, and nothing else is written",
                    self.path.display()
                );
            }
            Ok(left)
        };
        give().is_ok_and(|left| left > 0)
    }

    /// Makes it whole again, or leaves it as it is.
    pub(super) fn restore(&self) -> io::Result<()> {
        if !self.serves {
            return Ok(());
        }
        let restored = self.fill();
        let full = |why: &io::Error| {
            use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
            matches!(why.kind(), StorageFull | QuotaExceeded | FileTooLarge)
        };
        self.lacking.store(restored.as_ref().is_err_and(full), Ordering::Relaxed);
        // What is no matter of room keeps nobody from writing.
        match restored {
            Err(why) if full(&why) => Err(why),
            Err(why) => {
                if !self.told.swap(true, Ordering::Relaxed) {
                    warn!("Reserve of the store cannot be made at {}: {why}", self.path.display());
                }
                Ok(())
            }
            Ok(()) => {
                self.told.store(false, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    fn fill(&self) -> io::Result<()> {
        if self.path.metadata().is_ok_and(|about| about.len() >= WHOLE) {
            return Ok(());
        }
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.path)?;
        let before = file.metadata()?.len();
        if let Err(why) = fill_from(&file, before) {
            file.set_len(before)?;
            return Err(why);
        }
        if before > 0 {
            info!("Reserve of the store is whole again");
        }
        Ok(())
    }
}

/// Random bytes: a file system that compresses holds no room for others.
fn fill_from(file: &File, mut at: u64) -> io::Result<()> {
    while at < WHOLE {
        let block = random::<BLOCK>();
        let end = usize::try_from(WHOLE - at).map_or(BLOCK, |left| left.min(BLOCK));
        file.write_all_at(&block[..end], at)?;
        at += end as u64;
    }
    file.sync_all()
}

/// Whether there was no room to write.
pub(super) fn is_lack_of_room(error: &rusqlite::Error) -> bool {
    // A quota is told as a write that fails, and a full disk at the start by the memory that is shared in a file.
    let others = [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_SHMSIZE, ffi::SQLITE_IOERR_SHMOPEN];
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || matches!(error, rusqlite::Error::SqliteFailure(why, _) if others.contains(&why.extended_code))
}

/// What `SQLite` says of a full disk.
pub(super) fn no_room() -> rusqlite::Error {
    let told = "database or disk is full; until there is room again, sessions end, and nothing else is written";
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), Some(told.to_owned()))
}

/// Writes what is in the `-wal` file into the store, as far as that goes, so that its room is used again.
pub(super) fn reuse_log(on: &Connection) {
    let _ = on.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())); // without room for it the log grows
}
