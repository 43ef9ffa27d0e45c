//! The embedded store: one `SQLite` file, or none at all.
//!
//! Many processes may have the file open, so the command line works beside the server. An act is acknowledged only after
//! its COMMIT is on disk; acts that wait share one. Reads run where they are asked for: a check is two microseconds, less
//! than handing it to another thread would take. Only what looks through the whole journal has a thread of its own. Nothing
//! is read from memory that another process could have changed.

mod creation;
mod file_probe;
mod integrity;
mod open;
mod schema;

mod reader_pool;
mod writer;

mod columns;
mod session_open;
mod sessions;

mod account_changes;
mod accounts;
mod audit_log;
mod devices;
mod passwords;
mod records;
mod reserve;
mod session_end;
mod throttle;
mod write_probe;

pub use file_probe::{FileStatus, probe_file, probe_logins};
pub use open::OpenError;

use std::{
    path::Path,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::Notify;
use tracing::warn;

use self::{
    columns::FileDamaged,
    integrity::FileIdentity,
    reader_pool::ReaderPool,
    reserve::DiskReserve,
    schema::FileState,
    write_probe::WriteProbe,
    writer::{WriteClass, Writer},
};
use crate::store_error::StoreError;

/// How many rows of one piece of upkeep go into one act, so that nobody waits long behind it.
const BATCH_SIZE: usize = 500;
/// How long an act waits for another process while somebody waits for an answer. With what a read may wait it stays below
/// the 800 ms that a request may wait for a store in all.
const SERVER_TIMEOUT: Duration = Duration::from_millis(600);
/// How long it waits on the command line, where nobody is kept from anything.
const CLI_TIMEOUT: Duration = Duration::from_secs(5);

/// Purpose of an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OpenPurpose {
    Serve,
    End,
    /// Or to write what is no end.
    Ordinary,
}

/// Keeps everything in one `SQLite` file, or in memory. Dropping it waits until what was accepted is done.
#[derive(Debug)]
pub struct EmbeddedStore {
    // Before the readers, so that it is dropped first: the last connection to close tidies the file up.
    writer: Writer,
    readers: ReaderPool,
    /// None in memory.
    identity: Option<FileIdentity>,
    probe: WriteProbe,
    /// Set by the first act or look that found the file damaged: it is mended with this process stopped.
    damaged: OnceLock<FileDamaged>,
    /// None in memory.
    reserve: Option<Arc<DiskReserve>>,
    /// This process may have ended sessions.
    end_hint: Notify,
}

