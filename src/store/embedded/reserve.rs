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
    sync::{Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, ErrorCode, ffi};
use tracing::{info, warn};

use super::integrity::side_path;
use crate::secret::random_bytes;

/// Bytes of a whole reserve: some thousand ends, since what is ended makes room in the store.
const FULL_BYTES: u64 = 4 << 20;
/// Bytes that are given at once.
const RELEASE_BYTES: u64 = 256 << 10;
/// Bytes that are written at once.
const WRITE_BYTES: usize = 64 << 10;
/// Bytes that are left to others beside a whole reserve.
const SPARE_BYTES: u64 = 1 << 20;

/// The file that holds the room.
#[derive(Debug)]
pub(super) struct DiskReserve {
    path: PathBuf,
    /// This process serves: it creates the file where there is none.
    is_server: bool,
    state: Mutex<ReserveState>,
}

/// State of the file, as the last attempt to write it found it.
#[derive(Debug, Default)]
enum ReserveState {
    /// Written, or not tried yet.
    #[default]
    Writable,
    /// No room for the whole of it.
    DiskFull,
    /// Not writable for a reason other than room.
    Unwritable(String),
}

impl DiskReserve {
    /// The reserve of the store at this path.
    pub(super) fn for_store(store: &Path, serves: bool) -> Self {
        Self { path: reserve_path(store), is_server: serves, state: Mutex::default() }
    }

    /// Creates and fills the file at the start, as far as there is room.
    pub(super) fn create(&self) {
        if self.is_server
            && let Err(error) = self.refill()
        {
            warn!(path = %self.path.display(), %error, "Reserve of the store not filled: disk is full, only ends are written");
        }
    }

    /// Whether a part of it has been given away, and is not back.
    ///
    /// Invariant: a file that cannot be written for a reason other than room is not short, so that it keeps nobody from
    /// writing. Held by `store_reserve::one_that_cannot_be_written_keeps_nobody_from_writing`.
    pub(super) fn is_depleted(&self) -> bool {
        let state = self.state();
        match (&*state, self.path.metadata()) {
            (ReserveState::Writable | ReserveState::DiskFull, Ok(about)) => about.len() < FULL_BYTES,
            (ReserveState::DiskFull, Err(_)) => self.is_server,
            (ReserveState::Writable, Err(_)) | (ReserveState::Unwritable(_), _) => false,
        }
    }

    /// Whether ordinary acts are refused. A server looks for room when it is probed, the command line before each act.
    pub(super) fn rejects_ordinary(&self) -> bool {
        self.is_depleted() && (self.is_server || self.refill().is_err())
    }

