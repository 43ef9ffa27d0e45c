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
    integrity::side_path,
    open::{io_open_error, open_flags, parent_folder, schema_open_error},
    schema::{self, SchemaError},
};
use crate::secret::random_bytes;

/// Files that `SQLite` would play back into whatever has the store's name.
const LEFTOVER_SUFFIXES: [&str; 2] = ["-wal", "-journal"];

/// The file of a store, opened or created.
#[derive(Debug)]
pub(super) struct StoreFile {
    pub(super) file: File,
    pub(super) created: bool,
}

/// Opens the file, and creates a store there when there is none.
pub(super) fn open_or_create(path: &Path) -> Result<StoreFile, OpenError> {
    if let Some(file) = open_existing(path)? {
        return Ok(StoreFile { file, created: false });
    }
    let created = match find_leftover(path) {
        // Of two who create it at once, the second finds files beside it, and by now the first one's file.
        Some(_) if path.exists() => false,
        Some(remains) => return Err(OpenError::Removed { path: path.to_owned(), remains }),
        None => create(path)?,
    };
    match open_existing(path)? {
        Some(file) => Ok(StoreFile { file, created }),
        None => Err(io_open_error(path, io::ErrorKind::NotFound.into())),
    }
}

/// The write-ahead log or journal of a file that is gone, unless it is empty.
pub(super) fn find_leftover(path: &Path) -> Option<PathBuf> {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    LEFTOVER_SUFFIXES
        .into_iter()
        .map(|end| side_path(&full, end))
        .find(|path| fs::metadata(path).is_ok_and(|about| about.len() > 0))
}

fn open_existing(path: &Path) -> Result<Option<File>, OpenError> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => match file.metadata() {
            Ok(about) if about.len() == 0 => Err(OpenError::Emptied { path: path.to_owned() }),
            Ok(_) => Ok(Some(file)),
            Err(error) => Err(io_open_error(path, error)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_open_error(path, error)),
    }
}

/// Whether this one was the first.
fn create(path: &Path) -> Result<bool, OpenError> {
    let folder = parent_folder(path)?;
    // Where the name is a symbolic link to a file that is not there yet, that one is made.
    let place = fs::read_link(path).map_or_else(|_| path.to_owned(), |target| folder.join(target));
    let draft = side_path(&place, &format!(".new-{:016x}", u64::from_ne_bytes(random_bytes())));
    let draft = DraftFile(draft);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft.0)
        .map_err(|error| io_open_error(path, error))?;
    // To `SQLite` a relative name may mean something else.
    let absolute = draft.0.canonicalize().map_err(|error| io_open_error(path, error))?;
    write_schema(&absolute).map_err(|misfit| schema_open_error(path, misfit))?;
    let name = || -> io::Result<bool> {
        let first = publish(&draft.0, &place)?;
        if let Some(folder) = place.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        Ok(first)
    };
    name().map_err(|error| io_open_error(path, error))
}

/// Writes the tables.
fn write_schema(path: &Path) -> Result<(), SchemaError> {
    let mut connection = Connection::open_with_flags(path, open_flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    connection.pragma_update(None, "synchronous", "full")?;
    schema::migrate(&mut connection)?;
    connection.close().map_err(|(_, error)| error.into())
}

/// Whether it got the name, or another had it already: of two, one.
fn publish(draft: &Path, name: &Path) -> io::Result<bool> {
    match fs::hard_link(draft, name) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        // A file system without links.
        Err(_) if !name.exists() => fs::rename(draft, name).map(|()| true),
        Err(error) => Err(error),
    }
}

/// A file that goes when this does, whatever has happened.
struct DraftFile(PathBuf);

impl Drop for DraftFile {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0)); // it may have got its name
        drop(fs::remove_file(side_path(&self.0, "-journal")));
    }
}
