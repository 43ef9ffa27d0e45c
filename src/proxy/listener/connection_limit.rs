//! How many clients may be connected at once, in all and from one address. Without a bound, idle connections would take every
//! descriptor, and none would be left for apps, the store and the admin listener; and one client could take every seat.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use prometheus::IntCounter;

use crate::{
    clock::{Clock, Stopwatch},
    metrics::Metrics,
    proxy::in_flight::lock::lock,
    visitor::{TrustedProxies, canonical_ip, ip_network},
};

/// How often it is told that there is no room.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Room for clients, which listeners may share.
#[derive(Debug)]
pub struct ConnectionLimiter {
    max: usize,
    open: AtomicUsize,
    per_address: Option<AddressLimiter>,
    refusals: [RefusalCounter; 4],
}

/// Seats by who has them.
#[derive(Debug)]
struct AddressLimiter {
    max: u32,
    /// They carry many visitors.
    exempt: TrustedProxies,
    /// Nobody stays in it without a seat.
    open: Mutex<HashMap<IpAddr, u32>>,
}

/// Why a connection is not served.
#[derive(Clone, Copy, Debug)]
pub(super) enum ConnectionRefusal {
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
struct RefusalCounter {
    counter: Option<IntCounter>,
    last_logged: Mutex<Option<Stopwatch>>,
}

/// A place in it, for as long as this lives.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    /// Of whoever has it.
    address: IpAddr,
    /// Whose it is, where that counts.
    network: Option<IpAddr>,
}

impl ConnectionLimiter {
    /// Every value of the label `reason`.
    const LABELS: [&str; 4] = {
        let mut reasons = [""; 4];
        reasons[ConnectionRefusal::Full as usize] = "full";
        reasons[ConnectionRefusal::Address as usize] = "address";
        reasons[ConnectionRefusal::Tls as usize] = "tls";
        reasons[ConnectionRefusal::ProxyHeader as usize] = "proxy_header";
        reasons
    };

    /// Room for this many.
    #[must_use]
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self::with_max(max))
    }

    /// What a limit of open files leaves for clients: each of them may need another one for its app.
    #[must_use]
    pub fn for_open_files(open_files: Option<u64>) -> Self {
        let max = open_files.map_or(u64::MAX, |limit| (limit / 2).saturating_sub(64).max(limit / 4));
        Self::with_max(usize::try_from(max).unwrap_or(usize::MAX))
    }

    fn with_max(max: usize) -> Self {
        Self { max, open: AtomicUsize::new(0), per_address: None, refusals: Default::default() }
    }

    /// The same, with at most so many seats for one address; `except` for this machine and these.
    #[must_use]
    pub fn per_address(self, max: u32, exempt: TrustedProxies) -> Self {
        Self { per_address: Some(AddressLimiter { max, exempt, open: Mutex::default() }), ..self }
    }

    /// The same, and whoever is not served is counted.
    #[must_use]
    pub fn with_metrics(self, metrics: &Metrics) -> Self {
        let refused = Self::LABELS.map(|reason| RefusalCounter {
            counter: Some(metrics.connections_refused(reason)),
            last_logged: Mutex::default(),
        });
        Self { refusals: refused, ..self }
    }

    /// A seat for whoever is at `address`, if one is free for them; else, now and then, a line in the log. The address is all
    /// that counts: it may be asked once it is known who the visitor is.
    pub(super) fn acquire(self: &Arc<Self>, address: IpAddr) -> Option<ConnectionPermit> {
        let mut permit = ConnectionPermit { limiter: Arc::clone(self), address, network: None };
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.max {
            self.record_refused(ConnectionRefusal::Full, address);
            return None;
        }
        if let Some(by_address) = &self.per_address {
            let Ok(network) = by_address.acquire(address) else {
                self.record_refused(ConnectionRefusal::Address, address);
                return None;
            };
            permit.network = network;
        }
        Some(permit)
    }

    /// Counts a connection that is not served, and tells of it now and then.
    pub(super) fn record_refused(&self, reason: ConnectionRefusal, address: IpAddr) {
        let refused = &self.refusals[reason as usize];
        if let Some(counter) = &refused.counter {
            counter.inc();
        }
        let mut last_logged = lock(&refused.last_logged);
        if last_logged.is_some_and(|last| last.elapsed() < LOG_INTERVAL) {
            return;
        }
        *last_logged = Some(Clock::system().stopwatch());
        match reason {
            ConnectionRefusal::Full => tracing::warn!(
                connections = self.max,
                "Closing new connections: as many are open as the limit of open files leaves room for; raise it (LimitNOFILE, \
                 ulimit -n)"
            ),
            ConnectionRefusal::Address => tracing::warn!(
                ip = %canonical_ip(address),
                connections = self.per_address.as_ref().map(|by_address| by_address.max),
                "Closing new connections of one address: it has as many as limits.connections_per_address allows; if many \
                 visitors share it, raise the limit; if it is a proxy of yours, list it in trusted_proxies"
            ),
            ConnectionRefusal::Tls => tracing::debug!(ip = %canonical_ip(address), "No agreement on TLS with a client"),
            ConnectionRefusal::ProxyHeader => tracing::warn!(
                ip = %canonical_ip(address),
                "Closing connections that do not begin with a PROXY header of a listed balancer; list it in trusted_proxies \
                 and let it send one, or set proxy_protocol: false"
            ),
        }
    }
}

