//! What a client may ask of a connection, as written.

use schemars::JsonSchema;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, RawField};
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::value::length::FiniteDuration;
use crate::config::value::size::ByteSize;

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
