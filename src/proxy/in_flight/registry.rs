//! Registry of requests in flight, by session: the end of a session cancels its requests, however silent they are.
//!
//! A slot is an HTTP/1.1 connection of a client, or a stream of one of HTTP/2. A connection is registered once; what a request adds
//! are a few stores into atomics, for there are thousands of them a second. Ends are rare: to cancel, all slots are walked through.
//!
//! A request is evaluated first and bound to its session after that, and the session may end in between. So it says how many ends
//! were known before it was evaluated; where there have been more since, it looks whether its session is among them.
//! Invariant: of a request and an end that race, one sees the other. Held by `tests::no_end_slips_between`.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use crate::{
    clock::{Clock, Stopwatch},
    id::SessionId,
    metrics::Metrics,
    proxy::in_flight::{cancel_reason::CancelReason, lock::lock, slot::InFlightSlot, slow_readers::SlowReaders},
};

/// Time for which an end is remembered. A request waits much less for the store before it is bound.
const END_RETENTION: Duration = Duration::from_secs(10);

/// Registry of the requests in flight of all client connections.
#[derive(Debug)]
pub struct InFlight {
    /// Number of times that ends were recorded.
    end_epoch: AtomicU64,
    table: Mutex<SlotTable>,
    recent_ends: Mutex<RecentEnds>,
    clock: Stopwatch,
    slow_readers: Arc<SlowReaders>,
}

#[derive(Debug, Default)]
struct SlotTable {
    slots: HashMap<u64, Weak<InFlightSlot>>,
    next_key: u64,
}

/// Sessions that ended within [`END_RETENTION`].
#[derive(Debug, Default)]
struct RecentEnds {
    /// Session, the epoch that its end began, and the time in milliseconds.
    recent: VecDeque<(SessionId, u64, u64)>,
    /// Last epoch of which an end is forgotten.
    forgotten_epoch: u64,
}

impl Default for InFlight {
    fn default() -> Self {
        Self {
            end_epoch: AtomicU64::new(0),
            table: Mutex::default(),
            recent_ends: Mutex::default(),
            clock: Clock::system().stopwatch(),
            slow_readers: Arc::default(),
        }
    }
}

impl InFlight {
    /// No slots yet, with a metric of the slow readers among them.
    #[must_use]
    pub fn with_metrics(metrics: &Metrics) -> Self {
        Self { slow_readers: Arc::new(SlowReaders::with_gauge(metrics.slow_readers())), ..Self::default() }
    }

    /// Registers a new slot, until it is dropped.
    #[must_use]
    pub fn register(self: &Arc<Self>) -> Arc<InFlightSlot> {
        let mut table = lock(&self.table);
        table.next_key += 1;
        let key = table.next_key;
        let slot = Arc::new(InFlightSlot::new(Arc::clone(self), key));
        table.slots.insert(key, Arc::downgrade(&slot));
        slot
    }

    /// Cancels the requests of sessions that ended, and those that were evaluated before the end and are bound after it. Returns
    /// how many it cancelled.
    pub fn cancel_sessions(&self, ended: &[(SessionId, CancelReason)]) -> usize {
        self.record_ends(ended);
        let ended: HashMap<SessionId, CancelReason> = ended.iter().copied().collect();
        let count = self.cancel_where(|session, _| ended.get(&session?).copied());
        self.close_private_connections(|session| ended.contains_key(&session));
        count
    }

    /// Cancels the requests that have been in flight for so long for any session at all.
    pub fn cancel_older(&self, longer: Duration, reason: CancelReason) -> usize {
        let count = self.cancel_where(|session, since| (session.is_some() && since >= longer).then_some(reason));
        self.close_private_connections(|_| true);
        count
    }

    /// Cancels every request.
    pub fn cancel_all(&self, reason: CancelReason) -> usize {
        self.cancel_where(|_, _| Some(reason))
    }

