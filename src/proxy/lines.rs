//! What is in flight, and for whom: so that it can be cut when its session ends, however silent it is.
//!
//! A line is a connection of a client, or a stream of one of HTTP/2. A connection is put on the list once; what a request adds
//! are a few stores into atomics, for there are thousands of them a second. Ends are rare: to cut, all lines are walked through.
//!
//! A request is judged first and put on its line after that, and its session may end in between. So it says how many ends
//! were known before it was judged; where there have been more since, it looks whether its session is among them.
//! Invariant: of a request and an end that race, one sees the other. Held by `lines::tests::no_end_slips_between`.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use super::{Cut, Line, slow_readers::SlowReaders};
use crate::{
    clock::{Clock, Stopwatch},
    id::SessionId,
    metrics::Metrics,
};

/// How long an end is remembered. A request waits much less for the store before it is on its line.
const REMEMBERED: Duration = Duration::from_secs(10);

/// All connections of clients.
#[derive(Debug)]
pub struct Lines {
    /// How often ends have been told.
    told: AtomicU64,
    list: Mutex<List>,
    ends: Mutex<Ends>,
    clock: Stopwatch,
    slow_readers: Arc<SlowReaders>,
}

#[derive(Debug, Default)]
struct List {
    lines: HashMap<u64, Weak<Line>>,
    next: u64,
}

/// Sessions that have ended just now.
#[derive(Debug, Default)]
struct Ends {
    /// Which, by which telling, and when.
    recent: VecDeque<(SessionId, u64, u64)>,
    /// The last telling of which something is forgotten.
    forgotten: u64,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            told: AtomicU64::new(0),
            list: Mutex::default(),
            ends: Mutex::default(),
            clock: Clock::machine().stopwatch(),
            slow_readers: Arc::default(),
        }
    }
}

impl Lines {
    /// No connections yet, with a metric of the slow readers among them.
    #[must_use]
    pub fn counted(metrics: &Metrics) -> Self {
        Self { slow_readers: Arc::new(SlowReaders::counted(metrics.slow_readers())), ..Self::default() }
    }

    /// A new line, on the list until it is dropped.
    #[must_use]
    pub fn open(self: &Arc<Self>) -> Arc<Line> {
        let mut list = lock(&self.list);
        list.next += 1;
        let key = list.next;
        let line = Arc::new(Line::new(Arc::clone(self), key));
        list.lines.insert(key, Arc::downgrade(&line));
        line
    }

    /// Cuts what is in flight for sessions that have ended, and what was judged before they had and comes later. Tells how
    /// many requests it cut.
    pub fn cut(&self, ended: &[(SessionId, Cut)]) -> usize {
        self.remember(ended);
        let ended: HashMap<SessionId, Cut> = ended.iter().copied().collect();
        let count = self.cut_where(|_, session, _| ended.get(&session?).copied());
        self.close_private(|session| ended.contains_key(&session));
        count
    }

    /// Cuts what has been in flight for so long for any session at all.
    pub fn cut_guarded(&self, longer: Duration, cut: Cut) -> usize {
        let count = self.cut_where(|_, session, since| (session.is_some() && since >= longer).then_some(cut));
        self.close_private(|_| true);
        count
    }

    /// Cuts everything.
    pub fn cut_all(&self, cut: Cut) -> usize {
        self.cut_where(|_, _, _| Some(cut))
    }

    /// The sessions for which something has been in flight for so long.
    #[must_use]
    pub fn sessions(&self, longer: Duration) -> HashSet<SessionId> {
        let now = self.millis();
        let all = self.all();
        all.iter()
            .filter_map(|line| line.serving(now))
            .filter(|(_, _, since)| *since >= longer)
            .map(|(_, id, _)| id)
            .collect()
    }

    fn cut_where(&self, which: impl Fn(u64, Option<SessionId>, Duration) -> Option<Cut>) -> usize {
        let (now, mut count) = (self.millis(), 0);
        for line in self.all() {
            let (request, session, since) = match line.serving(now) {
                Some((request, session, since)) => (request, Some(session), since),
                None => (line.request(), None, Duration::ZERO),
            };
            if let Some(cut) = which(request, session, since) {
                line.order(request, cut);
                count += 1;
            }
        }
        count
    }

    /// Closes private connections to apps, of requests that are cut and of none: after the cut, so that no request takes it for
    /// the app's doing.
    fn close_private(&self, ended: impl Fn(SessionId) -> bool) {
        self.all().iter().for_each(|line| line.private.close_where(&ended));
    }

    /// Invariant: first an end is remembered, then lines are looked at; a request does the same in the other order.
    fn remember(&self, ended: &[(SessionId, Cut)]) {
        let now = self.millis();
        let mut ends = lock(&self.ends);
        let telling = self.told.load(SeqCst) + 1;
        ends.recent.extend(ended.iter().map(|(session, _)| (*session, telling, now)));
        let oldest = now.saturating_sub(whole(REMEMBERED));
        while let Some((_, telling, _)) = ends.recent.front().copied().filter(|(_, _, at)| *at < oldest) {
            ends.forgotten = telling;
            ends.recent.pop_front();
        }
        self.told.store(telling, SeqCst);
    }

