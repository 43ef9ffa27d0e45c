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

use super::schema::State;
use crate::outage::StoreError;

/// A file and those beside it, by what stays the same as long as they are the same.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    file: Identity,
    seen: Mutex<Seen>,
    lost: OnceLock<Lost>,
}

type Identity = (u64, u64);

/// What earlier looks saw.
#[derive(Debug)]
struct Seen {
    log: Beside,
    index: Beside,
    state: Option<State>,
}

/// A file that `SQLite` makes beside the first one, when it needs it. As long as we have that one open, nobody takes it away
/// by right.
#[derive(Debug)]
struct Beside {
    path: PathBuf,
    identity: Option<Identity>,
}

/// Why nothing is read or written any more, until a restart.
#[derive(Clone, Debug, thiserror::Error)]
enum Lost {
    #[error("{} was replaced or deleted while it was in use; restart Portcullis", .0.display())]
    Gone(PathBuf),
    #[error("{} was emptied while it was in use; stop Portcullis, and put a copy of it back", .0.display())]
    Emptied(PathBuf),
    #[error("{} went back to an older state while it was in use; restart Portcullis", .0.display())]
    WentBack(PathBuf),
}

/// Why nobody can tell.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be looked at", path.display())]
struct Hidden {
    path: PathBuf,
    source: io::Error,
}

impl Place {
    /// Of an open file.
    pub(super) fn of(path: PathBuf, file: &File) -> io::Result<Self> {
        let beside = |end| Beside { path: beside(&path, end), identity: None };
        let seen = Seen { log: beside("-wal"), index: beside("-shm"), state: None };
        Ok(Self { file: identity(&file.metadata()?), seen: Mutex::new(seen), lost: OnceLock::new(), path })
    }

    /// Looks whether all is still there and as it was, or newer; `state` reads what it holds. Once it was not, it stays
    /// lost: what has happened meanwhile in its place cannot be known.
    pub(super) fn look(&self, state: impl FnOnce() -> Result<State, StoreError>) -> Result<(), StoreError> {
        // Held while the state is read, too: of two looks at once the later one must not be taken for the earlier.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.still_there()?;
        if let Some(lost) = self.files(&mut seen).map_err(|hidden| StoreError::Away(Box::new(hidden)))? {
            return self.lose(lost);
        }
        let state = state()?;
        if seen.state.replace(state).is_some_and(|before| before.is_ahead_of(&state)) {
            return self.lose(Lost::WentBack(self.path.clone()));
        }
        Ok(())
    }

    /// What the last look saw.
    pub(super) fn still_there(&self) -> Result<(), StoreError> {
        self.lost.get().map_or(Ok(()), |lost| Err(StoreError::Away(Box::new(lost.clone()))))
    }

    fn lose(&self, lost: Lost) -> Result<(), StoreError> {
        let _ = self.lost.set(lost); // only one look at a time
        self.still_there()
    }

    fn files(&self, seen: &mut Seen) -> Result<Option<Lost>, Hidden> {
        let now = found(&self.path)?;
        if now.as_ref().map(identity) != Some(self.file) {
            return Ok(Some(Lost::Gone(self.path.clone())));
        }
        // What was read lately is still in memory, and shows nothing of it.
        if now.is_some_and(|now| now.len() == 0) {
            return Ok(Some(Lost::Emptied(self.path.clone())));
        }
        for beside in [&mut seen.log, &mut seen.index] {
            let now = found(&beside.path)?.as_ref().map(identity);
            if beside.identity.is_some() && beside.identity != now {
                return Ok(Some(Lost::Gone(beside.path.clone())));
            }
            beside.identity = now;
        }
        Ok(None)
    }
}

/// The path of a file beside this one: its name with an ending.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(end);
    name.into()
}

/// What stands at a path, if anything does.
fn found(path: &Path) -> Result<Option<Metadata>, Hidden> {
    match path.metadata() {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Hidden { path: path.to_owned(), source }),
    }
}

fn identity(file: &Metadata) -> Identity {
    (file.dev(), file.ino())
}
