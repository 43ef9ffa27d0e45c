//! How many clients may be connected at once, in all and from one address. Without a bound, idle connections would take every
//! descriptor, and none would be left for apps, the store and the admin listener; and one client could take every seat.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use prometheus::IntCounter;

use crate::{
    clock::{Clock, Stopwatch},
    metrics::Metrics,
    visitor::{TrustedProxies, network_of, plain},
};

/// How often it is told that there is no room.
const TELL: Duration = Duration::from_mins(1);

/// Room for clients, which listeners may share.
#[derive(Debug)]
pub struct Room {
    most: usize,
    taken: AtomicUsize,
    by_address: Option<ByAddress>,
    refused: [Refused; 4],
}

/// Seats by who has them.
#[derive(Debug)]
struct ByAddress {
    most: u32,
    /// They carry many visitors.
    except: TrustedProxies,
    /// Nobody stays in it without a seat.
    taken: Mutex<HashMap<IpAddr, u32>>,
}

/// Why a connection is not served.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reason {
    /// As many are connected as there is room for.
    Full,
    /// Of one address as many as it may have.
    Address,
    /// No agreement on TLS.
    Tls,
    /// A balancer, or somebody else, who does not say whom it brings.
    ProxyHeader,
}

/// What is known of those who are not served, for one reason.
#[derive(Debug, Default)]
struct Refused {
    counter: Option<IntCounter>,
    told: Mutex<Option<Stopwatch>>,
}

/// A place in it, for as long as this lives.
#[derive(Debug)]
pub(super) struct Seat {
    room: Arc<Room>,
    /// Of whoever has it.
    address: IpAddr,
    /// Whose it is, where that counts.
    network: Option<IpAddr>,
}

impl Room {
    /// Every value of the label `reason`.
    const REASONS: [&str; 4] = {
        let mut reasons = [""; 4];
        reasons[Reason::Full as usize] = "full";
        reasons[Reason::Address as usize] = "address";
        reasons[Reason::Tls as usize] = "tls";
        reasons[Reason::ProxyHeader as usize] = "proxy_header";
        reasons
    };

    /// Room for this many.
    #[must_use]
    pub fn for_clients(most: usize) -> Arc<Self> {
        Arc::new(Self::of(most))
    }

    /// What a limit of open files leaves for clients: each of them may need another one for its app.
    #[must_use]
    pub fn within(open_files: Option<u64>) -> Self {
        let most = open_files.map_or(u64::MAX, |limit| (limit / 2).saturating_sub(64).max(limit / 4));
        Self::of(usize::try_from(most).unwrap_or(usize::MAX))
    }

    fn of(most: usize) -> Self {
        Self { most, taken: AtomicUsize::new(0), by_address: None, refused: Default::default() }
    }

    /// The same, with at most so many seats for one address; `except` for this machine and these.
    #[must_use]
    pub fn per_address(self, most: u32, except: TrustedProxies) -> Self {
        Self { by_address: Some(ByAddress { most, except, taken: Mutex::default() }), ..self }
    }

    /// The same, and whoever is not served is counted.
    #[must_use]
    pub fn counted(self, metrics: &Metrics) -> Self {
        let refused = Self::REASONS
            .map(|reason| Refused { counter: Some(metrics.connections_refused(reason)), told: Mutex::default() });
        Self { refused, ..self }
    }

