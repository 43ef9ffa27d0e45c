//! Slow readers: requests whose client has taken nothing of the response for a while, limited by session and by address.
//!
//! Each holds memory and a connection to the app. Beyond a limit the one that has been slow for longest is cancelled. At an address
//! it is one of the session that has most there, so that nobody cancels the streams of others behind the same address.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use prometheus::IntGauge;

use crate::{
    id::SessionId,
    proxy::in_flight::{cancel_reason::CancelReason, lock::lock, slot::InFlightSlot},
};

/// Limits of slow readers at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) struct SlowReaderLimits {
    /// Slow readers of one session.
    pub(in crate::proxy) per_session: u32,
    /// Slow readers of one address, of IPv6 of a /64; none is no limit.
    pub(in crate::proxy) per_address: Option<u32>,
}

/// Slow readers at this moment.
#[derive(Debug, Default)]
pub(in crate::proxy) struct SlowReaders {
    readers: Mutex<ReaderTable>,
    gauge: Option<IntGauge>,
}

#[derive(Debug, Default)]
struct ReaderTable {
    /// Slow readers by key, in the order in which they became slow.
    by_key: HashMap<ReaderKey, VecDeque<ReaderEntry>>,
    next: u64,
}

/// Key that readers are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ReaderKey {
    Session(SessionId),
    /// Address; of IPv6 its /64.
    Network(IpAddr),
}

#[derive(Clone, Debug)]
struct ReaderEntry {
    number: u64,
    slot: Arc<InFlightSlot>,
    request: u64,
    session: Option<SessionId>,
}

/// Registration of one slow reader, until it reads on or its request is over.
#[derive(Debug)]
pub(in crate::proxy) struct SlowReaderGuard {
    readers: Arc<SlowReaders>,
    keys: [Option<ReaderKey>; 2],
    number: u64,
    /// Time since which it has taken nothing.
    pub(in crate::proxy) blocked_since: Duration,
}

impl SlowReaders {
    /// No slow readers yet, with a gauge of their number.
    pub(super) fn with_gauge(gauge: IntGauge) -> Self {
        Self { readers: Mutex::default(), gauge: Some(gauge) }
    }

    /// Registers the request under way in `slot` as a slow reader, blocked since then. Where that is one too many of its session or
    /// its address, one is cancelled: see [`take_excess`].
    pub(in crate::proxy) fn register(
        self: &Arc<Self>,
        slot: &Arc<InFlightSlot>,
        since: Duration,
        limits: SlowReaderLimits,
    ) -> SlowReaderGuard {
        let own = slot.session();
        let session = own.map(ReaderKey::Session);
        let network = slot.network().map(ReaderKey::Network);
        let mut readers = self.readers();
        readers.next += 1;
        let reader =
            ReaderEntry { number: readers.next, slot: Arc::clone(slot), request: slot.request_number(), session: own };
        let mut excess = Vec::new();
        let max = [Some(limits.per_session), limits.per_address];
        for (key, max) in [session, network].into_iter().zip(max) {
            let (Some(key), Some(max)) = (key, max) else { continue };
            let of_key = readers.by_key.entry(key).or_default();
            of_key.push_back(reader.clone());
            if of_key.len() > usize::try_from(max).unwrap_or(usize::MAX) {
                excess.extend(take_excess(of_key));
            }
        }
        drop(readers);
        if let Some(gauge) = &self.gauge {
            gauge.inc();
        }
        for reader in &excess {
            reader.slot.request_cancel(reader.request, CancelReason::SlowReader);
        }
        SlowReaderGuard {
            readers: Arc::clone(self),
            keys: [session, network],
            number: reader.number,
            blocked_since: since,
        }
    }

    fn readers(&self) -> MutexGuard<'_, ReaderTable> {
        lock(&self.readers)
    }
}

/// Takes out the reader that has been slow for longest of the session that has most of these: that of the last reader where
/// others have as many. Readers without a session count as of one.
fn take_excess(of_key: &mut VecDeque<ReaderEntry>) -> Option<ReaderEntry> {
    let mut counts = HashMap::<Option<SessionId>, usize>::new();
    for reader in &*of_key {
        *counts.entry(reader.session).or_default() += 1;
    }
    let max = counts.values().max()?;
    let session = of_key.iter().rev().map(|reader| reader.session).find(|session| counts.get(session) == Some(max))?;
    let at = of_key.iter().position(|reader| reader.session == session)?;
    of_key.remove(at)
}

