//! Time-out of an app that is silent, `timeouts.read`, for one request.
//!
//! Pingora has one, too, but it holds from the request on, and an event stream is known by the head of its answer. So it is
//! kept here: it runs from the moment the app is asked, again from each piece that goes to it or comes from it, and not while the
//! client takes nothing. When it is over, the app's connection is shut for reading: Pingora finds its end, and
//! the hooks call that end what it is.

use std::{
    os::fd::RawFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nix::sys::socket::{Shutdown, shutdown};
use pingora::{Error, ErrorType::ReadTimedout, protocols::SocketDigest};

use crate::clock::Stopwatch;

/// Silence of the app that one request waits for.
#[derive(Debug)]
pub(super) struct ReadTimeout {
    clock: Stopwatch,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// None while the app may be silent.
    running: Option<Running>,
    is_over: bool,
}

#[derive(Debug)]
struct Running {
    limit: Duration,
    /// When the app was last asked or heard, by the clock.
    since: Duration,
    app: AppConnection,
}

/// Connection to an app while a request is on it.
///
/// Invariant: the descriptor is the connection's for as long as this is kept. Pingora holds the connection until the answer has
/// ended or the request has failed, and both in the task of the request, which alone looks at the time-out. The hook that is
/// called for either forgets the descriptor before that task rests again: `response::filter` and `response::pass_piece` at
/// the end of an answer, `Proxy::error_while_proxy` after a failure, `Proxy::logging` where neither was seen.
/// Held by `wire::read_timeout::the_time_out_ends_with_the_answer`.
#[derive(Debug)]
struct AppConnection {
    descriptor: RawFd,
    socket: Option<Arc<SocketDigest>>,
}

impl AppConnection {
    /// How long ago the last byte of the app came in, read or not.
    fn silence(&self) -> Option<Duration> {
        let info = self.socket.as_ref()?.tcp_info()?;
        Some(Duration::from_millis(info.tcpi_last_data_recv.into()))
    }
}

impl ReadTimeout {
    pub(super) fn new(clock: Stopwatch) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Starts: the app is asked on this connection.
    pub(super) fn start(&self, limit: Duration, descriptor: RawFd, socket: Option<Arc<SocketDigest>>) {
        let app = AppConnection { descriptor, socket };
        *self.state() = State { running: Some(Running { limit, since: self.clock.elapsed(), app }), is_over: false };
    }

    /// Starts again from now: something went to the app, or came from it.
    pub(super) fn restart(&self) {
        if let Some(running) = &mut self.state().running {
            running.since = self.clock.elapsed();
        }
    }

    /// Ends: the app may be silent, or is not waited for any more.
    pub(super) fn stop(&self) {
        self.state().running = None;
    }

    /// Forgets the request before.
    pub(super) fn reset(&self) {
        *self.state() = State::default();
    }

    /// As an error, where it is over.
    pub(super) fn error(&self) -> Option<Box<Error>> {
        self.state().is_over.then(|| Error::explain(ReadTimedout, "the app is silent").into_up())
    }

    /// When it is over, by the clock. `taken` is when the client last took what it had let wait.
    pub(super) fn due(&self, taken: Duration) -> Option<Duration> {
        self.state().running.as_ref().map(|running| running.since.max(taken) + running.limit)
    }

    /// Ends it, where nothing came of the app meanwhile that nobody has read yet.
    pub(super) fn expire(&self) {
        let mut state = self.state();
        let Some(Running { limit, since, app }) = &mut state.running else { return };
        if let Some(silence) = app.silence().filter(|silence| *silence < *limit) {
            *since = self.clock.elapsed().saturating_sub(silence);
            return;
        }
        // Fails where the app has just closed it: then Pingora finds that.
        let _ = shutdown(app.descriptor, Shutdown::Read);
        *state = State { running: None, is_over: true };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
