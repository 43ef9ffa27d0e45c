//! What a client may ask of a connection.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Serialize;

use super::bounds;
use crate::config::complaint::Desk;
use crate::config::file::limits::LimitsFile;
use crate::config::value::length;
use crate::config::value::size::Size;

/// What a body may be bounded to. A bound above is as good as none.
pub(super) const BODY: RangeInclusive<Size> = Size::kib(1)..=Size::gib(1024);

/// What a client may ask of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Bytes of a head.
    pub head_size: Size,
    /// Header lines of a head.
    pub headers: u32,
    /// From the first byte of a head to its last.
    #[serde(serialize_with = "length::serialize")]
    pub head_deadline: Duration,
    /// What an app is sent; none is no limit.
    pub body_size: Option<Size>,
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

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_size: Size::kib(32),
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

impl Limits {
    pub(super) fn of(file: LimitsFile, desk: &Desk) -> Self {
        let default = Self::default();
        let head = Size::kib(4)..=Size::kib(256);
        let (short, long) = (Duration::from_millis(100), Duration::from_hours(1));
        let body_size = file.body_size.map(|field| bounds::size(Some(field), Size::kib(1), &BODY, desk));
        Self {
            head_size: bounds::size(file.head_size, default.head_size, &head, desk),
            // Pingora's parser takes no more.
            headers: bounds::count(file.headers, default.headers, &(10..=256), desk),
            head_deadline: bounds::length(file.head_deadline, default.head_deadline, &(short..=long), desk),
            body_size,
            body_idle: bounds::length(file.body_idle, default.body_idle, &(short..=long), desk),
            write_idle: bounds::length(file.write_idle, default.write_idle, &(short..=long), desk),
            slow_readers_per_session: bounds::count(
                file.slow_readers_per_session,
                default.slow_readers_per_session,
                &(1..=1_000_000),
                desk,
            ),
            slow_readers_per_address: bounds::count(
                file.slow_readers_per_address,
                default.slow_readers_per_address,
                &(1..=1_000_000),
                desk,
            ),
            keep_alive: bounds::length(file.keep_alive, default.keep_alive, &(short..=long), desk),
            requests_per_connection: bounds::count(
                file.requests_per_connection,
                default.requests_per_connection,
                &(1..=1_000_000),
                desk,
            ),
            connections_per_address: bounds::count(
                file.connections_per_address,
                default.connections_per_address,
                &(1..=1_000_000),
                desk,
            ),
            http2_streams: bounds::count(file.http2_streams, default.http2_streams, &(1..=1_000), desk),
        }
    }
}
