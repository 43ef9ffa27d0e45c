//! A proxy in this process, apps behind it and clients before it. Every port is chosen by the system.

mod app;
mod client;
mod door;

pub(crate) use app::{App, read_request};
pub(crate) use client::{Answer, Client};
pub(crate) use door::Door;

/// Longest wait for what must come.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// Runs beside the test.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's servers live as long as its runtime, and nobody waits for them"
)]
pub(crate) fn beside(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}
