//! What the domain needs of a place where tries are counted. Counters that are lost would open, so the place must keep.

use std::time::Duration;

use async_trait::async_trait;

use crate::{clock::Timestamp, outage::StoreError};

/// Counts tries.
#[async_trait]
pub trait ThrottleStore: Send + Sync {
    /// Counts one try on each counter, in one atomic step, before it is known how it ends: so a hundred tries at once are
    /// no more than the rule allows. When any counter is closed nothing is counted.
    ///
    /// A counter forgets what is older than its `within`; with the try that reaches `tries` it closes for `cool_off`
    /// (that last try itself is still allowed). When it opens again it begins anew.
    async fn attempt(&self, counters: &[Counter], now: Timestamp) -> Result<Tally, StoreError>;

    /// Forgets all tries on this counter: it opens.
    async fn clear(&self, name: &str) -> Result<(), StoreError>;

    /// Takes one try back, and opens the counter if that try had closed it.
    async fn take_back(&self, name: &str) -> Result<(), StoreError>;

    /// Drops counters that say nothing any more.
    async fn forget(&self, now: Timestamp) -> Result<(), StoreError>;
}

/// A counter and its rule.
#[derive(Clone, Debug)]
pub struct Counter {
    /// Which. Holds nothing that a person typed in clear.
    pub name: String,
    /// Closes with so many tries …
    pub tries: u32,
    /// … within this time …
    pub within: Duration,
    /// … for so long.
    pub cool_off: Duration,
}

/// What counting did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    /// The try is counted.
    Counted {
        /// The place of the first counter that it closed: if the try fails, that is a lockout.
        closed: Option<usize>,
    },
    /// A counter is closed; nothing was counted.
    Closed {
        /// When it opens; of several, the last.
        until: Timestamp,
    },
}
