//! Opening: every way in which a file cannot serve has a sentence that says what mends it.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use super::{
    creation,
    integrity::FileIdentity,
    reserve::is_disk_full,
    schema::{self, SchemaError},
};
use crate::exposure::{Exposure, file_exposure};

/// How long opening waits for another process.
const OPEN_BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long `SQLite` waits for another process before the writer looks whose patience is over.
const WRITER_BUSY_TIMEOUT: Duration = Duration::from_millis(50);
/// How long a read waits: in WAL mode only for somebody who opens or closes the file.
const READER_BUSY_TIMEOUT: Duration = Duration::from_millis(200);
/// What a reader keeps in memory: as KiB, below zero. Holds some 10,000 sessions.
const READER_CACHE_SIZE: i64 = -8 * 1024;
/// Statements that a connection keeps prepared.
const STATEMENT_CACHE_SIZE: usize = 64;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder is missing.
    #[error("cannot create {}: there is no folder {}; create it, or name another path", path.display(), folder.display())]
    NoFolder {
        /// The file.
        path: PathBuf,
        /// Where it should be.
        folder: PathBuf,
    },
    /// There is no room for the files that are made beside it.
    #[error(
        "cannot open {}: its disk is full; make room, or end sessions: the room that is kept for that is for nothing else",
        path.display()
    )]
    DiskFull {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The operating system forbids it.
    #[error("may not read and write {}: give the file and its folder to the user that Portcullis runs as", path.display())]
    NoPermission {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Everybody on this machine may read or change it, or a file that `SQLite` keeps beside it.
    #[error("{}: {exposure}; run: chmod o-rwx {files}", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// What everybody may do.
        exposure: Exposure,
        /// All files that must be closed to everybody, as a shell reads them.
        files: String,
    },
    /// It can be read only.
    #[error("cannot write {}: it, its folder or its file system is read-only; make it writable, or name another path", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// It holds something else.
    #[error("{} is not a Portcullis store, and was left as it is; name another path", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// It holds nothing, though every store holds its tables from its creation on.
    #[error("{} is empty, and a store never is: what it held is lost, or its -wal file was taken away. Put a backup in its place; only to start anew, without accounts and sessions, remove the file", path.display())]
    Emptied {
        /// The file.
        path: PathBuf,
    },
    /// It is gone, and what belongs to it is not.
    #[error("{} is gone, but {} is still there: put the file or a backup back; only to start anew, without accounts and sessions, remove that one, too", path.display(), remains.display())]
    Removed {
        /// The file.
        path: PathBuf,
        /// What is left of it.
        remains: PathBuf,
    },
    /// A part of it is missing or overwritten.
    #[error("{} is damaged; stop every Portcullis that uses it and put a backup in its place", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What `SQLite` said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A newer program wrote it.
    #[error("{} was written by a newer Portcullis (format {theirs}, this one knows {ours}); start that version, or restore a backup from before the upgrade", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        theirs: i64,
        /// The newest format that this program knows.
        ours: i64,
    },
    /// Somebody holds it.
    #[error("{} is locked by another program; end whatever has it open (a backup, a database tool) and try again", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Something else.
    #[error("cannot open {}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What was said.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl OpenError {
    /// Whether there was no room for what opening writes.
    pub(super) fn is_disk_full(&self) -> bool {
        match self {
            Self::Failed { source, .. } => source.downcast_ref().is_some_and(is_disk_full),
            _ => false,
        }
    }

    /// The same, said of the disk: `SQLite` has no word for it where a file beside the store cannot be made.
    pub(super) fn into_disk_full(self) -> Self {
        match self {
            Self::Failed { path, source } => Self::DiskFull { path, source },
            other => other,
        }
    }
}

/// The connections to one file.
pub(super) struct FileConnections {
    pub(super) writer: Connection,
    pub(super) readers: Vec<Connection>,
    pub(super) identity: FileIdentity,
    pub(super) created: bool,
}

