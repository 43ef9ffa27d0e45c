//! Whether the files that were opened are still where they were, and hold what they held. Who writes into one that was
//! replaced or deleted keeps what nobody will find again, and what others do to the new one is not seen: an end of a
//! session, for one. An older state brings back sessions that have ended.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

use super::schema::FileState;
use crate::store_error::StoreError;

/// A file and those beside it, by what stays the same as long as they are the same.
#[derive(Debug)]
pub(super) struct FileIdentity {
    path: PathBuf,
    inode: InodeId,
    last_check: Mutex<LastCheck>,
    lost: OnceLock<StoreLost>,
}

type InodeId = (u64, u64);

/// Findings of earlier looks.
#[derive(Debug)]
struct LastCheck {
    wal: SideFile,
    shm: SideFile,
    state: Option<FileState>,
}

/// A file that `SQLite` makes beside the first one, when it needs it. As long as we have that one open, nobody takes it away
/// by right.
#[derive(Debug)]
struct SideFile {
    path: PathBuf,
    inode: Option<InodeId>,
}

/// Why nothing is read or written any more, until a restart.
#[derive(Clone, Debug, thiserror::Error)]
enum StoreLost {
    #[error("{} was replaced or deleted while it was in use; restart Portcullis", .0.display())]
    Replaced(PathBuf),
    #[error("{} was emptied while it was in use; stop Portcullis, and put a copy of it back", .0.display())]
    Emptied(PathBuf),
    #[error("{} went back to an older state while it was in use; restart Portcullis", .0.display())]
    RolledBack(PathBuf),
}

/// Why nobody can tell.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be looked at", path.display())]
struct StatError {
    path: PathBuf,
    source: io::Error,
}

impl FileIdentity {
    /// Of an open file.
    pub(super) fn from_open_file(path: PathBuf, file: &File) -> io::Result<Self> {
        let beside = |end| SideFile { path: side_path(&path, end), inode: None };
        let seen = LastCheck { wal: beside("-wal"), shm: beside("-shm"), state: None };
        Ok(Self { inode: inode_id(&file.metadata()?), last_check: Mutex::new(seen), lost: OnceLock::new(), path })
    }

    /// Looks whether all is still there and as it was, or newer; `state` reads what it holds. Once it was not, it stays
    /// lost: what has happened meanwhile in its place cannot be known.
    pub(super) fn check(&self, state: impl FnOnce() -> Result<FileState, StoreError>) -> Result<(), StoreError> {
        // Held while the state is read, too: of two looks at once the later one must not be taken for the earlier.
        let mut seen = self.last_check.lock().unwrap_or_else(PoisonError::into_inner);
        self.ensure_intact()?;
        if let Some(lost) = self.check_files(&mut seen).map_err(|hidden| StoreError::Unavailable(Box::new(hidden)))? {
            return self.mark_lost(lost);
        }
        let state = state()?;
        if seen.state.replace(state).is_some_and(|before| before.is_ahead_of(&state)) {
            return self.mark_lost(StoreLost::RolledBack(self.path.clone()));
        }
        Ok(())
    }

    /// What the last look saw.
    pub(super) fn ensure_intact(&self) -> Result<(), StoreError> {
        self.lost.get().map_or(Ok(()), |lost| Err(StoreError::Unavailable(Box::new(lost.clone()))))
    }

    fn mark_lost(&self, lost: StoreLost) -> Result<(), StoreError> {
        let _ = self.lost.set(lost); // only one look at a time
        self.ensure_intact()
    }

    fn check_files(&self, seen: &mut LastCheck) -> Result<Option<StoreLost>, StatError> {
        let now = stat(&self.path)?;
        if now.as_ref().map(inode_id) != Some(self.inode) {
            return Ok(Some(StoreLost::Replaced(self.path.clone())));
        }
        // What was read lately is still in memory, and shows nothing of it.
        if now.is_some_and(|now| now.len() == 0) {
            return Ok(Some(StoreLost::Emptied(self.path.clone())));
        }
        for beside in [&mut seen.wal, &mut seen.shm] {
            let now = stat(&beside.path)?.as_ref().map(inode_id);
            if beside.inode.is_some() && beside.inode != now {
                return Ok(Some(StoreLost::Replaced(beside.path.clone())));
            }
            beside.inode = now;
        }
        Ok(None)
    }
}

/// The path of a file beside this one: its name with an ending.
pub(super) fn side_path(path: &Path, end: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(end);
    name.into()
}

/// Identity of the file at a path, if there is one.
fn stat(path: &Path) -> Result<Option<Metadata>, StatError> {
    match path.metadata() {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StatError { path: path.to_owned(), source }),
    }
}

fn inode_id(file: &Metadata) -> InodeId {
    (file.dev(), file.ino())
}
