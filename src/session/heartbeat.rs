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

use super::{Heartbeat, SessionStore};
use crate::{clock::Timestamp, id::SessionId, store_error::StoreError};

/// Locks that hits of different sessions do not share.
const SHARDS: usize = 64;
/// Beats that are handed to the store at once, for one act: what fails fails whole, and a sign-out does not wait behind all.
const FLUSH_CHUNK: usize = 500;

/// Collects hits and writes them. Cheap to clone.
#[derive(Clone)]
pub struct HeartbeatBuffer(Arc<HeartbeatShards>);

struct HeartbeatShards {
    shards: Vec<Mutex<HashMap<SessionId, PendingHeartbeat>>>,
    flush_due: Notify,
}

/// Activity of a session between two writes.
struct PendingHeartbeat {
    /// Hits that nobody has written yet.
    pending: Option<Heartbeat>,
    /// When a flush last took this session's hits.
    last_flush: Timestamp,
}

impl Default for HeartbeatBuffer {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self(Arc::new(HeartbeatShards { shards, flush_due: Notify::new() }))
    }
}

impl HeartbeatBuffer {
    /// Notes a hit. Never waits.
    pub fn record(&self, heartbeat: Heartbeat, interval: Duration) {
        let mut shard_map = self.shard(heartbeat.id);
        let pending_heartbeat = shard_map
            .entry(heartbeat.id)
            .or_insert(PendingHeartbeat { pending: None, last_flush: Timestamp::from_millis(i64::MIN) });
        let is_due =
            pending_heartbeat.pending.is_none() && heartbeat.at.since(pending_heartbeat.last_flush) >= interval;
        merge(&mut pending_heartbeat.pending, heartbeat);
        drop(shard_map);
        if is_due {
            self.0.flush_due.notify_one();
        }
    }

    /// Returns when a quiet session was hit.
    pub async fn flush_due(&self) {
        self.0.flush_due.notified().await;
    }

    /// Writes what is due at `now`: all of it when `all`, else the sessions whose hits nobody took for an `interval`.
    /// Heartbeats that could not be written are kept for the next time.
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
        let mut heartbeats = Vec::new();
        for shard in &self.0.shards {
            let mut shard_map = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard_map.retain(|_, pending_heartbeat| {
                pending_heartbeat.last_flush = pending_heartbeat.last_flush.min(now); // the clock may have stepped back: Redis', for one
                let due = all || now.since(pending_heartbeat.last_flush) >= interval;
                if due && let Some(heartbeat) = pending_heartbeat.pending.take() {
                    pending_heartbeat.last_flush = now;
                    heartbeats.push(heartbeat);
                }
                pending_heartbeat.pending.is_some() || now.since(pending_heartbeat.last_flush) < interval
            });
        }
        let mut written = 0;
        for chunk in heartbeats.chunks(FLUSH_CHUNK) {
            if let Err(away) = store.touch(chunk).await {
                // Only what was not written: an action that is written twice is counted twice.
                self.restore(heartbeats.split_off(written), now);
                return Err(away);
            }
            written += chunk.len();
        }
        Ok(written)
    }

    fn restore(&self, heartbeats: Vec<Heartbeat>, now: Timestamp) {
        for heartbeat in heartbeats {
            let mut shard_map = self.shard(heartbeat.id);
            let pending_heartbeat =
                shard_map.entry(heartbeat.id).or_insert(PendingHeartbeat { pending: None, last_flush: now });
            merge(&mut pending_heartbeat.pending, heartbeat);
        }
    }

    fn shard(&self, id: SessionId) -> std::sync::MutexGuard<'_, HashMap<SessionId, PendingHeartbeat>> {
        use std::hash::{BuildHasher as _, RandomState};
        static SPREAD: std::sync::LazyLock<RandomState> = std::sync::LazyLock::new(RandomState::new);
        let place = usize::try_from(SPREAD.hash_one(id) % SHARDS as u64).expect("a shard's number fits");
        self.0.shards[place].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn merge(pending: &mut Option<Heartbeat>, heartbeat: Heartbeat) {
    match pending {
        None => *pending = Some(heartbeat),
        Some(known) => {
            known.actions = known.actions.saturating_add(heartbeat.actions);
            if heartbeat.at >= known.at {
                known.at = heartbeat.at;
                known.ip = heartbeat.ip;
                known.path = heartbeat.path.or(known.path.take());
            } else {
                known.path = known.path.take().or(heartbeat.path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;

    fn beat(id: SessionId, at: i64, page: Option<&str>) -> Heartbeat {
        Heartbeat {
            id,
            at: Timestamp::from_millis(at),
            ip: [192, 0, 2, 1].into(),
            actions: 1,
            path: page.map(str::to_owned),
        }
    }

    #[test]
    fn hits_are_merged_and_the_latest_counts() {
        let id = SessionId::mint(UserId::mint());
        let mut pending = None;
        for (at, page) in [(10, Some("/a")), (30, None), (20, Some("/late"))] {
            merge(&mut pending, beat(id, at, page));
        }
        let expected = Heartbeat { actions: 3, ..beat(id, 30, Some("/a")) };
        assert_eq!(pending, Some(expected));
    }
}
