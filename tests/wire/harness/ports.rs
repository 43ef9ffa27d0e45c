//! Ports for programs that must be told one beforehand.

use std::{
    net::TcpListener,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// Below those that the system gives to clients, so that no connection of another test sits on one.
const FIRST: u32 = 10_000;
const COUNT: u32 = 22_000;

/// A port on which nobody listens. No two calls of one process get the same, and two processes begin at different places.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let place = process::id().wrapping_mul(211).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + place % COUNT).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