pub(super) fn open_file(path: &Path) -> Result<FileConnections, OpenError> {
    let (true_path, place, created) = find_or_create(path)?;
    let look = || -> Result<Connection, SchemaError> {
        let writer = Connection::open_with_flags(&true_path, open_flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
        writer.busy_timeout(OPEN_BUSY_TIMEOUT)?;
        schema::check_existing(&writer)?; // before anything is written: WAL mode is a change of the file
        Ok(writer)
    };
    let look = || look().map_err(|misfit| schema_open_error(path, misfit));
    if ensure_private(path).is_err() {
        // What is no store of ours is told so. A look may tidy away what a killed process has left beside the file.
        drop(look()?);
        ensure_private(path)?;
    }
    let mut writer = look()?;
    let open = || -> Result<(Connection, Vec<Connection>), SchemaError> {
        enable_wal(&writer)?;
        configure(&writer)?;
        schema::migrate(&mut writer)?;
        let mut readers = Vec::new();
        for _ in 0..thread::available_parallelism().map_or(4, usize::from).clamp(2, 16) {
            let reader = Connection::open_with_flags(&true_path, open_flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
            reader.busy_timeout(READER_BUSY_TIMEOUT)?;
            configure(&reader)?;
            reader.pragma_update(None, "query_only", true)?;
            reader.pragma_update(None, "cache_size", READER_CACHE_SIZE)?;
            readers.push(reader);
        }
        writer.busy_timeout(WRITER_BUSY_TIMEOUT)?;
        Ok((writer, readers))
    };
    let (writer, readers) = open().map_err(|misfit| schema_open_error(path, misfit))?;
    Ok(FileConnections { writer, readers, identity: place, created })
}

pub(super) fn open_memory() -> Result<Connection, OpenError> {
    let open = || -> Result<Connection, SchemaError> {
        let mut one = Connection::open_in_memory_with_flags(open_flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
        configure(&one)?;
        schema::migrate(&mut one)?;
        Ok(one)
    };
    open().map_err(|misfit| schema_open_error(Path::new("memory"), misfit))
}

/// Creates the file for its owner alone; `SQLite` gives the files beside it (`-wal`, `-shm`) the same mode. Answers with the
/// full path: to `SQLite` an empty name, or `:memory:`, would mean something else.
fn find_or_create(path: &Path) -> Result<(PathBuf, FileIdentity, bool), OpenError> {
    parent_folder(path)?;
    if path.is_dir() {
        return Err(OpenError::NotAStore { path: path.to_owned() });
    }
    let opened = creation::open_or_create(path)?;
    let place = || {
        let path = path.canonicalize()?;
        Ok((path.clone(), FileIdentity::from_open_file(path, &opened.file)?, opened.created))
    };
    place().map_err(|error| io_open_error(path, error))
}

/// Refuses a store that everybody on this machine may read, or those files of it that are beside it: what is written next
/// stands in these first.
pub(super) fn ensure_private(path: &Path) -> Result<(), OpenError> {
    // Beside the file itself, and not beside a link to it.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let beside = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let exposed = ["", "-wal", "-shm"].map(beside).into_iter().filter_map(|file| Some((file_exposure(&file)?, file)));
    let exposed: Vec<(Exposure, PathBuf)> = exposed.collect();
    let Some((exposure, first)) = exposed.first() else { return Ok(()) };
    let files: Vec<String> = exposed.iter().map(|(_, file)| file.display().to_string()).collect();
    Err(OpenError::Exposed { path: first.clone(), exposure: *exposure, files: files.join(" ") })
}

/// The folder of the file, which must be there.
pub(super) fn parent_folder(path: &Path) -> Result<&Path, OpenError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if folder.metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Err(OpenError::NoFolder { path: path.to_owned(), folder: folder.to_owned() });
    }
    Ok(folder)
}

pub(super) fn io_open_error(path: &Path, error: io::Error) -> OpenError {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::PermissionDenied => OpenError::NoPermission { path, source: Box::new(error) },
        io::ErrorKind::ReadOnlyFilesystem => OpenError::ReadOnly { path },
        _ => OpenError::Failed { path, source: Box::new(error) },
    }
}

pub(super) fn open_flags(mode: OpenFlags) -> OpenFlags {
    mode | OpenFlags::SQLITE_OPEN_NO_MUTEX // each connection stands behind a lock of ours
}

/// Two who open a new file at once may both try this; `SQLite` does not always wait by itself here.
fn enable_wal(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::ZERO)?;
    let mut tries = 0;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())) {
            Err(error) if is_busy(&error) && tries < 200 => tries += 1,
            Err(error) => return Err(error),
            Ok(()) => return connection.busy_timeout(OPEN_BUSY_TIMEOUT),
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE_SIZE);
    // Without it a statement is planned anew for each new parameter: a check would cost ten times as much.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

pub(super) fn schema_open_error(path: &Path, misfit: SchemaError) -> OpenError {
    let path = path.to_owned();
    let error = match misfit {
        SchemaError::ForeignDatabase => return OpenError::NotAStore { path },
        SchemaError::Empty => return OpenError::Emptied { path },
        SchemaError::Newer { theirs, ours } => return OpenError::Newer { path, theirs, ours },
        SchemaError::Sqlite(error) => error,
    };
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotAStore { path },
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, source: Box::new(error) },
        Some(ErrorCode::ReadOnly) => OpenError::ReadOnly { path },
        // The file itself was opened before: what cannot be made are the files beside it.
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            OpenError::NoPermission { path, source: Box::new(error) }
        }
        _ if is_busy(&error) => OpenError::Locked { path },
        _ => OpenError::Failed { path, source: Box::new(error) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operating_system_forbids_is_told_with_its_mend() {
        let path = Path::new("/srv/portcullis.db");
        let told = |kind: io::ErrorKind| io_open_error(path, kind.into()).to_string();
        assert!(told(io::ErrorKind::PermissionDenied).starts_with("may not read and write /srv/portcullis.db: give"));
        assert!(told(io::ErrorKind::ReadOnlyFilesystem).contains("read-only; make it writable"));
        assert_eq!(told(io::ErrorKind::Other), "cannot open /srv/portcullis.db");
    }
}
