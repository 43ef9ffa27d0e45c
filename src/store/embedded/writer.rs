//! The one thread that writes. It takes all acts that wait, does them in one transaction and answers when that is on
//! disk, so that a hundred sign-ins at once cost one flush of the disk. An act that fails takes back only itself. An urgent one
//! that finds no room is done once more, with that of the reserve.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    columns::{FileDamaged, store_error},
    open::is_busy,
    reserve::{DiskReserve, checkpoint_wal, disk_full_error, is_disk_full},
};
use crate::{
    clock::{Clock, Stopwatch},
    store_error::StoreError,
};

/// Acts that may wait; one more is refused at once, because it would be answered too late.
const QUEUE_CAPACITY: usize = 1024;
/// Acts that share one transaction.
const MAX_BATCH: usize = 128;
/// How often urgent acts are tried again with more room.
const MAX_RELEASES: usize = 4;

/// Class of a write: what it may have where the disk is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteClass {
    /// Nothing.
    Ordinary,
    /// The reserve.
    Urgent,
    /// Nothing, and it is tried all the same: it looks whether there is room again.
    Probe,
}

/// Hands acts to the thread. Dropping it waits until those that were accepted are done.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<SyncSender<Box<dyn WriteJob>>>,
    thread: Option<JoinHandle<()>>,
}

/// Why an act was not acknowledged, where `SQLite` is not the one to say.
#[derive(Clone, Debug, thiserror::Error)]
enum WriteError {
    #[error("too many writes are waiting")]
    QueueFull,
    #[error("the writer has ended")]
    WriterStopped,
    #[error("the write stopped with a bug")]
    Panicked,
    #[error("the transaction failed: {0}")]
    TransactionFailed(#[source] Arc<rusqlite::Error>),
}

impl From<WriteError> for StoreError {
    fn from(why: WriteError) -> Self {
        Self::Unavailable(Box::new(why))
    }
}

impl Writer {
    /// Starts the thread. An act waits for another process as long as `patience`, the time in our queue included.
    pub(super) fn start(
        connection: Arc<Mutex<Connection>>,
        patience: Duration,
        reserve: Option<Arc<DiskReserve>>,
    ) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(QUEUE_CAPACITY);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run_writer(&connection, &waiting, patience, reserve.as_deref()))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Does `work`, all or nothing, and answers when it is on disk. Once accepted it is done even if nobody waits for it. It is
    /// done a second time only where nothing came of the first, and it is urgent.
    pub(super) async fn execute<T, W>(&self, need: WriteClass, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let act = Box::new(WriteTask { class: need, work, outcome: None, reply, queued: Clock::system().stopwatch() });
        match self.queue.as_ref().map(|queue| queue.try_send(act)) {
            Some(Ok(())) => {}
            Some(Err(TrySendError::Full(_))) => return Err(WriteError::QueueFull.into()),
            Some(Err(TrySendError::Disconnected(_))) | None => return Err(WriteError::WriterStopped.into()),
        }
        answer.await.unwrap_or_else(|_| Err(WriteError::WriterStopped.into()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join()); // a panic of the thread has been answered by the acts it left
        }
    }
}

fn run_writer(
    connection: &Mutex<Connection>,
    waiting: &Receiver<Box<dyn WriteJob>>,
    patience: Duration,
    reserve: Option<&DiskReserve>,
) {
    let mut jobs = Vec::new();
    let mut locked = None;
    loop {
        if jobs.is_empty() {
            let Ok(first) = waiting.recv() else { return };
            jobs.push(first);
        }
        jobs.extend(waiting.try_iter().take(MAX_BATCH - jobs.len()));
        if let Some(why) = &locked {
            reject_expired(&mut jobs, patience, why);
        }
        let short = reserve.is_some_and(DiskReserve::is_depleted);
        let is_ordinary = |job: &dyn WriteJob| job.class() == WriteClass::Ordinary;
        if short && jobs.iter().any(|job| is_ordinary(&**job)) && reserve.is_some_and(DiskReserve::rejects_ordinary) {
            let why = Arc::new(disk_full_error());
            for job in jobs.extract_if(.., |job| is_ordinary(&**job)) {
                job.reply(Err(Arc::clone(&why)));
            }
        }
        if jobs.is_empty() {
            continue;
        }
        let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = match connection.execute_batch("BEGIN IMMEDIATE") {
            Err(error) if is_busy(&error) => {
                locked = Some(Arc::new(error));
                continue;
            }
            begun => {
                locked = None;
                begun.and_then(|()| transact(&connection, &mut jobs)).map_err(Arc::new)
            }
        };
        if let Some(reserve) = reserve {
            retry_urgent(&connection, &mut jobs, &outcome, reserve);
            if short {
                checkpoint_wal(&connection);
            }
        }
        drop(connection);
        for job in jobs.drain(..) {
            job.reply(outcome.clone());
        }
    }
}

