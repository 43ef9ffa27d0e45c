//! Creation of a store's file: whole or not at all.
//!
//! A new file is made beside its place, with its tables in the file itself (not in a write-ahead log), and then given its
//! name. So a file of this name is never empty, and one that is has lost what it held: it is refused.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};

use super::{
    OpenError,
    open::{explain, flags, folder_of, refused},
    place::beside,
    schema::{self, Misfit},
};
use crate::secret::random;

/// Files that `SQLite` would play back into whatever has the store's name.
const LEFT_BEHIND: [&str; 2] = ["-wal", "-journal"];

/// The file of a store, opened or created.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) created: bool,
}

/// Opens the file, and creates a store there when there is none.
pub(super) fn open_or_create(path: &Path) -> Result<Opened, OpenError> {
    if let Some(file) = open(path)? {
        return Ok(Opened { file, created: false });
    }
    let created = match remains(path) {
        // Of two who create it at once, the second finds files beside it, and by now the first one's file.
        Some(_) if path.exists() => false,
        Some(remains) => return Err(OpenError::Removed { path: path.to_owned(), remains }),
        None => create(path)?,
    };
    match open(path)? {
        Some(file) => Ok(Opened { file, created }),
        None => Err(refused(path, io::ErrorKind::NotFound.into())),
    }
}

/// The write-ahead log or journal of a file that is gone, unless it is empty.
pub(super) fn remains(path: &Path) -> Option<PathBuf> {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    LEFT_BEHIND
        .into_iter()
        .map(|end| beside(&full, end))
        .find(|path| fs::metadata(path).is_ok_and(|about| about.len() > 0))
}

fn open(path: &Path) -> Result<Option<File>, OpenError> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => match file.metadata() {
            Ok(about) if about.len() == 0 => Err(OpenError::Emptied { path: path.to_owned() }),
            Ok(_) => Ok(Some(file)),
            Err(error) => Err(refused(path, error)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refused(path, error)),
    }
}

/// Whether this one was the first.
fn create(path: &Path) -> Result<bool, OpenError> {
    let folder = folder_of(path)?;
    // Where the name is a symbolic link to a file that is not there yet, that one is made.
    let place = fs::read_link(path).map_or_else(|_| path.to_owned(), |target| folder.join(target));
    let draft = beside(&place, &format!(".new-{:016x}", u64::from_ne_bytes(random())));
    let draft = Draft(draft);
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft.0).map_err(|error| refused(path, error))?;
    // To `SQLite` a relative name may mean something else.
    let absolute = draft.0.canonicalize().map_err(|error| refused(path, error))?;
    fill(&absolute).map_err(|misfit| explain(path, misfit))?;
    let name = || -> io::Result<bool> {
        let first = give_name(&draft.0, &place)?;
        if let Some(folder) = place.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        Ok(first)
    };
    name().map_err(|error| refused(path, error))
}

/// Writes the tables.
fn fill(path: &Path) -> Result<(), Misfit> {
    let mut on = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    on.pragma_update(None, "synchronous", "full")?;
    schema::migrate(&mut on)?;
    on.close().map_err(|(_, error)| error.into())
}

/// Whether it got the name, or another had it already: of two, one.
fn give_name(draft: &Path, name: &Path) -> io::Result<bool> {
    match fs::hard_link(draft, name) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        // A file system without links.
        Err(_) if !name.exists() => fs::rename(draft, name).map(|()| true),
        Err(error) => Err(error),
    }
}

/// A file that goes when this does, whatever has happened.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0)); // it may have got its name
        drop(fs::remove_file(beside(&self.0, "-journal")));
    }
}
