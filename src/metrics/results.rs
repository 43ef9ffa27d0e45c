//! How things went, in the words of the labels.

use std::time::Duration;

use prometheus::{Histogram, IntCounter};

/// Operations on the store, as `store_operations_total` names them.
pub const STORE_OPS: [&str; 9] = ["find", "list", "open", "touch", "end", "expire", "account", "journal", "throttle"];

/// Each [`Lookup`], as `session_lookups_total` names it.
pub(super) const LOOKUP_LABELS: [&str; 3] = ["good", "bad", "away"];

/// What a look-up of the gate found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupResult {
    /// A good session.
    Valid,
    /// None, or one that is not good.
    Invalid,
    /// The store did not answer.
    StoreAway,
}

/// The series of one operation on the store.
#[derive(Clone, Debug)]
pub struct StoreOperationMetrics {
    pub(super) ok: IntCounter,
    pub(super) error: IntCounter,
    pub(super) seconds: Histogram,
}

impl StoreOperationMetrics {
    /// It was done, or not.
    pub fn record(&self, ok: bool, took: Duration) {
        if ok { &self.ok } else { &self.error }.inc();
        self.seconds.observe(took.as_secs_f64());
    }
}

/// Result of a try to sign in, for `sign_in_attempts_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInResult {
    /// They are in.
    Succeeded,
    /// They are not.
    Failed,
    /// Nobody looked: there were too many before.
    Throttled,
    /// Too many were being checked at once.
    Overloaded,
}