    /// A seat for whoever is at `address`, if one is free for them; else, now and then, a line in the log. The address is all
    /// that counts: it may be asked once it is known who the visitor is.
    pub(super) fn seat(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let mut seat = Seat { room: Arc::clone(self), address, network: None };
        if self.taken.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.refuse(Reason::Full, address);
            return None;
        }
        if let Some(by_address) = &self.by_address {
            let Ok(network) = by_address.take(address) else {
                self.refuse(Reason::Address, address);
                return None;
            };
            seat.network = network;
        }
        Some(seat)
    }

    /// Counts a connection that is not served, and tells of it now and then.
    pub(super) fn refuse(&self, reason: Reason, address: IpAddr) {
        let refused = &self.refused[reason as usize];
        if let Some(counter) = &refused.counter {
            counter.inc();
        }
        let mut told = refused.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|last| last.elapsed() < TELL) {
            return;
        }
        *told = Some(Clock::machine().stopwatch());
        match reason {
            Reason::Full => tracing::warn!(
                connections = self.most,
                "Closing new connections: as many are open as the limit of open files leaves room for; raise it (LimitNOFILE, \
                 ulimit -n)"
            ),
            Reason::Address => tracing::warn!(
                ip = %plain(address),
                connections = self.by_address.as_ref().map(|by_address| by_address.most),
                "Closing new connections of one address: it has as many as limits.connections_per_address allows; if many \
                 visitors share it, raise the limit; if it is a proxy of yours, list it in trusted_proxies"
            ),
            Reason::Tls => tracing::debug!(ip = %plain(address), "No agreement on TLS with a client"),
            Reason::ProxyHeader => tracing::warn!(
                ip = %plain(address),
                "Closing connections that do not begin with a PROXY header of a listed balancer; list it in trusted_proxies \
                 and let it send one, or set proxy_protocol: false"
            ),
        }
    }
}

impl ByAddress {
    /// Counts another one; whose it is, where that counts.
    fn take(&self, address: IpAddr) -> Result<Option<IpAddr>, ()> {
        if plain(address).is_loopback() || self.except.trusts(address) {
            return Ok(None);
        }
        let network = network_of(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(network).or_default();
        if *count >= self.most {
            return Err(());
        }
        *count += 1;
        Ok(Some(network))
    }

    fn leave(&self, network: IpAddr) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&network);
            }
        }
    }
}

impl Seat {
    /// Another one for the same client, if one is free for it.
    pub(super) fn another(&self) -> Option<Self> {
        self.room.seat(self.address)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(1, Ordering::Relaxed);
        if let (Some(network), Some(by_address)) = (self.network, &self.room.by_address) {
            by_address.leave(network);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn who_leaves_makes_room() {
        let room = Room::for_clients(2);
        let seat = || room.seat(LOCAL);
        let seats = (seat(), seat());
        assert!(seats.0.is_some() && seats.1.is_some() && seat().is_none() && seat().is_none());
        drop(seats.0);
        let third = seat();
        assert!(third.is_some() && seat().is_none());
    }

    #[test]
    fn half_of_the_open_files_and_more_are_for_what_is_behind() {
        let most = |limit| Room::within(limit).most;
        assert_eq!([most(Some(64)), most(Some(256)), most(Some(1000)), most(Some(65_536))], [16, 64, 436, 32_704]);
        assert_eq!(most(None), usize::MAX);
    }

    #[test]
    fn nobody_takes_every_seat() {
        let proxies = TrustedProxies::new(["10.0.0.0/8".parse().unwrap()]);
        let metrics = Metrics::new();
        let room = Arc::new(Room::within(Some(4 * 64)).per_address(2, proxies).counted(&metrics));
        let seat = |address: &str| room.seat(address.parse().unwrap());
        let counted = |reason| metrics.connections_refused(reason).get();

        let first = [seat("192.0.2.1"), seat("::ffff:192.0.2.1")];
        assert!(first.iter().all(Option::is_some) && seat("192.0.2.1").is_none(), "one spelling is as good as another");
        let network = [seat("2001:db8::1"), seat("2001:db8::2")];
        assert!(network.iter().all(Option::is_some) && seat("2001:db8::3").is_none(), "a /64 is one");
        let others: Vec<_> = ["192.0.2.2", "2001:db8:0:1::1"]
            .iter()
            .chain(&["10.1.2.3", "127.0.0.1", "::1"].repeat(4))
            .map(|ip| seat(ip))
            .collect();
        assert!(others.iter().all(Option::is_some), "{others:?}");
        assert_eq!((counted("full"), counted("address")), (0, 2));

        drop(first);
        assert!(seat("192.0.2.1").is_some());
        drop((network, others));
        assert_eq!(room.by_address.as_ref().unwrap().taken.lock().unwrap().len(), 0, "nobody is remembered");
        assert_eq!(room.taken.load(Ordering::Relaxed), 0);
        let all: Vec<_> = (0..64).map(|_| seat("127.0.0.1")).collect();
        assert!(all.iter().all(Option::is_some) && seat("192.0.2.9").is_none());
        assert_eq!((counted("full"), counted("address")), (1, 2));
    }
}