    /// Gives a step of it. False: nothing is left, or the file cannot be written.
    pub(super) fn release_step(&self) -> bool {
        let give = || -> io::Result<u64> {
            let file = OpenOptions::new().write(true).open(&self.path)?;
            let left = file.metadata()?.len();
            file.set_len(left.saturating_sub(RELEASE_BYTES))?;
            Ok(left)
        };
        match give() {
            Ok(left) => {
                if left >= FULL_BYTES {
                    warn!(path = %self.path.display(), "Reserve of the store released: disk is full, only ends are written");
                }
                left > 0
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => {
                self.set_state(ReserveState::Unwritable(error.to_string()));
                false
            }
        }
    }

    /// Makes it whole again, or leaves it as it is.
    ///
    /// # Errors
    /// Where there is no room. Any other reason is a fault, which is told by the log and [`Reserve::fault`].
    pub(super) fn refill(&self) -> io::Result<()> {
        if !self.is_server && !self.path.exists() {
            return Ok(());
        }
        match self.write_file() {
            Ok(()) => {
                self.set_state(ReserveState::Writable);
                Ok(())
            }
            Err(error) if is_io_disk_full(&error) => {
                self.set_state(ReserveState::DiskFull);
                Err(error)
            }
            Err(error) => {
                self.set_state(ReserveState::Unwritable(error.to_string()));
                Ok(())
            }
        }
    }

    /// Why the file cannot be written, where that is not for want of room, and what mends it.
    pub(super) fn fault(&self) -> Option<String> {
        match &*self.state() {
            ReserveState::Unwritable(error) => Some(fault_message(&self.path, error)),
            ReserveState::Writable | ReserveState::DiskFull => None,
        }
    }

    /// Enters a state; a new fault is logged once.
    fn set_state(&self, new: ReserveState) {
        let mut state = self.state();
        if let ReserveState::Unwritable(error) = &new
            && !matches!(*state, ReserveState::Unwritable(_))
        {
            warn!(
                path = %self.path.display(),
                error,
                "Reserve of the store not writable: on a full disk no session ends"
            );
        }
        *state = new;
    }

    fn state(&self) -> MutexGuard<'_, ReserveState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_file(&self) -> io::Result<()> {
        let is_new = !self.path.exists();
        // Opened also where it is whole: one that cannot be opened cannot be released either.
        let file =
            OpenOptions::new().write(true).create(self.is_server).truncate(false).mode(0o600).open(&self.path)?;
        let before = file.metadata()?.len();
        if before >= FULL_BYTES {
            return Ok(());
        }
        // Looked for every few seconds on a disk that others write on, too: what is tried without room takes it from them meanwhile.
        if lacks_space(&file, FULL_BYTES - before) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if let Err(why) = write_random(&file, before) {
            file.set_len(before)?;
            return Err(why);
        }
        if !is_new {
            info!(path = %self.path.display(), "Reserve of the store restored");
        }
        Ok(())
    }
}

/// The fault of the reserve beside the store at this path, where there is one. Nothing is created or changed.
pub(super) fn probe_fault(store: &Path) -> Option<String> {
    let path = reserve_path(store);
    match OpenOptions::new().write(true).open(&path) {
        Ok(_) => None,
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(fault_message(&path, &error.to_string())),
    }
}

fn reserve_path(store: &Path) -> PathBuf {
    side_path(&store.canonicalize().unwrap_or_else(|_| store.to_owned()), "-reserve")
}

fn fault_message(path: &Path, error: &str) -> String {
    let path = path.display();
    format!(
        "the reserve {path} cannot be written ({error}): on a full disk no session ends; remove it, and let the user that \
         Portcullis runs as create files there"
    )
}

fn is_io_disk_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Whether the file system says that it has no room for so many bytes more, with some for others. A quota is seen only when it is reached.
fn lacks_space(file: &File, bytes: u64) -> bool {
    let Ok(about) = nix::sys::statvfs::fstatvfs(file) else { return false };
    // A file system that does not count its blocks says 0 of each.
    about.blocks() > 0 && about.blocks_available().saturating_mul(about.fragment_size()) < bytes + SPARE_BYTES
}

/// Random bytes: a file system that compresses holds no room for others.
fn write_random(file: &File, mut at: u64) -> io::Result<()> {
    while at < FULL_BYTES {
        let block = random_bytes::<WRITE_BYTES>();
        let end = usize::try_from(FULL_BYTES - at).map_or(WRITE_BYTES, |left| left.min(WRITE_BYTES));
        file.write_all_at(&block[..end], at)?;
        at += end as u64;
    }
    file.sync_all()
}

/// Whether there was no room to write.
pub(super) fn is_disk_full(error: &rusqlite::Error) -> bool {
    // A quota is told as a write that fails, and a full disk at the start by the memory that is shared in a file.
    let others = [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_SHMSIZE, ffi::SQLITE_IOERR_SHMOPEN];
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || matches!(error, rusqlite::Error::SqliteFailure(why, _) if others.contains(&why.extended_code))
}

/// What `SQLite` says of a full disk.
pub(super) fn disk_full_error() -> rusqlite::Error {
    let told = "database or disk is full; until there is room again, sessions end, and nothing else is written";
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), Some(told.to_owned()))
}

/// Writes what is in the `-wal` file into the store, as far as that goes, so that its room is used again.
pub(super) fn checkpoint_wal(connection: &Connection) {
    let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())); // without room for it the log grows
}
