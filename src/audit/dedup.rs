//! The same news, once in a while: whoever repeats something must not fill the store.

use std::{
    hash::{BuildHasher as _, Hash, RandomState},
    sync::Arc,
    time::Duration,
};

use moka::sync::Cache;

use crate::clock::Timestamp;

/// How long the same news is not told again.
const WINDOW: Duration = Duration::from_mins(1);
/// Of how much news it is known that it was told.
const MAX_KEYS: u64 = 10_000;

/// Items seen in the last minute. Cheap to clone. Keeps nothing of the news itself but a keyed hash.
#[derive(Clone, Debug)]
pub struct Dedup {
    last_seen: Cache<u64, Timestamp>,
    key: Arc<RandomState>,
}

impl Default for Dedup {
    fn default() -> Self {
        Self { last_seen: Cache::new(MAX_KEYS), key: Arc::default() }
    }
}

impl Dedup {
    /// Whether this was not told in the last minute. It is told now.
    #[must_use]
    pub fn is_first_in_window(&self, item: impl Hash, now: Timestamp) -> bool {
        let news = self.key.hash_one(item);
        let is_news = self.last_seen.get(&news).is_none_or(|last| last > now.plus(WINDOW) || now.since(last) >= WINDOW);
        if is_news {
            self.last_seen.insert(news, now);
        }
        is_news
    }
}
