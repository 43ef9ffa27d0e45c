//! Results of operations, as metric labels.

use std::time::Duration;

use prometheus::{Histogram, IntCounter};

/// Operations on the store, as `store_operations_total` names them.
pub const STORE_OPS: [&str; 9] = ["find", "list", "open", "touch", "end", "expire", "account", "journal", "throttle"];

/// Label of each [`LookupResult`], as in `session_lookups_total`.
pub(super) const LOOKUP_LABELS: [&str; 3] = ["good", "bad", "away"];

/// Result of a session look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupResult {
    /// Valid session.
    Valid,
    /// No session, or an invalid one.
    Invalid,
    /// Store unavailable.
    StoreAway,
}

/// Series of one store operation.
#[derive(Clone, Debug)]
pub struct StoreOperationMetrics {
    pub(super) ok: IntCounter,
    pub(super) error: IntCounter,
    pub(super) seconds: Histogram,
}

impl StoreOperationMetrics {
    /// Counts the operation as done or failed.
    pub fn record(&self, ok: bool, took: Duration) {
        if ok { &self.ok } else { &self.error }.inc();
        self.seconds.observe(took.as_secs_f64());
    }
}

/// Result of a sign-in attempt, for `sign_in_attempts_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInResult {
    /// Signed in.
    Succeeded,
    /// Credentials rejected.
    Failed,
    /// Not checked: too many attempts before (lockout).
    Throttled,
    /// Not checked: too many checks at once.
    Overloaded,
}