/// While another process holds the file: whoever has waited long enough is told so, nothing of theirs was done.
fn reject_expired(jobs: &mut Vec<Box<dyn WriteJob>>, patience: Duration, why: &Arc<rusqlite::Error>) {
    for late in jobs.extract_if(.., |job| job.waited() >= patience) {
        late.reply(Err(Arc::clone(why)));
    }
}

/// Does urgent acts once more that found no room, with room of the reserve, and answers them.
fn retry_urgent(
    connection: &Connection,
    jobs: &mut Vec<Box<dyn WriteJob>>,
    outcome: &TransactionResult,
    reserve: &DiskReserve,
) {
    // With a full disk SQLite may have taken the whole transaction back, for the act of somebody else.
    let all = outcome.as_ref().is_err_and(|why| is_disk_full(why) || jobs.iter().any(|job| job.hit_disk_full()));
    let lacks = |job: &mut Box<dyn WriteJob>| job.class() == WriteClass::Urgent && (all || job.hit_disk_full());
    let mut urgent: Vec<Box<dyn WriteJob>> = jobs.extract_if(.., lacks).collect();
    let mut outcome = outcome.clone();
    for _ in 0..MAX_RELEASES {
        if urgent.is_empty() || !reserve.release_step() {
            break;
        }
        checkpoint_wal(connection);
        outcome = match connection.execute_batch("BEGIN IMMEDIATE") {
            // More room does not help against a lock.
            Err(error) if is_busy(&error) => {
                outcome = Err(Arc::new(error));
                break;
            }
            begun => begun.and_then(|()| transact(connection, &mut urgent)).map_err(Arc::new),
        };
        let all = outcome.as_ref().is_err_and(|why| is_disk_full(why) || urgent.iter().any(|job| job.hit_disk_full()));
        for done in urgent.extract_if(.., |job| !all && !job.hit_disk_full()) {
            done.reply(outcome.clone());
        }
    }
    for left in urgent {
        left.reply(outcome.clone());
    }
}

/// From BEGIN to COMMIT for all of them, a savepoint around each.
fn transact(connection: &Connection, jobs: &mut [Box<dyn WriteJob>]) -> rusqlite::Result<()> {
    let done = run_batch(connection, jobs);
    if done.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    done
}

fn run_batch(connection: &Connection, jobs: &mut [Box<dyn WriteJob>]) -> rusqlite::Result<()> {
    for job in jobs {
        connection.execute_batch("SAVEPOINT act")?;
        let did = catch_unwind(AssertUnwindSafe(|| job.run(connection))).unwrap_or(false);
        // With a full disk SQLite may have taken the whole transaction back: then the savepoint is gone, this fails, and
        // so do all of them.
        connection.execute_batch(if did { "RELEASE act" } else { "ROLLBACK TO act; RELEASE act" })?;
    }
    connection.execute_batch("COMMIT")
}

/// An act whose result type the thread need not know.
trait WriteJob: Send {
    /// What it may have where the disk is full.
    fn class(&self) -> WriteClass;
    /// Whether it found no room when it was last run.
    fn hit_disk_full(&self) -> bool;
    /// Since it was accepted.
    fn waited(&self) -> Duration;
    /// Does it; whether it is to stay.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Tells whoever waits.
    fn reply(self: Box<Self>, committed: TransactionResult);
}

/// Outcome of a transaction.
type TransactionResult = Result<(), Arc<rusqlite::Error>>;

struct WriteTask<T, W> {
    class: WriteClass,
    work: W,
    outcome: Option<rusqlite::Result<T>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    queued: Stopwatch,
}