impl EmbeddedStore {
    /// Opens the file, and creates it (mode 0600) when there is none. Its folder must exist and be writable.
    ///
    /// # Errors
    /// When the file cannot serve; the message says why and what mends it.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_with(path, CLI_TIMEOUT, OpenPurpose::Ordinary)
    }

    /// The same, for whoever ends something: on a full disk it may have room of the reserve for the files that are made beside it.
    ///
    /// # Errors
    /// As [`EmbeddedStore::open`].
    pub fn open_to_end(path: &Path) -> Result<Self, OpenError> {
        Self::open_with(path, CLI_TIMEOUT, OpenPurpose::End)
    }

    /// The same, for a server: where another process holds the file, it says so in time for whoever waits for an answer. Beside the
    /// file it keeps a reserve of room for ends.
    ///
    /// # Errors
    /// As [`EmbeddedStore::open`].
    pub fn open_to_serve(path: &Path) -> Result<Self, OpenError> {
        Self::open_with(path, SERVER_TIMEOUT, OpenPurpose::Serve)
    }

    fn open_with(path: &Path, patience: Duration, purpose: OpenPurpose) -> Result<Self, OpenError> {
        let reserve = Arc::new(DiskReserve::for_store(path, purpose == OpenPurpose::Serve));
        let file = open::open_file(path).or_else(|why| {
            if !why.is_disk_full() {
                return Err(why);
            }
            // On a full disk there is no room for the files that are made beside it either. What is kept for ends is not for a look.
            if purpose != OpenPurpose::Ordinary && reserve.release_step() {
                open::open_file(path)
            } else {
                Err(why.into_disk_full())
            }
        })?;
        reserve.create();
        if file.created {
            warn!("Created a new store at {}: it holds no accounts and no sessions", path.display());
        }
        let readers = file.readers.into_iter().map(|reader| Arc::new(Mutex::new(reader))).collect();
        let this = Self::from_connections(path, Arc::new(Mutex::new(file.writer)), readers, patience, Some(reserve))?;
        // What later looks compare with. What is amiss already, they will tell.
        let _ = file.identity.check(|| this.readers.read(FileState::read));
        Ok(Self { identity: Some(file.identity), ..this })
    }

    /// A store that is gone with the process and puts nothing on disk.
    ///
    /// # Errors
    /// When there is no memory or no thread to be had.
    pub fn in_memory() -> Result<Self, OpenError> {
        let one = Arc::new(Mutex::new(open::open_memory()?));
        Self::from_connections(Path::new("memory"), Arc::clone(&one), vec![one], CLI_TIMEOUT, None)
    }

    /// In memory readers and writer share one connection: its lock is held for a whole transaction, so no reader sees
    /// half of one.
    fn from_connections(
        path: &Path,
        writer: Arc<Mutex<Connection>>,
        readers: Vec<Arc<Mutex<Connection>>>,
        patience: Duration,
        reserve: Option<Arc<DiskReserve>>,
    ) -> Result<Self, OpenError> {
        let writer = Writer::start(writer, patience, reserve.clone())
            .map_err(|source| OpenError::Failed { path: path.to_owned(), source: Box::new(source) })?;
        let readers = ReaderPool::new(readers);
        Ok(Self {
            writer,
            readers,
            identity: None,
            probe: WriteProbe::default(),
            damaged: OnceLock::new(),
            reserve,
            end_hint: Notify::new(),
        })
    }

    /// Looks something up, here and now.
    fn read<T>(&self, look: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        self.identity.as_ref().map_or(Ok(()), FileIdentity::ensure_intact)?;
        self.record_damage(self.readers.read(look))
    }

    fn record_damage<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Some(damaged) = done.as_ref().err().and_then(FileDamaged::from_store) {
            let _ = self.damaged.set(damaged.clone());
        }
        done
    }

    /// Looks something up that takes long, in a thread where nobody else waits for it.
    async fn read_blocking<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.identity.as_ref().map_or(Ok(()), FileIdentity::ensure_intact)?;
        let readers = self.readers.clone();
        let looked = tokio::task::spawn_blocking(move || readers.read(look)).await;
        self.record_damage(looked.unwrap_or_else(|why| Err(StoreError::Unavailable(Box::new(why)))))
    }

    /// Does something, all or nothing, and answers when it is on disk.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut work = Some(work);
        // It is run once: only urgent acts are tried again.
        let once = move |connection: &Connection| {
            work.take().map_or(Err(rusqlite::Error::InvalidQuery), |work| work(connection))
        };
        self.write_with(WriteClass::Ordinary, once).await
    }

    /// The same, with what it may have where the disk is full. Only urgent work is run again.
    async fn write_with<T: Send + 'static>(
        &self,
        need: WriteClass,
        work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.identity.as_ref().map_or(Ok(()), FileIdentity::ensure_intact)?;
        let done = self.record_damage(self.writer.execute(need, work).await);
        if done.is_err() {
            self.probe.invalidate();
        }
        done
    }

    /// An act that may end sessions: whoever waits for that is told.
    async fn write_notifying<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let done = self.write(work).await;
        self.end_hint.notify_one();
        done
    }

    /// An act that ends sessions, or writes down that they ended: it is done on a full disk, too.
    async fn write_urgent<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let done = self.write_with(WriteClass::Urgent, work).await;
        self.end_hint.notify_one();
        done
    }

    /// Drops old rows a portion at a time; `drop_some` is SQL that takes the moment and the most rows to drop.
    async fn delete_in_batches(
        &self,
        drop_some: &'static str,
        before: crate::clock::Timestamp,
    ) -> Result<(), StoreError> {
        loop {
            let most = columns::saturating_i64(BATCH_SIZE);
            let dropped =
                self.write(move |connection| connection.prepare_cached(drop_some)?.execute((before, most))).await?;
            if dropped < BATCH_SIZE {
                return Ok(());
            }
        }
    }
}
