//! `limits`: what a client may ask of a connection.

use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, RawField};
use crate::config::ranges;
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::value::duration;
use crate::config::value::duration::FiniteDuration;
use crate::config::value::size::ByteSize;

/// What a body may be bounded to. A bound above is as good as none.
pub(in crate::config) const BODY_SIZE_RANGE: RangeInclusive<ByteSize> = ByteSize::kib(1)..=ByteSize::gib(1024);

/// What a client may ask of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitSettings {
    /// Bytes of a head.
    pub head_size: ByteSize,
    /// Header lines of a head.
    pub headers: u32,
    /// From the first byte of a head to its last.
    #[serde(serialize_with = "duration::serialize")]
    pub head_deadline: Duration,
    /// What an app is sent; none is no limit.
    pub body_size: Option<ByteSize>,
    /// Without a byte of a request's body.
    #[serde(serialize_with = "duration::serialize")]
    pub body_idle: Duration,
    /// Without a byte taken of an answer.
    #[serde(serialize_with = "duration::serialize")]
    pub write_idle: Duration,
    /// Slow readers of one session at a time.
    pub slow_readers_per_session: u32,
    /// Slow readers of one address at a time.
    pub slow_readers_per_address: u32,
    /// Between two requests.
    #[serde(serialize_with = "duration::serialize")]
    pub keep_alive: Duration,
    /// Requests on one connection.
    pub requests_per_connection: u32,
    /// Connections of one address at a time.
    pub connections_per_address: u32,
    /// Requests at a time on one connection of HTTP/2.
    pub http2_streams: u32,
}

/// What a client may ask of a connection. A change of these needs a restart, but for `body_size`.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawLimits {
    /// The longest head of a request, 4KiB to 256KiB; a longer one is answered with 431.
    pub(in crate::config) head_size: RawField<ByteSize>,
    /// The most header lines of a request, 10 to 256; more are answered with 431.
    pub(in crate::config) headers: RawField<u32>,
    /// How long a head may take from its first byte to its last, and a new connection to send its first request; then 408.
    pub(in crate::config) head_deadline: RawField<FiniteDuration>,
    /// The longest body of a request that an app is sent, from 1KiB up; a longer one is answered with 413. `null` is no
    /// limit. A route may have one of its own.
    pub(in crate::config) body_size: RawField<ByteSize>,
    /// How long a client may send nothing of a body that is under way; then 408. A WebSocket and a stream of events may be
    /// silent for as long as they like.
    pub(in crate::config) body_idle: RawField<FiniteDuration>,
    /// How long a client may take nothing of an answer, as films and phones do that pause; then it is cut, with `cut:
    /// write_idle` in its line of the log. Until then it holds a connection of its address and one to the app.
    pub(in crate::config) write_idle: RawField<FiniteDuration>,
    /// Slow readers of one session at a time: answers of which their client has taken nothing for 10 seconds. One more cuts the
    /// one that has been slow for longest, with `cut: slow_reader` in its line of the log.
    pub(in crate::config) slow_readers_per_session: RawField<u32>,
    /// Slow readers of one address (of IPv6 a /64), whoever is signed in there. One more cuts one of the session that has most of
    /// them there. Not counted are this machine, `trusted_proxies`,
    /// and everybody where the addresses of visitors are not known.
    pub(in crate::config) slow_readers_per_address: RawField<u32>,
    /// How long a connection is kept between two requests.
    pub(in crate::config) keep_alive: RawField<FiniteDuration>,
    /// Requests on one connection; then it is closed, and the client opens another.
    pub(in crate::config) requests_per_connection: RawField<u32>,
    /// Connections of one address at a time (of IPv6 a /64); more are closed at once. Not counted are this machine,
    /// `trusted_proxies`, and everybody where the addresses of visitors are not known.
    pub(in crate::config) connections_per_address: RawField<u32>,
    /// Requests at a time on one connection of HTTP/2.
    pub(in crate::config) http2_streams: RawField<u32>,
}

impl FromNode for RawLimits {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let limits = Self {
            head_size: keys.take("head_size"),
            headers: keys.take("headers"),
            head_deadline: keys.take("head_deadline"),
            body_size: keys.take_nullable("body_size"),
            body_idle: keys.take("body_idle"),
            write_idle: keys.take("write_idle"),
            slow_readers_per_session: keys.take("slow_readers_per_session"),
            slow_readers_per_address: keys.take("slow_readers_per_address"),
            keep_alive: keys.take("keep_alive"),
            requests_per_connection: keys.take("requests_per_connection"),
            connections_per_address: keys.take("connections_per_address"),
            http2_streams: keys.take("http2_streams"),
        };
        keys.finish(&[]);
        Some(limits)
    }
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
    pub(in crate::config) fn validate(raw: RawLimits, diagnostics: &Diagnostics) -> Self {
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
