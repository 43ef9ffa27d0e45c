//! Store of the counters of tries, as a trait. Counters that are lost would open, so the place must keep.

use std::time::Duration;

use async_trait::async_trait;

use crate::{clock::Timestamp, store_error::StoreError};

/// Counts tries.
#[async_trait]
pub trait ThrottleStore: Send + Sync {
    /// Counts one try, in one atomic step, before it is known how it ends: so a hundred tries at once are no more than the
    /// rule allows. When any of `asked` is closed nothing is counted. Else it is counted on all of them, and on those of
    /// `beside` that are open.
    ///
    /// A counter forgets what is older than its `within`; with the try that reaches `tries` it closes for `cool_off`
    /// (that last try itself is still allowed). When it opens again it begins anew.
    ///
    /// # Errors
    /// When the store is away, or has no room for it: a caller who is signed in has the room that is kept for ends.
    async fn attempt(
        &self,
        asked: &[AttemptCounter],
        beside: &[AttemptCounter],
        caller: CallerClass,
        now: Timestamp,
    ) -> Result<CountResult, StoreError>;

    /// Whether a counter is closed. Counts and writes nothing.
    async fn is_closed(&self, name: &str, now: Timestamp) -> Result<bool, StoreError>;

    /// How a try ended, in one step: counters that begin anew, and counters that get one try back, which opens them if that
    /// try had closed them.
    ///
    /// # Errors
    /// As [`ThrottleStore::attempt`].
    async fn finish(&self, anew: &[String], take_back: &[String], caller: CallerClass) -> Result<(), StoreError>;

    /// Drops counters that say nothing any more.
    async fn delete_stale(&self, now: Timestamp) -> Result<(), StoreError>;
}

/// The caller who is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerClass {
    /// Anybody, of whom there may be any number.
    Stranger,
    /// A user with a session. Invariant: what such callers may have counted is bounded by session and hour. Held by
    /// `passwords::changes_of_one_session_are_bounded`, `pressed_twice`.
    SignedIn,
}

/// A counter and its rule.
#[derive(Clone, Debug)]
pub struct AttemptCounter {
    /// Its name. Holds nothing that a person typed in clear.
    pub name: String,
    /// Closes with so many tries …
    pub limit: u32,
    /// … within this time …
    pub window: Duration,
    /// … for so long.
    pub cool_off: Duration,
}

/// Outcome of counting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CountResult {
    /// The try is counted.
    Counted {
        /// The names of the counters that it closed: if the try fails, that is a lockout.
        newly_closed: Vec<String>,
        /// Until when those of `beside` are closed that were so already; of several, the last.
        account_closed_until: Option<Timestamp>,
    },
    /// One of those asked is closed; nothing was counted.
    Closed {
        /// When it opens; of several, the last.
        until: Timestamp,
    },
}
