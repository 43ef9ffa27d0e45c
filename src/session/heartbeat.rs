//! The heartbeat: each hit counts, few are written.
//!
//! The first hit of a quiet session is written at once; after that, hits are merged in memory and written once an interval,
//! and at shutdown. What is written is a beat, never a session, so that no write brings back what is gone.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use super::{Beat, SessionStore};
use crate::{clock::Timestamp, id::SessionId, outage::StoreError};

/// Locks that hits of different sessions do not share.
const SHARDS: usize = 64;
/// Beats that are handed to the store at once, for one act: what fails fails whole, and a sign-out does not wait behind all.
const CHUNK: usize = 500;

/// Collects hits and writes them. Cheap to clone.
#[derive(Clone)]
pub struct Heart(Arc<Inner>);

struct Inner {
    shards: Vec<Mutex<HashMap<SessionId, Pulse>>>,
    quiet_hit: Notify,
}

/// What is remembered of a session between two writes.
struct Pulse {
    /// Hits that nobody has written yet.
    pending: Option<Beat>,
    /// When a flush last took this session's hits.
    taken: Timestamp,
}

impl Default for Heart {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self(Arc::new(Inner { shards, quiet_hit: Notify::new() }))
    }
}

impl Heart {
    /// Notes a hit. Never waits.
    pub fn beat(&self, beat: Beat, interval: Duration) {
        let mut pulses = self.shard(beat.id);
        let pulse = pulses.entry(beat.id).or_insert(Pulse { pending: None, taken: Timestamp::from_millis(i64::MIN) });
        let quiet = pulse.pending.is_none() && beat.at.since(pulse.taken) >= interval;
        merge(&mut pulse.pending, beat);
        drop(pulses);
        if quiet {
            self.0.quiet_hit.notify_one();
        }
    }

    /// Returns when a quiet session was hit.
    pub async fn quiet_hit(&self) {
        self.0.quiet_hit.notified().await;
    }

    /// Writes what is due at `now`: all of it when `all`, else the sessions whose hits nobody took for an `interval`.
    /// What could not be written is kept for the next time.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn flush(
        &self,
        store: &dyn SessionStore,
        now: Timestamp,
        interval: Duration,
        all: bool,
    ) -> Result<usize, StoreError> {
        let mut beats = Vec::new();
        for shard in &self.0.shards {
            let mut pulses = shard.lock().unwrap_or_else(PoisonError::into_inner);
            pulses.retain(|_, pulse| {
                pulse.taken = pulse.taken.min(now); // the clock may have stepped back: Redis', for one
                let due = all || now.since(pulse.taken) >= interval;
                if due && let Some(beat) = pulse.pending.take() {
                    pulse.taken = now;
                    beats.push(beat);
                }
                pulse.pending.is_some() || now.since(pulse.taken) < interval
            });
        }
        let mut written = 0;
        for chunk in beats.chunks(CHUNK) {
            if let Err(away) = store.touch(chunk).await {
                // Only what was not written: an action that is written twice is counted twice.
                self.keep(beats.split_off(written), now);
                return Err(away);
            }
            written += chunk.len();
        }
        Ok(written)
    }

    fn keep(&self, beats: Vec<Beat>, now: Timestamp) {
        for beat in beats {
            let mut pulses = self.shard(beat.id);
            let pulse = pulses.entry(beat.id).or_insert(Pulse { pending: None, taken: now });
            merge(&mut pulse.pending, beat);
        }
    }

    fn shard(&self, id: SessionId) -> std::sync::MutexGuard<'_, HashMap<SessionId, Pulse>> {
        use std::hash::{BuildHasher as _, RandomState};
        static SPREAD: std::sync::LazyLock<RandomState> = std::sync::LazyLock::new(RandomState::new);
        let place = usize::try_from(SPREAD.hash_one(id) % SHARDS as u64).expect("a shard's number fits");
        self.0.shards[place].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn merge(pending: &mut Option<Beat>, beat: Beat) {
    match pending {
        None => *pending = Some(beat),
        Some(known) => {
            known.actions = known.actions.saturating_add(beat.actions);
            if beat.at >= known.at {
                known.at = beat.at;
                known.ip = beat.ip;
                known.page = beat.page.or(known.page.take());
            } else {
                known.page = known.page.take().or(beat.page);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;

    fn beat(id: SessionId, at: i64, page: Option<&str>) -> Beat {
        Beat {
            id,
            at: Timestamp::from_millis(at),
            ip: [192, 0, 2, 1].into(),
            actions: 1,
            page: page.map(str::to_owned),
        }
    }

    #[test]
    fn hits_are_merged_and_the_latest_counts() {
        let id = SessionId::mint(UserId::mint());
        let mut pending = None;
        for (at, page) in [(10, Some("/a")), (30, None), (20, Some("/late"))] {
            merge(&mut pending, beat(id, at, page));
        }
        let expected = Beat { actions: 3, ..beat(id, 30, Some("/a")) };
        assert_eq!(pending, Some(expected));
    }
}
