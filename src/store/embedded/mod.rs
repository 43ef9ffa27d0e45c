//! The embedded store: one `SQLite` file, or none at all.
//!
//! Many processes may have the file open, so the command line works beside the server. An act is acknowledged only after
//! its COMMIT is on disk; acts that wait share one. Reads run where they are asked for: a check is two microseconds, less
//! than handing it to another thread would take. Only what looks through the whole journal has a thread of its own. Nothing
//! is read from memory that another process could have changed.

mod creation;
mod inspect;
mod open;
mod place;
mod schema;

mod readers;
mod writer;

mod columns;
mod opening;
mod sessions;

mod accounts;
mod changes;
mod devices;
mod ending;
mod journal;
mod passwords;
mod probe;
mod records;
mod reserve;
mod throttle;

pub use inspect::{Inspected, inspect, inspect_logins};
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
    columns::Damaged,
    place::Place,
    probe::Probe,
    readers::Readers,
    reserve::Reserve,
    schema::State,
    writer::{Need, Writer},
};
use crate::outage::StoreError;

/// How many rows of one piece of upkeep go into one act, so that nobody waits long behind it.
const PORTION: usize = 500;
/// How long an act waits for another process while somebody waits for an answer. With what a read may wait it stays below
/// the 800 ms that a request may wait for a store in all.
const PROMPT: Duration = Duration::from_millis(600);
/// How long it waits on the command line, where nobody is kept from anything.
const PATIENT: Duration = Duration::from_secs(5);

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Serve,
    End,
    /// Or to write what is no end.
    Look,
}

/// Keeps everything in one `SQLite` file, or in memory. Dropping it waits until what was accepted is done.
#[derive(Debug)]
pub struct Embedded {
    // Before the readers, so that it is dropped first: the last connection to close tidies the file up.
    writer: Writer,
    readers: Readers,
    /// None in memory.
    place: Option<Place>,
    probe: Probe,
    /// Set by the first act or look that found the file damaged: it is mended with this process stopped.
    damaged: OnceLock<Damaged>,
    /// None in memory.
    reserve: Option<Arc<Reserve>>,
    /// This process may have ended sessions.
    ended: Notify,
}

impl Embedded {
    /// Opens the file, and creates it (mode 0600) when there is none. Its folder must exist and be writable.
    ///
    /// # Errors
    /// When the file cannot serve; the message says why and what mends it.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_waiting(path, PATIENT, Purpose::Look)
    }

    /// The same, for whoever ends something: on a full disk it may have room of the reserve for the files that are made beside it.
    ///
    /// # Errors
    /// As [`Embedded::open`].
    pub fn open_to_end(path: &Path) -> Result<Self, OpenError> {
        Self::open_waiting(path, PATIENT, Purpose::End)
    }

    /// The same, for a server: where another process holds the file, it says so in time for whoever waits for an answer. Beside the
    /// file it keeps a reserve of room for ends.
    ///
    /// # Errors
    /// As [`Embedded::open`].
    pub fn open_to_serve(path: &Path) -> Result<Self, OpenError> {
        Self::open_waiting(path, PROMPT, Purpose::Serve)
    }

    fn open_waiting(path: &Path, patience: Duration, purpose: Purpose) -> Result<Self, OpenError> {
        let reserve = Arc::new(Reserve::beside(path, purpose == Purpose::Serve));
        let file = open::file(path).or_else(|why| {
            if !why.is_lack_of_room() {
                return Err(why);
            }
            // On a full disk there is no room for the files that are made beside it either. What is kept for ends is not for a look.
            if purpose != Purpose::Look && reserve.release() { open::file(path) } else { Err(why.on_a_full_disk()) }
        })?;
        reserve.make();
        if file.created {
            warn!("Created a new store at {}: it holds no accounts and no sessions", path.display());
        }
        let readers = file.readers.into_iter().map(|reader| Arc::new(Mutex::new(reader))).collect();
        let this = Self::of(path, Arc::new(Mutex::new(file.writer)), readers, patience, Some(reserve))?;
        // What later looks compare with. What is amiss already, they will tell.
        let _ = file.place.look(|| this.readers.read(State::read));
        Ok(Self { place: Some(file.place), ..this })
    }

    /// A store that is gone with the process and puts nothing on disk.
    ///
    /// # Errors
    /// When there is no memory or no thread to be had.
    pub fn in_memory() -> Result<Self, OpenError> {
        let one = Arc::new(Mutex::new(open::memory()?));
        Self::of(Path::new("memory"), Arc::clone(&one), vec![one], PATIENT, None)
    }

    /// In memory readers and writer share one connection: its lock is held for a whole transaction, so no reader sees
    /// half of one.
    fn of(
        path: &Path,
        writer: Arc<Mutex<Connection>>,
        readers: Vec<Arc<Mutex<Connection>>>,
        patience: Duration,
        reserve: Option<Arc<Reserve>>,
    ) -> Result<Self, OpenError> {
        let writer = Writer::start(writer, patience, reserve.clone())
            .map_err(|source| OpenError::Failed { path: path.to_owned(), source: Box::new(source) })?;
        let readers = Readers::new(readers);
        Ok(Self {
            writer,
            readers,
            place: None,
            probe: Probe::default(),
            damaged: OnceLock::new(),
            reserve,
            ended: Notify::new(),
        })
    }

    /// Looks something up, here and now.
    fn read<T>(&self, look: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        self.place.as_ref().map_or(Ok(()), Place::still_there)?;
        self.note_damage(self.readers.read(look))
    }

    fn note_damage<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Some(damaged) = done.as_ref().err().and_then(Damaged::told) {
            let _ = self.damaged.set(damaged.clone());
        }
        done
    }

    /// Looks something up that takes long, in a thread where nobody else waits for it.
    async fn read_long<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.place.as_ref().map_or(Ok(()), Place::still_there)?;
        let readers = self.readers.clone();
        let looked = tokio::task::spawn_blocking(move || readers.read(look)).await;
        self.note_damage(looked.unwrap_or_else(|why| Err(StoreError::Away(Box::new(why)))))
    }

    /// Does something, all or nothing, and answers when it is on disk.
    async fn act<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut work = Some(work);
        // It is run once: only urgent acts are tried again.
        let once = move |on: &Connection| work.take().map_or(Err(rusqlite::Error::InvalidQuery), |work| work(on));
        self.act_with(Need::Ordinary, once).await
    }

    /// The same, with what it may have where the disk is full. Only urgent work is run again.
    async fn act_with<T: Send + 'static>(
        &self,
        need: Need,
        work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.place.as_ref().map_or(Ok(()), Place::still_there)?;
        let done = self.note_damage(self.writer.act(need, work).await);
        if done.is_err() {
            self.probe.doubt();
        }
        done
    }

    /// An act that may end sessions: whoever waits for that is told.
    async fn end_some<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let done = self.act(work).await;
        self.ended.notify_one();
        done
    }

    /// An act that ends sessions, or writes down that they ended: it is done on a full disk, too.
    async fn end_urgently<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let done = self.act_with(Need::Urgent, work).await;
        self.ended.notify_one();
        done
    }

    /// Drops old rows a portion at a time; `drop_some` is SQL that takes the moment and the most rows to drop.
    async fn drop_old(&self, drop_some: &'static str, before: crate::clock::Timestamp) -> Result<(), StoreError> {
        loop {
            let most = columns::whole(PORTION);
            let dropped = self.act(move |on| on.prepare_cached(drop_some)?.execute((before, most))).await?;
            if dropped < PORTION {
                return Ok(());
            }
        }
    }
}
