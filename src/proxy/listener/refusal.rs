//! Refused connections: each is counted by its reason, and logged at most once a minute for each reason.

use std::{net::IpAddr, sync::Mutex, time::Duration};

use prometheus::IntCounter;

use crate::{
    clock::{Clock, Stopwatch},
    metrics::Metrics,
    proxy::in_flight::lock::lock,
    visitor::canonical_ip,
};

/// Shortest time between two log messages of one reason.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Reason for which a connection is refused.
#[derive(Clone, Copy, Debug)]
pub(super) enum ConnectionRefusal {
    /// As many connections are open as may be.
    LimitReached { max: usize },
    /// As many connections of one address are open as it may have.
    AddressLimitReached { max: u32 },
    /// The TLS handshake failed.
    TlsFailed,
    /// The peer is not a listed load balancer, or sent no PROXY header.
    NoProxyHeader,
}

/// Refusals so far, by reason.
#[derive(Debug, Default)]
pub(super) struct RefusalLog([RefusalCounter; 4]);

/// Refusals for one reason.
#[derive(Debug, Default)]
struct RefusalCounter {
    counter: Option<IntCounter>,
    last_logged: Mutex<Option<Stopwatch>>,
}

impl RefusalLog {
    /// Log whose refusals are counted.
    pub(super) fn with_metrics(metrics: &Metrics) -> Self {
        Self(ConnectionRefusal::LABELS.map(|reason| RefusalCounter {
            counter: Some(metrics.connections_refused(reason)),
            last_logged: Mutex::default(),
        }))
    }

    /// Counts a refused connection, and logs it where the last log message of its reason is old enough.
    pub(super) fn record(&self, refusal: ConnectionRefusal, address: IpAddr) {
        let refused = &self.0[refusal.index()];
        if let Some(counter) = &refused.counter {
            counter.inc();
        }
        let mut last_logged = lock(&refused.last_logged);
        if last_logged.is_some_and(|last| last.elapsed() < LOG_INTERVAL) {
            return;
        }
        *last_logged = Some(Clock::system().stopwatch());
        drop(last_logged);
        refusal.log(address);
    }
}

impl ConnectionRefusal {
    /// Every value of the label `reason`, at its index.
    const LABELS: [&str; 4] = ["full", "address", "tls", "proxy_header"];

    const fn index(self) -> usize {
        match self {
            Self::LimitReached { .. } => 0,
            Self::AddressLimitReached { .. } => 1,
            Self::TlsFailed => 2,
            Self::NoProxyHeader => 3,
        }
    }

    fn log(self, address: IpAddr) {
        let ip = canonical_ip(address);
        match self {
            Self::LimitReached { max } => tracing::warn!(
                connections = max,
                "Connection refused: as many are open as the limit of open files leaves room for; raise it (LimitNOFILE, \
                 ulimit -n)"
            ),
            Self::AddressLimitReached { max } => tracing::warn!(
                %ip,
                connections = max,
                "Connection refused: its address has as many as limits.connections_per_address allows; if many visitors \
                 share it, raise the limit; if it is a proxy of yours, list it in trusted_proxies"
            ),
            Self::TlsFailed => tracing::debug!(%ip, "Connection refused: TLS handshake failed"),
            Self::NoProxyHeader => tracing::warn!(
                %ip,
                "Connection refused: it begins with no PROXY header of a listed balancer; list it in \
                 trusted_proxies and let it send one, or set proxy_protocol: false"
            ),
        }
    }
}
