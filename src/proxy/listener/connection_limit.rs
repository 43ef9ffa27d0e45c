//! Limit of client connections: in all, and from one address. Without it, idle connections would take every descriptor, and none
//! would be left for apps, the store and the admin listener; and one client could take every connection.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    metrics::Metrics,
    proxy::{
        in_flight::lock::lock,
        listener::refusal::{ConnectionRefusal, RefusalLog},
    },
    visitor::{TrustedProxies, canonical_ip, ip_network},
};

/// Limiter of client connections, which listeners may share.
#[derive(Debug)]
pub struct ConnectionLimiter {
    max: usize,
    open: AtomicUsize,
    per_address: Option<AddressLimiter>,
    refusals: RefusalLog,
}

/// Connections by address.
#[derive(Debug)]
struct AddressLimiter {
    max: u32,
    /// Proxies, which carry many visitors: not counted.
    exempt: TrustedProxies,
    /// Only addresses and networks with a connection are in it.
    open: Mutex<HashMap<IpAddr, u32>>,
}

/// Permit for one connection, given back when it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    /// Address of the client.
    address: IpAddr,
    /// Network that it is counted for, where addresses are limited.
    network: Option<IpAddr>,
}

impl ConnectionLimiter {
    /// Limiter for this many connections.
    #[must_use]
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self::with_max(max))
    }

    /// Limiter for what a limit of open files leaves for clients: each of them may need another one for its app.
    #[must_use]
    pub fn for_open_files(open_files: Option<u64>) -> Self {
        let max = open_files.map_or(u64::MAX, |limit| (limit / 2).saturating_sub(64).max(limit / 4));
        Self::with_max(usize::try_from(max).unwrap_or(usize::MAX))
    }

    fn with_max(max: usize) -> Self {
        Self { max, open: AtomicUsize::new(0), per_address: None, refusals: RefusalLog::default() }
    }

    /// Limits connections from one address to `max`, but those from this machine and from `exempt`.
    #[must_use]
    pub fn per_address(self, max: u32, exempt: TrustedProxies) -> Self {
        Self { per_address: Some(AddressLimiter { max, exempt, open: Mutex::default() }), ..self }
    }

    /// Counts refused connections.
    #[must_use]
    pub fn with_metrics(self, metrics: &Metrics) -> Self {
        Self { refusals: RefusalLog::with_metrics(metrics), ..self }
    }

    /// Refusals of the listeners that share the limiter.
    pub(super) const fn refusals(&self) -> &RefusalLog {
        &self.refusals
    }

    /// Permit for a connection from `address`, if one is free; else the refusal is counted. Only the address counts: a permit
    /// may be asked for again once the visitor behind a load balancer is known.
    pub(super) fn acquire(self: &Arc<Self>, address: IpAddr) -> Option<ConnectionPermit> {
        let mut permit = ConnectionPermit { limiter: Arc::clone(self), address, network: None };
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.max {
            self.refusals.record(ConnectionRefusal::LimitReached { max: self.max }, address);
            return None;
        }
        if let Some(by_address) = &self.per_address {
            let Ok(network) = by_address.acquire(address) else {
                self.refusals.record(ConnectionRefusal::AddressLimitReached { max: by_address.max }, address);
                return None;
            };
            permit.network = network;
        }
        Some(permit)
    }
}

impl AddressLimiter {
    /// Counts a connection. The network that it is counted for; none where it is exempt.
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
    /// Permit for another connection of the same client, if one is free.
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
