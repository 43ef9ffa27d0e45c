//! `limits`: what a client may ask of a connection.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::describe::section;
use crate::config::value::duration::FiniteDuration;
use crate::config::value::size::ByteSize;

/// Bounds of `body_size`, here and on a route. A bound above is as good as none.
pub(in crate::config) const BODY_SIZE_RANGE: RangeInclusive<ByteSize> = ByteSize::kib(1)..=ByteSize::gib(1024);

const TIMEOUT_RANGE: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(1);

section! {
    /// Limits of a client's connection.
    pub struct LimitSettings {
        /// The longest head of a request, 4KiB to 256KiB; a longer one is answered with 431.
        restart head_size: ByteSize = ByteSize::kib(32), ByteSize::kib(4)..=ByteSize::kib(256);
        /// The most header lines of a request, 10 to 256; more are answered with 431.
        restart headers: u32 = 100, 10..=256; // Pingora's parser takes no more.
        /// How long a head may take from its first byte to its last, and a new connection to send its first request; then 408.
        restart head_deadline: Duration as FiniteDuration = Duration::from_secs(15), TIMEOUT_RANGE;
        /// The longest body of a request that an app is sent, from 1KiB up; a longer one is answered with 413. `null` is no
        /// limit. A route may have one of its own.
        reload body_size: Option<ByteSize> as Option<ByteSize> = None, BODY_SIZE_RANGE;
        /// How long a client may send nothing of a body that is under way; then 408. A WebSocket and a stream of events may be
        /// silent for as long as they like.
        restart body_idle: Duration as FiniteDuration = Duration::from_secs(30), TIMEOUT_RANGE;
        /// How long a client may take nothing of an answer, as films and phones do that pause; then it is cut, with `cut:
        /// write_idle` in its line of the log. Until then it holds a connection of its address and one to the app.
        restart write_idle: Duration as FiniteDuration = Duration::from_mins(5), TIMEOUT_RANGE;
        /// Slow readers of one session at a time: answers of which their client has taken nothing for 10 seconds. One more cuts the
        /// one that has been slow for longest, with `cut: slow_reader` in its line of the log.
        restart slow_readers_per_session: u32 = 32, 1..=1_000_000;
        /// Slow readers of one address (of IPv6 a /64), whoever is signed in there. One more cuts one of the session that has most of
        /// them there. Not counted are this machine, `trusted_proxies`,
        /// and everybody where the addresses of visitors are not known.
        restart slow_readers_per_address: u32 = 128, 1..=1_000_000;
        /// How long a connection is kept between two requests.
        restart keep_alive: Duration as FiniteDuration = Duration::from_secs(75), TIMEOUT_RANGE;
        /// Requests on one connection; then it is closed, and the client opens another.
        restart requests_per_connection: u32 = 1_000, 1..=1_000_000;
        /// Connections of one address at a time (of IPv6 a /64); more are closed at once. Not counted are this machine,
        /// `trusted_proxies`, and everybody where the addresses of visitors are not known.
        restart connections_per_address: u32 = 512, 1..=1_000_000;
        /// Requests at a time on one connection of HTTP/2.
        restart http2_streams: u32 = 100, 1..=1_000;
    }
}