impl Drop for SlowReaderGuard {
    fn drop(&mut self) {
        let mut left = Vec::new();
        let mut readers = self.readers.readers();
        for key in self.keys.into_iter().flatten() {
            let Some(of_key) = readers.by_key.get_mut(&key) else { continue };
            if let Some(index) = of_key.iter().position(|reader| reader.number == self.number) {
                left.extend(of_key.remove(index));
            }
            if of_key.is_empty() {
                readers.by_key.remove(&key);
            }
        }
        drop(readers);
        if let Some(gauge) = &self.readers.gauge {
            gauge.dec();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::{id::UserId, proxy::in_flight::registry::InFlight};

    #[test]
    fn at_an_address_whoever_has_most_gives_one_up() {
        let (in_flight, slow_readers) = (Arc::<InFlight>::default(), Arc::<SlowReaders>::default());
        let limits = SlowReaderLimits { per_session: 9, per_address: Some(4) };
        let [alice, bob] = [(); 2].map(|()| Some(SessionId::mint(UserId::mint())));
        let reads = |session: Option<SessionId>| {
            let slot = in_flight.register();
            slot.begin_request();
            if let Some(session) = session {
                assert!(slot.bind_session(session, slot.end_epoch()));
            }
            slot.set_network(Some([192, 0, 2, 1].into()));
            let counted = slow_readers.register(&slot, Duration::ZERO, limits);
            (slot, counted)
        };
        let is_cut = |(slot, _): &(Arc<InFlightSlot>, SlowReaderGuard)| {
            slot.cancelled().now_or_never() == Some(CancelReason::SlowReader)
        };
        let others = [bob, bob, None].map(reads);
        let hers = [alice, alice, alice].map(reads);
        assert!(!others.iter().any(is_cut), "nobody cuts what others read");
        assert_eq!(hers.each_ref().map(is_cut), [true, true, false]);
        let nobodys = [None, None].map(reads);
        assert_eq!(
            (others.each_ref().map(is_cut), nobodys.each_ref().map(is_cut)),
            ([false, false, true], [true, false])
        );
    }

    #[test]
    fn of_too_many_the_one_that_has_been_slow_for_longest_is_cut() {
        let (in_flight, slow_readers) = (Arc::<InFlight>::default(), Arc::<SlowReaders>::default());
        let limits = SlowReaderLimits { per_session: 2, per_address: Some(3) };
        let [alice, bob] = [(); 2].map(|()| SessionId::mint(UserId::mint()));
        let reads = |session: Option<SessionId>, network: Option<&str>| {
            let slot = in_flight.register();
            slot.begin_request();
            if let Some(session) = session {
                assert!(slot.bind_session(session, slot.end_epoch()));
            }
            slot.set_network(network.map(|network| network.parse().unwrap()));
            let index = slow_readers.register(&slot, Duration::ZERO, limits);
            (slot, index)
        };
        let is_cut = |(slot, _): &(Arc<InFlightSlot>, SlowReaderGuard)| {
            slot.cancelled().now_or_never() == Some(CancelReason::SlowReader)
        };
        let own = [reads(Some(alice), None), reads(Some(alice), None), reads(Some(alice), None)];
        assert_eq!(own.each_ref().map(is_cut), [true, false, false], "of a session");
        let others = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"].map(|ip| reads(None, Some(ip)));
        assert!(!others.iter().any(is_cut));
        let one_more = reads(Some(bob), Some("192.0.2.1"));
        assert_eq!(
            (others.each_ref().map(is_cut), is_cut(&one_more)),
            ([true, false, false, false], false),
            "of an address"
        );
        let [first, second, third, other] = others;
        drop(second);
        assert!(!is_cut(&reads(None, Some("192.0.2.1"))) && !is_cut(&third), "who reads on makes room");
        drop((own, first, third, other, one_more));
        assert_eq!(slow_readers.readers().by_key.len(), 0, "nobody is remembered");
    }
}
