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
    columns::{Damaged, outage},
    open::busy,
    reserve::{Reserve, is_lack_of_room, no_room, reuse_log},
};
use crate::{
    clock::{Clock, Stopwatch},
    outage::StoreError,
};

/// Acts that may wait; one more is refused at once, because it would be answered too late.
const WAITING: usize = 1024;
/// Acts that share one transaction.
const TOGETHER: usize = 128;
/// How often urgent acts are tried again with more room.
const TRIES: usize = 4;

/// What an act may have where the disk is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
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
    queue: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

/// Why an act was not acknowledged, where `SQLite` is not the one to say.
#[derive(Clone, Debug, thiserror::Error)]
enum Unanswered {
    #[error("too many writes are waiting")]
    Full,
    #[error("the writer has ended")]
    Dead,
    #[error("the write stopped with a bug")]
    Panicked,
    #[error("the transaction failed: {0}")]
    Lost(#[source] Arc<rusqlite::Error>),
}

impl From<Unanswered> for StoreError {
    fn from(why: Unanswered) -> Self {
        Self::Away(Box::new(why))
    }
}

impl Writer {
    /// Starts the thread. An act waits for another process as long as `patience`, the time in our queue included.
    pub(super) fn start(
        connection: Arc<Mutex<Connection>>,
        patience: Duration,
        reserve: Option<Arc<Reserve>>,
    ) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(WAITING);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || work(&connection, &waiting, patience, reserve.as_deref()))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Does `work`, all or nothing, and answers when it is on disk. Once accepted it is done even if nobody waits for it. It is
    /// done a second time only where nothing came of the first, and it is urgent.
    pub(super) async fn act<T, W>(&self, need: Need, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let act = Box::new(Act { need, work, outcome: None, reply, since: Clock::machine().stopwatch() });
        match self.queue.as_ref().map(|queue| queue.try_send(act)) {
            Some(Ok(())) => {}
            Some(Err(TrySendError::Full(_))) => return Err(Unanswered::Full.into()),
            Some(Err(TrySendError::Disconnected(_))) | None => return Err(Unanswered::Dead.into()),
        }
        answer.await.unwrap_or_else(|_| Err(Unanswered::Dead.into()))
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

fn work(
    connection: &Mutex<Connection>,
    waiting: &Receiver<Box<dyn Job>>,
    patience: Duration,
    reserve: Option<&Reserve>,
) {
    let mut jobs = Vec::new();
    let mut locked = None;
    loop {
        if jobs.is_empty() {
            let Ok(first) = waiting.recv() else { return };
            jobs.push(first);
        }
        jobs.extend(waiting.try_iter().take(TOGETHER - jobs.len()));
        if let Some(why) = &locked {
            refuse_late(&mut jobs, patience, why);
        }
        let short = reserve.is_some_and(Reserve::is_short);
        let is_ordinary = |job: &dyn Job| job.need() == Need::Ordinary;
        if short && jobs.iter().any(|job| is_ordinary(&**job)) && reserve.is_some_and(Reserve::refuses_ordinary) {
            let why = Arc::new(no_room());
            for job in jobs.extract_if(.., |job| is_ordinary(&**job)) {
                job.answer(Err(Arc::clone(&why)));
            }
        }
        if jobs.is_empty() {
            continue;
        }
        let on = connection.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = match on.execute_batch("BEGIN IMMEDIATE") {
            Err(error) if busy(&error) => {
                locked = Some(Arc::new(error));
                continue;
            }
            begun => {
                locked = None;
                begun.and_then(|()| transact(&on, &mut jobs)).map_err(Arc::new)
            }
        };
        if let Some(reserve) = reserve {
            do_urgent_again(&on, &mut jobs, &outcome, reserve);
            if short {
                reuse_log(&on);
            }
        }
        drop(on);
        for job in jobs.drain(..) {
            job.answer(outcome.clone());
        }
    }
}

/// While another process holds the file: whoever has waited long enough is told so, nothing of theirs was done.
fn refuse_late(jobs: &mut Vec<Box<dyn Job>>, patience: Duration, why: &Arc<rusqlite::Error>) {
    for late in jobs.extract_if(.., |job| job.waited() >= patience) {
        late.answer(Err(Arc::clone(why)));
    }
}

/// Does urgent acts once more that found no room, with room of the reserve, and answers them.
fn do_urgent_again(on: &Connection, jobs: &mut Vec<Box<dyn Job>>, outcome: &Outcome, reserve: &Reserve) {
    // With a full disk SQLite may have taken the whole transaction back, for the act of somebody else.
    let all = outcome.as_ref().is_err_and(|why| is_lack_of_room(why) || jobs.iter().any(|job| job.lacks_room()));
    let lacks = |job: &mut Box<dyn Job>| job.need() == Need::Urgent && (all || job.lacks_room());
    let mut urgent: Vec<Box<dyn Job>> = jobs.extract_if(.., lacks).collect();
    let mut outcome = outcome.clone();
    for _ in 0..TRIES {
        if urgent.is_empty() || !reserve.release() {
            break;
        }
        reuse_log(on);
        outcome = match on.execute_batch("BEGIN IMMEDIATE") {
            // More room does not help against a lock.
            Err(error) if busy(&error) => {
                outcome = Err(Arc::new(error));
                break;
            }
            begun => begun.and_then(|()| transact(on, &mut urgent)).map_err(Arc::new),
        };
        let all = outcome.as_ref().is_err_and(|why| is_lack_of_room(why) || urgent.iter().any(|job| job.lacks_room()));
        for done in urgent.extract_if(.., |job| !all && !job.lacks_room()) {
            done.answer(outcome.clone());
        }
    }
    for left in urgent {
        left.answer(outcome.clone());
    }
}

/// From BEGIN to COMMIT for all of them, a savepoint around each.
fn transact(on: &Connection, jobs: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    let done = each_to_commit(on, jobs);
    if done.is_err() && !on.is_autocommit() {
        on.execute_batch("ROLLBACK")?;
    }
    done
}

fn each_to_commit(on: &Connection, jobs: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    for job in jobs {
        on.execute_batch("SAVEPOINT act")?;
        let did = catch_unwind(AssertUnwindSafe(|| job.run(on))).unwrap_or(false);
        // With a full disk SQLite may have taken the whole transaction back: then the savepoint is gone, this fails, and
        // so do all of them.
        on.execute_batch(if did { "RELEASE act" } else { "ROLLBACK TO act; RELEASE act" })?;
    }
    on.execute_batch("COMMIT")
}

/// An act whose result type the thread need not know.
trait Job: Send {
    /// What it may have where the disk is full.
    fn need(&self) -> Need;
    /// Whether it found no room when it was last run.
    fn lacks_room(&self) -> bool;
    /// Since it was accepted.
    fn waited(&self) -> Duration;
    /// Does it; whether it is to stay.
    fn run(&mut self, on: &Connection) -> bool;
    /// Tells whoever waits.
    fn answer(self: Box<Self>, committed: Outcome);
}

/// What became of a transaction.
type Outcome = Result<(), Arc<rusqlite::Error>>;

struct Act<T, W> {
    need: Need,
    work: W,
    outcome: Option<rusqlite::Result<T>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    since: Stopwatch,
}

impl<T, W> Job for Act<T, W>
where
    T: Send,
    W: FnMut(&Connection) -> rusqlite::Result<T> + Send,
{
    fn need(&self) -> Need {
        self.need
    }

    fn lacks_room(&self) -> bool {
        matches!(&self.outcome, Some(Err(why)) if is_lack_of_room(why))
    }

    fn waited(&self) -> Duration {
        self.since.elapsed()
    }

    fn run(&mut self, on: &Connection) -> bool {
        self.outcome = None;
        self.outcome = Some((self.work)(on));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, committed: Outcome) {
        let answer = match (self.outcome, committed) {
            (Some(Err(error)), _) => Err(outage(error)),
            (_, Err(error)) => {
                Err(Damaged::of(&error).map_or_else(|| Unanswered::Lost(error).into(), StoreError::from))
            }
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(Unanswered::Panicked.into()),
        };
        drop(self.reply.send(answer)); // nobody may be waiting any more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answer = oneshot::Receiver<Result<usize, StoreError>>;

    fn act(work: impl FnMut(&Connection) -> rusqlite::Result<usize> + Send + 'static) -> (Box<dyn Job>, Answer) {
        let (reply, answer) = oneshot::channel();
        let since = Clock::machine().stopwatch();
        (Box::new(Act { need: Need::Ordinary, work, outcome: None, reply, since }), answer)
    }

    fn insert(number: i64) -> (Box<dyn Job>, Answer) {
        act(move |on| on.execute("INSERT INTO child VALUES (?1)", [number]))
    }

    /// What each is told, and what is there afterwards.
    fn together(acts: Vec<(Box<dyn Job>, Answer)>) -> (Vec<bool>, i64) {
        let on = Connection::open_in_memory().unwrap();
        on.execute_batch("CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1), (2);").unwrap();
        on.execute_batch("CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)").unwrap();
        on.pragma_update(None, "foreign_keys", true).unwrap();
        let (mut jobs, answers): (Vec<_>, Vec<_>) = acts.into_iter().unzip();
        on.execute_batch("BEGIN IMMEDIATE").unwrap();
        let outcome = transact(&on, &mut jobs).map_err(Arc::new);
        for job in jobs {
            job.answer(outcome.clone());
        }
        let told = answers.into_iter().map(|mut answer| answer.try_recv().unwrap().is_ok()).collect();
        assert!(on.is_autocommit(), "no transaction is left open");
        (told, on.query_row("SELECT count(*) FROM child", [], |row| row.get(0)).unwrap())
    }

    #[test]
    fn what_is_done_together_is_all_there() {
        assert_eq!(together(vec![insert(1), insert(2)]), (vec![true, true], 2));
    }

    #[test]
    fn an_act_that_fails_takes_back_only_itself() {
        let half = act(|on| {
            on.execute("INSERT INTO child VALUES (1)", [])?;
            on.execute("INSERT INTO nothing VALUES (1)", [])
        });
        assert_eq!(together(vec![insert(1), half, insert(2)]), (vec![true, false, true], 2));
    }

    #[test]
    fn an_act_that_panics_takes_back_only_itself() {
        let bug = act(|on| {
            on.execute("INSERT INTO child VALUES (1)", [])?;
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
        let [on, other] = [(); 2].map(|()| Connection::open(&path).unwrap());
        on.busy_timeout(Duration::from_millis(1)).unwrap();
        let reserve = Reserve::beside(&path, true);
        reserve.make();
        let length = || folder.path().join("store.db-reserve").metadata().unwrap().len();
        let whole = length();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (reply, _answer) = oneshot::channel();
        let work = |_: &Connection| -> rusqlite::Result<()> { Err(no_room()) };
        let since = Clock::machine().stopwatch();
        let mut act = Act { need: Need::Urgent, work, outcome: None, reply, since };
        act.run(&on);
        do_urgent_again(&on, &mut vec![Box::new(act)], &Ok(()), &reserve);
        assert_eq!(whole - length(), 256 << 10);
    }

    #[test]
    fn an_act_that_loses_the_whole_transaction_fails_them_all() {
        let lost = act(|on| on.execute("ROLLBACK", [])); // as a full disk would
        assert_eq!(together(vec![insert(1), lost, insert(2)]), (vec![false, false, false], 0));
    }
}