    /// Whether a session has ended since. Where that is forgotten it may have, and so it has.
    pub(super) fn has_ended(&self, session: SessionId, since: u64) -> bool {
        let ends = lock(&self.ends);
        since < ends.forgotten
            || ends.recent.iter().rev().take_while(|(_, at, _)| *at > since).any(|end| end.0 == session)
    }

    /// Lines are dropped without the lock: a line that goes takes itself off the list.
    fn all(&self) -> Vec<Arc<Line>> {
        lock(&self.list).lines.values().filter_map(Weak::upgrade).collect()
    }

    /// How often ends have been told.
    pub(super) fn told(&self) -> u64 {
        self.told.load(SeqCst)
    }

    /// Takes a line off the list.
    pub(super) fn close(&self, key: u64) {
        lock(&self.list).lines.remove(&key);
    }

    /// By which timers of requests go.
    pub(super) const fn clock(&self) -> Stopwatch {
        self.clock
    }

    /// All slow readers.
    pub(super) const fn slow_readers(&self) -> &Arc<SlowReaders> {
        &self.slow_readers
    }

    /// What time it is, for [`Line`].
    pub(super) fn millis(&self) -> u64 {
        whole(self.clock.elapsed())
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

fn whole(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        thread,
    };

    use futures_util::FutureExt as _;

    use super::*;
    use crate::id::UserId;

    const SIGNED_OUT: Cut = Cut::GONE;

    fn session() -> SessionId {
        SessionId::mint(UserId::mint())
    }

    /// A line with a request of this session on it.
    fn serving(lines: &Arc<Lines>, id: SessionId) -> Arc<Line> {
        let line = lines.open();
        line.begin();
        assert!(line.serve(id, line.ends_told()));
        line
    }

    #[test]
    fn only_what_is_of_the_session_is_cut() {
        let (lines, [one, other]) = (Arc::<Lines>::default(), [session(), session()]);
        let (first, second, another, nobodys) =
            (serving(&lines, one), serving(&lines, one), serving(&lines, other), lines.open());
        nobodys.begin();
        assert_eq!(lines.sessions(Duration::ZERO), HashSet::from([one, other]));
        assert_eq!(lines.cut(&[(one, SIGNED_OUT)]), 2);
        assert_eq!((first.cut().now_or_never(), second.cut().now_or_never()), (Some(SIGNED_OUT), Some(SIGNED_OUT)));
        assert_eq!((another.cut().now_or_never(), nobodys.cut().now_or_never()), (None, None));
        assert_eq!((first.was_cut(), another.was_cut()), (Some(SIGNED_OUT), None));
        assert_eq!(lines.cut_guarded(Duration::ZERO, Cut::STORE_AWAY), 3);
        assert_eq!((another.cut().now_or_never(), nobodys.cut().now_or_never()), (Some(Cut::STORE_AWAY), None));
        assert_eq!(lines.cut_all(Cut::STOPPING), 4);
        assert_eq!(nobodys.cut().now_or_never(), Some(Cut::STOPPING));
    }

    #[test]
    fn a_cut_that_comes_too_late_harms_nobody() {
        let (lines, [one, other]) = (Arc::<Lines>::default(), [session(), session()]);
        let line = serving(&lines, one);
        line.end();
        assert_eq!(lines.cut(&[(one, SIGNED_OUT)]), 0, "its request is over");
        line.begin();
        assert!(line.serve(one, line.ends_told()));
        // Ordered while this request was on the line, and seen by the next one.
        line.order(line.request(), SIGNED_OUT);
        line.end();
        line.begin();
        assert!(line.serve(other, line.ends_told()));
        assert_eq!((line.cut().now_or_never(), line.was_cut()), (None, None));
    }

    #[test]
    fn who_was_judged_before_the_end_and_comes_after_it_is_judged_again() {
        let (lines, [one, other]) = (Arc::<Lines>::default(), [session(), session()]);
        let line = lines.open();
        line.begin();
        let before = line.ends_told();
        lines.cut(&[(one, SIGNED_OUT)]);
        assert!(!line.serve(one, before));
        assert!(lines.sessions(Duration::ZERO).is_empty(), "and is not in flight");
        assert!(line.serve(other, before), "nobody else is");
    }

    /// However close together a request and the end of its session are: it is cut, or it is judged again.
    #[test]
    fn no_end_slips_between() {
        for _ in 0..2_000 {
            let (lines, id) = (Arc::<Lines>::default(), session());
            let line = lines.open();
            line.begin();
            let (told, good) = (line.ends_told(), AtomicBool::new(false));
            thread::scope(|threads| {
                threads.spawn(|| lines.cut(&[(id, SIGNED_OUT)]));
                good.store(line.serve(id, told), Ordering::SeqCst);
            });
            let cut = line.cut().now_or_never().is_some();
            assert!(cut || !good.into_inner(), "it goes on");
        }
    }

    #[test]
    fn what_is_long_ago_is_forgotten_and_counts_as_ended() {
        let (lines, id) = (Lines::default(), session());
        lock(&lines.ends).forgotten = 5;
        assert!(lines.has_ended(id, 4) && !lines.has_ended(id, 5));
    }

    #[test]
    fn a_line_that_is_gone_is_off_the_list() {
        let lines = Arc::<Lines>::default();
        drop(lines.open());
        assert!(lock(&lines.list).lines.is_empty());
    }
}
