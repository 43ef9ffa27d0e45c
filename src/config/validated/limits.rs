//! What a client may ask of a connection.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Serialize;

use super::ranges;
use crate::config::diagnostics::Diagnostics;
use crate::config::raw::limits::RawLimits;
use crate::config::value::length;
use crate::config::value::size::ByteSize;

/// What a body may be bounded to. A bound above is as good as none.
pub(super) const BODY_SIZE_RANGE: RangeInclusive<ByteSize> = ByteSize::kib(1)..=ByteSize::gib(1024);

/// What a client may ask of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitSettings {
    /// Bytes of a head.
    pub head_size: ByteSize,
    /// Header lines of a head.
    pub headers: u32,
    /// From the first byte of a head to its last.
    #[serde(serialize_with = "length::serialize")]
    pub head_deadline: Duration,
    /// What an app is sent; none is no limit.
    pub body_size: Option<ByteSize>,
    /// Without a byte of a request's body.
    #[serde(serialize_with = "length::serialize")]
    pub body_idle: Duration,
    /// Without a byte taken of an answer.
    #[serde(serialize_with = "length::serialize")]
    pub write_idle: Duration,
    /// Slow readers of one session at a time.
    pub slow_readers_per_session: u32,
    /// Slow readers of one address at a time.
    pub slow_readers_per_address: u32,
    /// Between two requests.
    #[serde(serialize_with = "length::serialize")]
    pub keep_alive: Duration,
    /// Requests on one connection.
    pub requests_per_connection: u32,
    /// Connections of one address at a time.
    pub connections_per_address: u32,
    /// Requests at a time on one connection of HTTP/2.
    pub http2_streams: u32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            head_size: ByteSize::kib(32),
            headers: 100,
            head_deadline: Duration::from_secs(15),
            body_size: None,
            body_idle: Duration::from_secs(30),
            write_idle: Duration::from_mins(5),
            slow_readers_per_session: 32,
            slow_readers_per_address: 128,
            keep_alive: Duration::from_secs(75),
            requests_per_connection: 1_000,
            connections_per_address: 512,
            http2_streams: 100,
        }
    }
}

impl LimitSettings {
    pub(super) fn validate(raw: RawLimits, diagnostics: &Diagnostics) -> Self {
        let default = Self::default();
        let head = ByteSize::kib(4)..=ByteSize::kib(256);
        let (short, long) = (Duration::from_millis(100), Duration::from_hours(1));
        let body_size =
            raw.body_size.map(|field| ranges::size(Some(field), ByteSize::kib(1), &BODY_SIZE_RANGE, diagnostics));
        Self {
            head_size: ranges::size(raw.head_size, default.head_size, &head, diagnostics),
            // Pingora's parser takes no more.
            headers: ranges::count(raw.headers, default.headers, &(10..=256), diagnostics),
            head_deadline: ranges::duration(raw.head_deadline, default.head_deadline, &(short..=long), diagnostics),
            body_size,
            body_idle: ranges::duration(raw.body_idle, default.body_idle, &(short..=long), diagnostics),
            write_idle: ranges::duration(raw.write_idle, default.write_idle, &(short..=long), diagnostics),
            slow_readers_per_session: ranges::count(
                raw.slow_readers_per_session,
                default.slow_readers_per_session,
                &(1..=1_000_000),
                diagnostics,
            ),
            slow_readers_per_address: ranges::count(
                raw.slow_readers_per_address,
                default.slow_readers_per_address,
                &(1..=1_000_000),
                diagnostics,
            ),
            keep_alive: ranges::duration(raw.keep_alive, default.keep_alive, &(short..=long), diagnostics),
            requests_per_connection: ranges::count(
                raw.requests_per_connection,
                default.requests_per_connection,
                &(1..=1_000_000),
                diagnostics,
            ),
            connections_per_address: ranges::count(
                raw.connections_per_address,
                default.connections_per_address,
                &(1..=1_000_000),
                diagnostics,
            ),
            http2_streams: ranges::count(raw.http2_streams, default.http2_streams, &(1..=1_000), diagnostics),
        }
    }
}
