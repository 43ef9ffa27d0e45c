//! Writes to a client of a request in flight: whether they wait for the client, and since when.
//!
//! Over HTTP/1.1 a write that is not taken is pending. Over HTTP/2 pieces of the answer go to the connection, which sends them
//! as the client opens its windows: a piece has been taken when it is dropped there.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::Duration,
};

use bytes::Bytes;

use crate::clock::Stopwatch;

/// Writes to one client.
#[derive(Debug)]
pub(super) struct ClientWrites {
    clock: Stopwatch,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Pieces that are not taken yet, over HTTP/2.
    pieces: u32,
    /// Since when the client has taken nothing of what is there for it, by the clock; none while nothing waits.
    blocked: Option<Duration>,
    /// When it last took what it had let wait.
    taken: Duration,
    /// Woken when it takes something.
    waker: Option<Waker>,
}

impl ClientWrites {
    pub(super) fn new(clock: Stopwatch) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// A write over HTTP/1.1 was tried, and is pending or not.
    pub(super) fn note(&self, is_pending: bool) {
        let mut state = self.state();
        match (is_pending, state.blocked) {
            (true, None) => state.blocked = Some(self.clock.elapsed()),
            (false, Some(_)) => self.move_on(state, false),
            _ => {}
        }
    }

    /// The same bytes, as a piece that waits for the client until it is dropped.
    pub(super) fn piece(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        let mut state = self.state();
        state.pieces += 1;
        if state.blocked.is_none() {
            state.blocked = Some(self.clock.elapsed());
        }
        drop(state);
        Bytes::from_owner(Piece { bytes, writes: Arc::clone(self) })
    }

    /// Since when the client has taken nothing.
    pub(super) fn blocked(&self) -> Option<Duration> {
        self.state().blocked
    }

    /// When the client last took what it had let wait.
    pub(super) fn taken(&self) -> Duration {
        self.state().taken
    }

    /// Wakes a task when the client takes something. False: nothing waits.
    pub(super) fn wake_when_taken(&self, waker: &Waker) -> bool {
        let mut state = self.state();
        if state.blocked.is_some() {
            state.waker = Some(waker.clone());
        }
        state.blocked.is_some()
    }

    fn piece_taken(&self) {
        let mut state = self.state();
        state.pieces -= 1;
        let more = state.pieces > 0;
        self.move_on(state, more);
    }

    fn move_on(&self, mut state: MutexGuard<'_, State>, more: bool) {
        state.taken = self.clock.elapsed();
        state.blocked = more.then_some(state.taken);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A piece of an answer.
struct Piece {
    bytes: Bytes,
    writes: Arc<ClientWrites>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.writes.piece_taken();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn what_waits_for_the_client_blocks_until_all_of_it_is_taken() {
        let writes = Arc::new(ClientWrites::new(Clock::machine().stopwatch()));
        writes.note(false);
        assert_eq!((writes.blocked(), writes.wake_when_taken(Waker::noop())), (None, false));
        writes.note(true);
        let since = writes.blocked();
        writes.note(true);
        assert!(since.is_some() && writes.blocked() == since && writes.wake_when_taken(Waker::noop()));
        writes.note(false);
        assert!(writes.blocked().is_none() && Some(writes.taken()) >= since);

        let [mut first, second] = [b"first", b"other"].map(|bytes| writes.piece(Bytes::from_static(bytes)));
        assert_eq!((&first[..], &second[..]), (&b"first"[..], &b"other"[..]));
        let start = first.split_to(2);
        drop((first, second));
        assert!(writes.blocked().is_some(), "a part of one waits");
        drop(start);
        assert!(writes.blocked().is_none());
    }
}
