//! A look at a store's file before anybody relies on it: what opening it would say, without making or changing it.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    process,
};

use rusqlite::{Connection, OpenFlags};

use super::{
    OpenError, creation,
    open::{ensure_private, io_open_error, open_flags, parent_folder, schema_open_error},
    reserve, schema,
};

/// State of a path where a store could be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileStatus {
    /// Nothing yet: opening it would create it.
    Absent,
    /// A store.
    Usable,
    /// A store beside which no reserve of room can be kept; why, and what mends it.
    NoReserve(String),
}

/// Probes a file: the errors are those of [`super::EmbeddedStore::open`].
///
/// # Errors
/// When the file cannot serve; the message says why and what mends it.
pub fn probe_file(path: &Path) -> Result<FileStatus, OpenError> {
    let folder = parent_folder(path)?;
    if path.is_dir() {
        return Err(OpenError::NotAStore { path: path.to_owned() });
    }
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) if file.metadata().is_ok_and(|about| about.len() == 0) => {
            return Err(OpenError::Emptied { path: path.to_owned() });
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(remains) = creation::find_leftover(path) {
                return Err(OpenError::Removed { path: path.to_owned(), remains });
            }
            return probe_folder(folder).map(|()| FileStatus::Absent).map_err(|error| io_open_error(path, error));
        }
        Err(error) => return Err(io_open_error(path, error)),
    }
    let full = path.canonicalize().map_err(|error| io_open_error(path, error))?;
    let look =
        || schema::check_existing(&Connection::open_with_flags(&full, open_flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?);
    look().map_err(|misfit| schema_open_error(path, misfit))?;
    ensure_private(path)?;
    Ok(reserve::probe_fault(path).map_or(FileStatus::Usable, FileStatus::NoReserve))
}

/// The names in a store's file, and the addresses, whatever its format.
///
/// # Errors
/// When the file cannot be read.
pub fn probe_logins(path: &Path) -> Result<[Vec<String>; 2], OpenError> {
    // SQLite removes the log beside an empty file, and what was acknowledged stands in it.
    if fs::metadata(path).is_ok_and(|about| about.len() == 0) {
        return Err(OpenError::Emptied { path: path.to_owned() });
    }
    let read = || -> Result<[Vec<String>; 2], schema::SchemaError> {
        let connection = Connection::open_with_flags(path, open_flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
        if schema::check_version(&connection)? == 0 {
            return Ok([Vec::new(), Vec::new()]);
        }
        let all =
            |sql| connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>();
        Ok([all("SELECT name FROM account")?, all("SELECT email FROM account WHERE email IS NOT NULL")?])
    };
    read().map_err(|misfit| schema_open_error(path, misfit))
}

/// Whether a file can be made there: there is no other way to know than to make one.
fn probe_folder(folder: &Path) -> io::Result<()> {
    let probe = folder.join(format!(".portcullis-{}", process::id()));
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&probe)?;
    fs::remove_file(probe)
}