impl<T, W> WriteJob for WriteTask<T, W>
where
    T: Send,
    W: FnMut(&Connection) -> rusqlite::Result<T> + Send,
{
    fn class(&self) -> WriteClass {
        self.class
    }

    fn hit_disk_full(&self) -> bool {
        matches!(&self.outcome, Some(Err(why)) if is_disk_full(why))
    }

    fn waited(&self) -> Duration {
        self.queued.elapsed()
    }

    fn run(&mut self, connection: &Connection) -> bool {
        self.outcome = None;
        self.outcome = Some((self.work)(connection));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn reply(self: Box<Self>, committed: TransactionResult) {
        let answer = match (self.outcome, committed) {
            (Some(Err(error)), _) => Err(store_error(error)),
            (_, Err(error)) => Err(FileDamaged::from_sqlite(&error)
                .map_or_else(|| WriteError::TransactionFailed(error).into(), StoreError::from)),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(WriteError::Panicked.into()),
        };
        drop(self.reply.send(answer)); // nobody may be waiting any more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type ReplyReceiver = oneshot::Receiver<Result<usize, StoreError>>;

    fn act(
        work: impl FnMut(&Connection) -> rusqlite::Result<usize> + Send + 'static,
    ) -> (Box<dyn WriteJob>, ReplyReceiver) {
        let (reply, answer) = oneshot::channel();
        let since = Clock::system().stopwatch();
        (Box::new(WriteTask { class: WriteClass::Ordinary, work, outcome: None, reply, queued: since }), answer)
    }

    fn insert(number: i64) -> (Box<dyn WriteJob>, ReplyReceiver) {
        act(move |connection| connection.execute("INSERT INTO child VALUES (?1)", [number]))
    }

    /// What each is told, and what is there afterwards.
    fn together(acts: Vec<(Box<dyn WriteJob>, ReplyReceiver)>) -> (Vec<bool>, i64) {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1), (2);")
            .unwrap();
        connection.execute_batch("CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)").unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        let (mut jobs, answers): (Vec<_>, Vec<_>) = acts.into_iter().unzip();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        let outcome = transact(&connection, &mut jobs).map_err(Arc::new);
        for job in jobs {
            job.reply(outcome.clone());
        }
        let told = answers.into_iter().map(|mut answer| answer.try_recv().unwrap().is_ok()).collect();
        assert!(connection.is_autocommit(), "no transaction is left open");
        (told, connection.query_row("SELECT count(*) FROM child", [], |row| row.get(0)).unwrap())
    }

    #[test]
    fn what_is_done_together_is_all_there() {
        assert_eq!(together(vec![insert(1), insert(2)]), (vec![true, true], 2));
    }

    #[test]
    fn an_act_that_fails_takes_back_only_itself() {
        let half = act(|connection| {
            connection.execute("INSERT INTO child VALUES (1)", [])?;
            connection.execute("INSERT INTO nothing VALUES (1)", [])
        });
        assert_eq!(together(vec![insert(1), half, insert(2)]), (vec![true, false, true], 2));
    }

    #[test]
    fn an_act_that_panics_takes_back_only_itself() {
        let bug = act(|connection| {
            connection.execute("INSERT INTO child VALUES (1)", [])?;
            panic!("a bug, on purpose")
        });
        assert_eq!(together(vec![insert(1), bug, insert(2)]), (vec![true, false, true], 2));
    }

    #[test]
    fn a_commit_that_fails_fails_them_all() {
        let orphan = 9; // the database looks at it only when it commits
        assert_eq!(together(vec![insert(1), insert(orphan), insert(2)]), (vec![false, false, false], 0));
    }

    #[test]
    fn a_lock_takes_one_step_of_the_reserve() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let [connection, other] = [(); 2].map(|()| Connection::open(&path).unwrap());
        connection.busy_timeout(Duration::from_millis(1)).unwrap();
        let reserve = DiskReserve::for_store(&path, true);
        reserve.create();
        let length = || folder.path().join("store.db-reserve").metadata().unwrap().len();
        let whole = length();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (reply, _answer) = oneshot::channel();
        let work = |_: &Connection| -> rusqlite::Result<()> { Err(disk_full_error()) };
        let since = Clock::system().stopwatch();
        let mut act = WriteTask { class: WriteClass::Urgent, work, outcome: None, reply, queued: since };
        act.run(&connection);
        retry_urgent(&connection, &mut vec![Box::new(act)], &Ok(()), &reserve);
        assert_eq!(whole - length(), 256 << 10);
    }

    #[test]
    fn an_act_that_loses_the_whole_transaction_fails_them_all() {
        let lost = act(|connection| connection.execute("ROLLBACK", [])); // as a full disk would
        assert_eq!(together(vec![insert(1), lost, insert(2)]), (vec![false, false, false], 0));
    }
}
