//! Limits of one client connection.

use std::time::Duration;

use crate::proxy::in_flight::slow_readers::SlowReaderLimits;

/// Limits of one client connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Most bytes of a head.
    pub head_bytes: usize,
    /// Most header lines of a head.
    pub headers: usize,
    /// Longest time from the first byte of a head to its last; for the first head, since the connection was accepted.
    pub head_deadline: Duration,
    /// Longest time from one request to the first byte of the next.
    pub idle: Duration,
    /// Most requests on one connection.
    pub requests: u32,
    /// Longest time between two reads of a body.
    pub body_idle: Duration,
    /// Longest time of each write of a response, and for which a client may take nothing of what is there for it.
    pub write_idle: Duration,
    /// Time for which a client takes nothing of a response before it counts as a slow reader.
    pub slow_after: Duration,
    /// Most slow readers of one session at a time.
    pub slow_readers_per_session: u32,
    /// Most slow readers of one address at a time, of IPv6 of a /64; none is no limit.
    pub slow_readers_per_address: Option<u32>,
    /// Most open streams of an HTTP/2 connection at a time.
    pub streams: u32,
}

impl ConnectionLimits {
    /// Limits of slow readers.
    pub(super) const fn slow_readers(&self) -> SlowReaderLimits {
        SlowReaderLimits { per_session: self.slow_readers_per_session, per_address: self.slow_readers_per_address }
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            head_bytes: 32 * 1024,
            headers: 100,
            head_deadline: Duration::from_secs(15),
            idle: Duration::from_secs(75),
            requests: 1_000,
            body_idle: Duration::from_secs(30),
            write_idle: Duration::from_mins(5),
            slow_after: Duration::from_secs(10),
            slow_readers_per_session: 32,
            slow_readers_per_address: Some(128),
            streams: 100,
        }
    }
}
