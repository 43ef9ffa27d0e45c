//! The same news, once in a while: whoever repeats something must not fill the store.

use std::{
    hash::{BuildHasher as _, Hash, RandomState},
    sync::Arc,
    time::Duration,
};

use moka::sync::Cache;

use crate::clock::Timestamp;

/// How long the same news is not told again.
const AGAIN: Duration = Duration::from_mins(1);
/// Of how much news it is known that it was told.
const KNOWN: u64 = 10_000;

/// What was told lately. Cheap to clone. Keeps nothing of the news itself but a keyed hash.
#[derive(Clone, Debug)]
pub struct Seldom {
    told: Cache<u64, Timestamp>,
    key: Arc<RandomState>,
}

impl Default for Seldom {
    fn default() -> Self {
        Self { told: Cache::new(KNOWN), key: Arc::default() }
    }
}

impl Seldom {
    /// Whether this was not told in the last minute. It is told now.
    #[must_use]
    pub fn is_news(&self, news: impl Hash, now: Timestamp) -> bool {
        let news = self.key.hash_one(news);
        let is_news = self.told.get(&news).is_none_or(|last| last > now.plus(AGAIN) || now.since(last) >= AGAIN);
        if is_news {
            self.told.insert(news, now);
        }
        is_news
    }
}