    /// Sessions with a request that has been in flight for so long.
    #[must_use]
    pub fn sessions_older(&self, longer: Duration) -> HashSet<SessionId> {
        let now = self.now_millis();
        let all = self.slots();
        all.iter()
            .filter_map(|slot| slot.bound_request(now))
            .filter(|(_, _, since)| *since >= longer)
            .map(|(_, id, _)| id)
            .collect()
    }

    fn cancel_where(&self, reason_for: impl Fn(Option<SessionId>, Duration) -> Option<CancelReason>) -> usize {
        let (now, mut count) = (self.now_millis(), 0);
        for slot in self.slots() {
            let (request, session, since) = match slot.bound_request(now) {
                Some((request, session, since)) => (request, Some(session), since),
                None => (slot.request_number(), None, Duration::ZERO),
            };
            if let Some(reason) = reason_for(session, since) {
                slot.request_cancel(request, reason);
                count += 1;
            }
        }
        count
    }

    /// Closes private connections to apps, of requests that are cancelled and of none: after they are cancelled, so that no request
    /// takes it for the app's doing.
    fn close_private_connections(&self, ended: impl Fn(SessionId) -> bool) {
        self.slots().iter().for_each(|slot| slot.private_connections.close_where(&ended));
    }

    /// Records ends. Invariant: first an end is recorded, then slots are looked at; a request does the same in the other order.
    fn record_ends(&self, ended: &[(SessionId, CancelReason)]) {
        let now = self.now_millis();
        let mut recent_ends = lock(&self.recent_ends);
        let epoch = self.end_epoch.load(SeqCst) + 1;
        recent_ends.recent.extend(ended.iter().map(|(session, _)| (*session, epoch, now)));
        let oldest = now.saturating_sub(whole_millis(END_RETENTION));
        while let Some((_, epoch, _)) = recent_ends.recent.front().copied().filter(|(_, _, at)| *at < oldest) {
            recent_ends.forgotten_epoch = epoch;
            recent_ends.recent.pop_front();
        }
        self.end_epoch.store(epoch, SeqCst);
    }

    /// Whether a session ended since that epoch. Where the ends since then are forgotten, it may have, and so the answer is yes.
    pub(super) fn has_ended(&self, session: SessionId, since: u64) -> bool {
        let recent_ends = lock(&self.recent_ends);
        since < recent_ends.forgotten_epoch
            || recent_ends.recent.iter().rev().take_while(|(_, at, _)| *at > since).any(|end| end.0 == session)
    }

    /// Slots, to be dropped without the lock: a slot that is dropped locks the registry to leave it.
    fn slots(&self) -> Vec<Arc<InFlightSlot>> {
        lock(&self.table).slots.values().filter_map(Weak::upgrade).collect()
    }

    /// Number of times that ends were recorded.
    pub(super) fn end_epoch(&self) -> u64 {
        self.end_epoch.load(SeqCst)
    }

    /// Removes a slot.
    pub(super) fn deregister(&self, key: u64) {
        lock(&self.table).slots.remove(&key);
    }

    /// Clock of the timers of requests.
    pub(super) const fn clock(&self) -> Stopwatch {
        self.clock
    }

    /// All slow readers.
    pub(super) const fn slow_readers(&self) -> &Arc<SlowReaders> {
        &self.slow_readers
    }

    /// Time of the registry's clock in milliseconds, for [`InFlightSlot`].
    pub(super) fn now_millis(&self) -> u64 {
        whole_millis(self.clock.elapsed())
    }
}

