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

use super::place::beside;
use crate::secret::random;

/// Bytes of a whole reserve: some thousand ends, since what is ended makes room in the store.
const WHOLE: u64 = 4 << 20;
/// Bytes that are given at once.
const STEP: u64 = 256 << 10;
/// Bytes that are written at once.
const BLOCK: usize = 64 << 10;
/// Bytes that are left to others beside a whole reserve.
const SLACK: u64 = 1 << 20;

/// The file that holds the room.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    /// This process serves: it creates the file where there is none.
    serves: bool,
    state: Mutex<State>,
}

/// State of the file, as the last attempt to write it found it.
#[derive(Debug, Default)]
enum State {
    /// Written, or not tried yet.
    #[default]
    Writable,
    /// No room for the whole of it.
    NoRoom,
    /// Not writable for a reason other than room.
    Fault(String),
}

impl Reserve {
    /// The reserve of the store at this path.
    pub(super) fn beside(store: &Path, serves: bool) -> Self {
        Self { path: path_of(store), serves, state: Mutex::default() }
    }

    /// Creates and fills the file at the start, as far as there is room.
    pub(super) fn make(&self) {
        if self.serves
            && let Err(error) = self.restore()
        {
            warn!(path = %self.path.display(), %error, "Reserve of the store not filled: disk is full, only ends are written");
        }
    }

    /// Whether a part of it has been given away, and is not back.
    ///
    /// Invariant: a file that cannot be written for a reason other than room is not short, so that it keeps nobody from
    /// writing. Held by `store_reserve::one_that_cannot_be_written_keeps_nobody_from_writing`.
    pub(super) fn is_short(&self) -> bool {
        let state = self.state();
        match (&*state, self.path.metadata()) {
            (State::Writable | State::NoRoom, Ok(about)) => about.len() < WHOLE,
            (State::NoRoom, Err(_)) => self.serves,
            (State::Writable, Err(_)) | (State::Fault(_), _) => false,
        }
    }

    /// Whether ordinary acts are refused. A server looks for room when it is probed, the command line before each act.
    pub(super) fn refuses_ordinary(&self) -> bool {
        self.is_short() && (self.serves || self.restore().is_err())
    }

    /// Gives a step of it. False: nothing is left, or the file cannot be written.
    pub(super) fn release(&self) -> bool {
        let give = || -> io::Result<u64> {
            let file = OpenOptions::new().write(true).open(&self.path)?;
            let left = file.metadata()?.len();
            file.set_len(left.saturating_sub(STEP))?;
            Ok(left)
        };
        match give() {
            Ok(left) => {
                if left >= WHOLE {
                    warn!(path = %self.path.display(), "Reserve of the store released: disk is full, only ends are written");
                }
                left > 0
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => {
                self.enter(State::Fault(error.to_string()));
                false
            }
        }
    }

    /// Makes it whole again, or leaves it as it is.
    ///
    /// # Errors
    /// Where there is no room. Any other reason is a fault, which is told by the log and [`Reserve::fault`].
    pub(super) fn restore(&self) -> io::Result<()> {
        if !self.serves && !self.path.exists() {
            return Ok(());
        }
        match self.fill() {
            Ok(()) => {
                self.enter(State::Writable);
                Ok(())
            }
            Err(error) if is_full(&error) => {
                self.enter(State::NoRoom);
                Err(error)
            }
            Err(error) => {
                self.enter(State::Fault(error.to_string()));
                Ok(())
            }
        }
    }

    /// Why the file cannot be written, where that is not for want of room, and what mends it.
    pub(super) fn fault(&self) -> Option<String> {
        match &*self.state() {
            State::Fault(error) => Some(fault(&self.path, error)),
            State::Writable | State::NoRoom => None,
        }
    }

    /// Enters a state; a new fault is logged once.
    fn enter(&self, new: State) {
        let mut state = self.state();
        if let State::Fault(error) = &new
            && !matches!(*state, State::Fault(_))
        {
            warn!(
                path = %self.path.display(),
                error,
                "Reserve of the store not writable: on a full disk no session ends"
            );
        }
        *state = new;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self) -> io::Result<()> {
        let is_new = !self.path.exists();
        // Opened also where it is whole: one that cannot be opened cannot be released either.
        let file = OpenOptions::new().write(true).create(self.serves).truncate(false).mode(0o600).open(&self.path)?;
        let before = file.metadata()?.len();
        if before >= WHOLE {
            return Ok(());
        }
        // Looked for every few seconds on a disk that others write on, too: what is tried without room takes it from them meanwhile.
        if has_no_room(&file, WHOLE - before) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if let Err(why) = fill_from(&file, before) {
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
pub(super) fn inspect(store: &Path) -> Option<String> {
    let path = path_of(store);
    match OpenOptions::new().write(true).open(&path) {
        Ok(_) => None,
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(fault(&path, &error.to_string())),
    }
}

fn path_of(store: &Path) -> PathBuf {
    beside(&store.canonicalize().unwrap_or_else(|_| store.to_owned()), "-reserve")
}

fn fault(path: &Path, error: &str) -> String {
    let path = path.display();
    format!(
        "the reserve {path} cannot be written ({error}): on a full disk no session ends; remove it, and let the user that \
         Portcullis runs as create files there"
    )
}

fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Whether the file system says that it has no room for so many bytes more, with some for others. A quota is seen only when it is reached.
fn has_no_room(file: &File, bytes: u64) -> bool {
    let Ok(about) = nix::sys::statvfs::fstatvfs(file) else { return false };
    // A file system that does not count its blocks says 0 of each.
    about.blocks() > 0 && about.blocks_available().saturating_mul(about.fragment_size()) < bytes + SLACK
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
