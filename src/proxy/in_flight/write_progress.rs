//! Progress of the writes to a client: whether they wait for the client, and since when.
//!
//! Over HTTP/1.1 a write that is not taken is pending. Over HTTP/2 chunks of the response go to the connection, which sends them
//! as the client opens its windows: a chunk has been taken when it is dropped there.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    task::Waker,
    time::Duration,
};

use bytes::Bytes;

use crate::{clock::Stopwatch, proxy::in_flight::lock::lock};

/// Progress of the writes to one client.
#[derive(Debug)]
pub(in crate::proxy) struct WriteProgress {
    clock: Stopwatch,
    state: Mutex<WriteState>,
}

#[derive(Debug, Default)]
struct WriteState {
    /// Chunks that are not taken yet, over HTTP/2.
    pending_chunks: u32,
    /// Time since which the client has taken nothing of what is there for it, by the clock; none while nothing waits.
    blocked_since: Option<Duration>,
    /// Time at which the client last took what it had let wait.
    last_progress: Duration,
    /// Woken when the client takes something.
    waker: Option<Waker>,
}

impl WriteProgress {
    pub(super) fn new(clock: Stopwatch) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Records a write over HTTP/1.1, which is pending or done.
    pub(in crate::proxy) fn record_write(&self, is_pending: bool) {
        let mut state = self.state();
        match (is_pending, state.blocked_since) {
            (true, None) => state.blocked_since = Some(self.clock.elapsed()),
            (false, Some(_)) => self.record_progress(state, false),
            _ => {}
        }
    }

    /// Tracks a chunk: the same bytes, which wait for the client until they are dropped.
    pub(in crate::proxy) fn track_chunk(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        let mut state = self.state();
        state.pending_chunks += 1;
        if state.blocked_since.is_none() {
            state.blocked_since = Some(self.clock.elapsed());
        }
        drop(state);
        Bytes::from_owner(TrackedChunk { bytes, progress: Arc::clone(self) })
    }

    /// Time since which the client has taken nothing.
    pub(in crate::proxy) fn blocked_since(&self) -> Option<Duration> {
        self.state().blocked_since
    }

    /// Time at which the client last took what it had let wait.
    pub(in crate::proxy) fn last_progress(&self) -> Duration {
        self.state().last_progress
    }

    /// Wakes a task when the client takes something. False: nothing waits.
    pub(in crate::proxy) fn wake_on_progress(&self, waker: &Waker) -> bool {
        let mut state = self.state();
        if state.blocked_since.is_some() {
            state.waker = Some(waker.clone());
        }
        state.blocked_since.is_some()
    }

    fn chunk_taken(&self) {
        let mut state = self.state();
        state.pending_chunks -= 1;
        let more = state.pending_chunks > 0;
        self.record_progress(state, more);
    }

    fn record_progress(&self, mut state: MutexGuard<'_, WriteState>, more: bool) {
        state.last_progress = self.clock.elapsed();
        state.blocked_since = more.then_some(state.last_progress);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, WriteState> {
        lock(&self.state)
    }
}

/// Chunk of a response, whose drop means that the client has taken it.
struct TrackedChunk {
    bytes: Bytes,
    progress: Arc<WriteProgress>,
}

impl AsRef<[u8]> for TrackedChunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for TrackedChunk {
    fn drop(&mut self) {
        self.progress.chunk_taken();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn what_waits_for_the_client_blocks_until_all_of_it_is_taken() {
        let writes = Arc::new(WriteProgress::new(Clock::system().stopwatch()));
        writes.record_write(false);
        assert_eq!((writes.blocked_since(), writes.wake_on_progress(Waker::noop())), (None, false));
        writes.record_write(true);
        let since = writes.blocked_since();
        writes.record_write(true);
        assert!(since.is_some() && writes.blocked_since() == since && writes.wake_on_progress(Waker::noop()));
        writes.record_write(false);
        assert!(writes.blocked_since().is_none() && Some(writes.last_progress()) >= since);

        let [mut first, second] = [b"first", b"other"].map(|bytes| writes.track_chunk(Bytes::from_static(bytes)));
        assert_eq!((&first[..], &second[..]), (&b"first"[..], &b"other"[..]));
        let start = first.split_to(2);
        drop((first, second));
        assert!(writes.blocked_since().is_some(), "a part of one waits");
        drop(start);
        assert!(writes.blocked_since().is_none());
    }
}
