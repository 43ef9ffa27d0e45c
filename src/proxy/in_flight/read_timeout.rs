//! Read timeout of one request: the longest silence of the app, `timeouts.read`.
//!
//! Pingora's read timeout holds from the request on, and an event stream is known only by the head of its response. So this one
//! runs from the moment the app is asked, again from each chunk that goes to it or comes from it, and not while the client takes
//! nothing. When it expires, the app's connection is shut for reading: Pingora finds its end, and the hooks report the timeout.

use std::{
    os::fd::RawFd,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use nix::sys::socket::{Shutdown, shutdown};
use pingora::{Error, ErrorType::ReadTimedout, protocols::SocketDigest};

use crate::{clock::Stopwatch, proxy::in_flight::lock::lock};

/// Read timeout of one request.
#[derive(Debug)]
pub(in crate::proxy) struct ReadTimeout {
    clock: Stopwatch,
    state: Mutex<ReadTimeoutState>,
}

#[derive(Debug, Default)]
struct ReadTimeoutState {
    /// Timeout that runs; none while the app may be silent.
    running: Option<RunningTimeout>,
    is_expired: bool,
}

#[derive(Debug)]
struct RunningTimeout {
    limit: Duration,
    /// Time at which the app was last sent to or heard, by the clock.
    since: Duration,
    upstream: UpstreamSocket,
}

/// Connection to an app while a request is on it.
///
/// Invariant: the descriptor is the connection's for as long as this is kept. Pingora holds the connection until the answer has
/// ended or the request has failed, and both in the task of the request, which alone looks at the time-out. The hook that is
/// called for either forgets the descriptor before that task rests again: `response::filter` and `response::forward_chunk` at
/// the end of an answer, `Proxy::error_while_proxy` after a failure, `Proxy::logging` where neither was seen.
/// Held by `wire::read_timeout::the_time_out_ends_with_the_answer`: without them [`ReadTimeout::reset`] panics in builds with debug
/// assertions. And no other connection is ever shut: the addresses of the descriptor are compared first.
#[derive(Debug)]
struct UpstreamSocket {
    descriptor: RawFd,
    socket: Arc<SocketDigest>,
}

impl UpstreamSocket {
    fn new(descriptor: RawFd, socket: Arc<SocketDigest>) -> Self {
        // Looked up while the descriptor is the connection's, once for each connection: the digest keeps them.
        let _ = (socket.local_addr(), socket.peer_addr());
        Self { descriptor, socket }
    }

    /// Whether the descriptor still is this connection's.
    fn is_current(&self) -> bool {
        let current = SocketDigest::from_raw_fd(self.descriptor);
        (current.local_addr(), current.peer_addr()) == (self.socket.local_addr(), self.socket.peer_addr())
    }

    /// Time since the last byte of the app came in, read or not.
    fn idle_time(&self) -> Option<Duration> {
        let info = self.socket.tcp_info()?;
        Some(Duration::from_millis(info.tcpi_last_data_recv.into()))
    }
}

impl ReadTimeout {
    pub(super) fn new(clock: Stopwatch) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Starts the timeout: the app is asked on this connection.
    pub(in crate::proxy) fn start(&self, limit: Duration, descriptor: RawFd, socket: Arc<SocketDigest>) {
        let app = UpstreamSocket::new(descriptor, socket);
        *self.state() = ReadTimeoutState {
            running: Some(RunningTimeout { limit, since: self.clock.elapsed(), upstream: app }),
            is_expired: false,
        };
    }

    /// Starts the timeout again from now: something went to the app, or came from it.
    pub(in crate::proxy) fn restart(&self) {
        if let Some(running) = &mut self.state().running {
            running.since = self.clock.elapsed();
        }
    }

    /// Stops the timeout: the app may be silent, or is not waited for any more.
    pub(in crate::proxy) fn stop(&self) {
        self.state().running = None;
    }

    /// Forgets the request before, whose timeout has stopped.
    ///
    /// # Panics
    /// With debug assertions, where the timeout still runs.
    pub(super) fn reset(&self) {
        let mut state = self.state();
        debug_assert!(state.running.is_none(), "the time-out of a request runs on after it: {state:?}");
        *state = ReadTimeoutState::default();
    }

    /// Error of a request whose timeout has expired.
    pub(in crate::proxy) fn error(&self) -> Option<Box<Error>> {
        self.state().is_expired.then(|| Error::explain(ReadTimedout, "the app is silent").into_up())
    }

    /// Time at which the timeout expires, by the clock. `taken` is when the client last took what it had let wait.
    pub(in crate::proxy) fn deadline(&self, taken: Duration) -> Option<Duration> {
        self.state().running.as_ref().map(|running| running.since.max(taken) + running.limit)
    }

    /// Expires the timeout, unless bytes of the app came in meanwhile that nobody has read yet.
    pub(in crate::proxy) fn expire(&self) {
        let mut state = self.state();
        let Some(RunningTimeout { limit, since, upstream: app }) = &mut state.running else { return };
        if !app.is_current() {
            state.running = None;
            return;
        }
        if let Some(silence) = app.idle_time().filter(|silence| *silence < *limit) {
            *since = self.clock.elapsed().saturating_sub(silence);
            return;
        }
        // Fails where the app has just closed it: then Pingora finds that.
        let _ = shutdown(app.descriptor, Shutdown::Read);
        *state = ReadTimeoutState { running: None, is_expired: true };
    }

    fn state(&self) -> MutexGuard<'_, ReadTimeoutState> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::{TcpListener, TcpStream},
        os::fd::AsRawFd as _,
    };

    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_descriptor_that_has_become_another_connections_is_let_be() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = || {
            let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (stream, listener.accept().unwrap().0)
        };
        let digest = |stream: &TcpStream| Arc::new(SocketDigest::from_raw_fd(stream.as_raw_fd()));
        let ((before, _), (mut now, mut app)) = (connect(), connect());
        let timeout = ReadTimeout::new(Clock::system().stopwatch());
        timeout.start(Duration::ZERO, now.as_raw_fd(), digest(&before));
        timeout.expire();
        assert!(timeout.error().is_none());
        app.write_all(b"x").unwrap();
        let mut read = [0];
        assert_eq!((now.read(&mut read).unwrap(), &read), (1, b"x"), "it was not shut");

        timeout.start(Duration::ZERO, now.as_raw_fd(), digest(&now));
        timeout.expire();
        assert!(timeout.error().is_some());
        assert_eq!(now.read(&mut read).unwrap(), 0, "its own is shut");
    }
}
