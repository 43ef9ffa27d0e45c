//! Whether the file that was opened is still where it was. Who writes into one that was replaced or deleted keeps what
//! nobody will find again, and what others do to the new one is not seen: an end of a session, for one.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::outage::StoreError;

/// A file, by what stays the same as long as it is the same.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    file: (u64, u64),
    lost: AtomicBool,
}

/// Why nothing is read or written any more.
#[derive(Debug, thiserror::Error)]
enum Gone {
    #[error("{} was replaced or deleted while it was in use; restart Portcullis", path.display())]
    Lost { path: PathBuf },
    #[error("{} cannot be looked at", path.display())]
    Hidden { path: PathBuf, source: io::Error },
}

impl Place {
    /// Of an open file.
    pub(super) fn of(path: PathBuf, file: &File) -> io::Result<Self> {
        Ok(Self { path, file: identity(&file.metadata()?), lost: AtomicBool::new(false) })
    }

    /// Looks whether it is still there. Once it was not, it stays lost: what has happened meanwhile in its place cannot be
    /// known.
    pub(super) fn look(&self) -> Result<(), StoreError> {
        match self.path.metadata() {
            Ok(found) if identity(&found) == self.file => {}
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::Away(Box::new(Gone::Hidden { path: self.path.clone(), source })));
            }
            Ok(_) | Err(_) => self.lost.store(true, Ordering::Relaxed),
        }
        self.still_there()
    }

    /// What the last look saw.
    pub(super) fn still_there(&self) -> Result<(), StoreError> {
        if self.lost.load(Ordering::Relaxed) {
            return Err(StoreError::Away(Box::new(Gone::Lost { path: self.path.clone() })));
        }
        Ok(())
    }
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}