fn whole_millis(span: Duration) -> u64 {
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

    const SIGNED_OUT: CancelReason = CancelReason::SessionGone;

    fn session() -> SessionId {
        SessionId::mint(UserId::mint())
    }

    /// Slot with a request that is bound to this session.
    fn serving(in_flight: &Arc<InFlight>, id: SessionId) -> Arc<InFlightSlot> {
        let slot = in_flight.register();
        slot.begin_request();
        assert!(slot.bind_session(id, slot.end_epoch()));
        slot
    }

    #[test]
    fn only_what_is_of_the_session_is_cut() {
        let (in_flight, [one, other]) = (Arc::<InFlight>::default(), [session(), session()]);
        let (first, second, another, nobodys) =
            (serving(&in_flight, one), serving(&in_flight, one), serving(&in_flight, other), in_flight.register());
        nobodys.begin_request();
        assert_eq!(in_flight.sessions_older(Duration::ZERO), HashSet::from([one, other]));
        assert_eq!(in_flight.cancel_sessions(&[(one, SIGNED_OUT)]), 2);
        assert_eq!(
            (first.cancelled().now_or_never(), second.cancelled().now_or_never()),
            (Some(SIGNED_OUT), Some(SIGNED_OUT))
        );
        assert_eq!((another.cancelled().now_or_never(), nobodys.cancelled().now_or_never()), (None, None));
        assert_eq!((first.cancel_reason(), another.cancel_reason()), (Some(SIGNED_OUT), None));
        assert_eq!(in_flight.cancel_older(Duration::ZERO, CancelReason::StoreUnavailable), 3);
        assert_eq!(
            (another.cancelled().now_or_never(), nobodys.cancelled().now_or_never()),
            (Some(CancelReason::StoreUnavailable), None)
        );
        assert_eq!(in_flight.cancel_all(CancelReason::Shutdown), 4);
        assert_eq!(nobodys.cancelled().now_or_never(), Some(CancelReason::Shutdown));
    }

    #[test]
    fn a_cut_that_comes_too_late_harms_nobody() {
        let (in_flight, [one, other]) = (Arc::<InFlight>::default(), [session(), session()]);
        let slot = serving(&in_flight, one);
        slot.unbind_session();
        assert_eq!(in_flight.cancel_sessions(&[(one, SIGNED_OUT)]), 0, "its request is over");
        slot.begin_request();
        assert!(slot.bind_session(one, slot.end_epoch()));
        // Requested while this request was in the slot, and seen by the next one.
        slot.request_cancel(slot.request_number(), SIGNED_OUT);
        slot.unbind_session();
        slot.begin_request();
        assert!(slot.bind_session(other, slot.end_epoch()));
        assert_eq!((slot.cancelled().now_or_never(), slot.cancel_reason()), (None, None));
    }

    #[test]
    fn who_was_judged_before_the_end_and_comes_after_it_is_judged_again() {
        let (in_flight, [one, other]) = (Arc::<InFlight>::default(), [session(), session()]);
        let slot = in_flight.register();
        slot.begin_request();
        let before = slot.end_epoch();
        in_flight.cancel_sessions(&[(one, SIGNED_OUT)]);
        assert!(!slot.bind_session(one, before));
        assert!(in_flight.sessions_older(Duration::ZERO).is_empty(), "and is not in flight");
        assert!(slot.bind_session(other, before), "nobody else is");
    }

    /// However close together a request and the end of its session are: it is cancelled, or it is evaluated again.
    #[test]
    fn no_end_slips_between() {
        for _ in 0..2_000 {
            let (in_flight, id) = (Arc::<InFlight>::default(), session());
            let slot = in_flight.register();
            slot.begin_request();
            let (epoch, good) = (slot.end_epoch(), AtomicBool::new(false));
            thread::scope(|threads| {
                threads.spawn(|| in_flight.cancel_sessions(&[(id, SIGNED_OUT)]));
                good.store(slot.bind_session(id, epoch), Ordering::SeqCst);
            });
            let reason = slot.cancelled().now_or_never().is_some();
            assert!(reason || !good.into_inner(), "it goes on");
        }
    }

    #[test]
    fn what_is_long_ago_is_forgotten_and_counts_as_ended() {
        let (in_flight, id) = (InFlight::default(), session());
        lock(&in_flight.recent_ends).forgotten_epoch = 5;
        assert!(in_flight.has_ended(id, 4) && !in_flight.has_ended(id, 5));
    }

    #[test]
    fn a_line_that_is_gone_is_off_the_list() {
        let in_flight = Arc::<InFlight>::default();
        drop(in_flight.register());
        assert!(lock(&in_flight.table).slots.is_empty());
    }
}
