//! Times that lie in the future, because the clock was ahead when they were written and has stepped back since. They count
//! as now, and whoever reads them first writes that ([`super::SessionStore::clamp`]).

use std::time::Duration;

use super::Session;
use crate::clock::{MAX_CLOCK_SKEW, Timestamp};

/// How long a former secret may be good after it was replaced, at most.
pub(super) const MAX_SECRET_GRACE: Duration = Duration::from_mins(1);

/// Whether no clock that is right shows `at` as early as `now`.
pub(super) fn is_ahead(at: Timestamp, now: Timestamp) -> bool {
    at > now.plus(MAX_CLOCK_SKEW)
}

impl Session {
    /// Whether a clock that was ahead wrote it, by more than clocks differ.
    #[must_use]
    pub fn is_from_future(&self, now: Timestamp) -> bool {
        is_ahead(self.activity.last_seen.max(self.terms.opened).max(self.proof.at), now)
    }

    /// The same, with now in place of what lies in the future.
    #[must_use]
    pub fn clamped(mut self, now: Timestamp) -> Self {
        self.activity.last_seen = self.activity.last_seen.min(now);
        self.terms.opened = self.terms.opened.min(now);
        self.proof.at = self.proof.at.min(now);
        self
    }
}