impl AddressLimiter {
    /// Counts another one; whose it is, where that counts.
    fn acquire(&self, address: IpAddr) -> Result<Option<IpAddr>, ()> {
        if canonical_ip(address).is_loopback() || self.exempt.trusts(address) {
            return Ok(None);
        }
        let network = ip_network(address);
        let mut taken = lock(&self.open);
        let count = taken.entry(network).or_default();
        if *count >= self.max {
            return Err(());
        }
        *count += 1;
        Ok(Some(network))
    }

    fn release(&self, network: IpAddr) {
        let mut taken = lock(&self.open);
        if let Some(count) = taken.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&network);
            }
        }
    }
}

impl ConnectionPermit {
    /// Another one for the same client, if one is free for it.
    pub(super) fn acquire_another(&self) -> Option<Self> {
        self.limiter.acquire(self.address)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.limiter.open.fetch_sub(1, Ordering::Relaxed);
        if let (Some(network), Some(by_address)) = (self.network, &self.limiter.per_address) {
            by_address.release(network);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn who_leaves_makes_room() {
        let limiter = ConnectionLimiter::new(2);
        let permit = || limiter.acquire(LOCAL);
        let seats = (permit(), permit());
        assert!(seats.0.is_some() && seats.1.is_some() && permit().is_none() && permit().is_none());
        drop(seats.0);
        let third = permit();
        assert!(third.is_some() && permit().is_none());
    }

    #[test]
    fn half_of_the_open_files_and_more_are_for_what_is_behind() {
        let max = |limit| ConnectionLimiter::for_open_files(limit).max;
        assert_eq!([max(Some(64)), max(Some(256)), max(Some(1000)), max(Some(65_536))], [16, 64, 436, 32_704]);
        assert_eq!(max(None), usize::MAX);
    }

    #[test]
    fn nobody_takes_every_seat() {
        let proxies = TrustedProxies::new(["10.0.0.0/8".parse().unwrap()]);
        let metrics = Metrics::new();
        let limiter =
            Arc::new(ConnectionLimiter::for_open_files(Some(4 * 64)).per_address(2, proxies).with_metrics(&metrics));
        let permit = |address: &str| limiter.acquire(address.parse().unwrap());
        let counted = |reason| metrics.connections_refused(reason).get();

        let first = [permit("192.0.2.1"), permit("::ffff:192.0.2.1")];
        assert!(
            first.iter().all(Option::is_some) && permit("192.0.2.1").is_none(),
            "one spelling is as good as another"
        );
        let network = [permit("2001:db8::1"), permit("2001:db8::2")];
        assert!(network.iter().all(Option::is_some) && permit("2001:db8::3").is_none(), "a /64 is one");
        let others: Vec<_> = ["192.0.2.2", "2001:db8:0:1::1"]
            .iter()
            .chain(&["10.1.2.3", "127.0.0.1", "::1"].repeat(4))
            .map(|ip| permit(ip))
            .collect();
        assert!(others.iter().all(Option::is_some), "{others:?}");
        assert_eq!((counted("full"), counted("address")), (0, 2));

        drop(first);
        assert!(permit("192.0.2.1").is_some());
        drop((network, others));
        assert_eq!(limiter.per_address.as_ref().unwrap().open.lock().unwrap().len(), 0, "nobody is remembered");
        assert_eq!(limiter.open.load(Ordering::Relaxed), 0);
        let all: Vec<_> = (0..64).map(|_| permit("127.0.0.1")).collect();
        assert!(all.iter().all(Option::is_some) && permit("192.0.2.9").is_none());
        assert_eq!((counted("full"), counted("address")), (1, 2));
    }
}
