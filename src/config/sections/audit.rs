//! `audit`: how long and how much the journal keeps.

use std::time::Duration;

use crate::audit::AuditPolicy;
use crate::config::describe::section;
use crate::config::ranges::at_least;
use crate::config::value::duration::FiniteDuration;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

section! {
    keys of AuditPolicy {
        /// How long an entry is kept, from 1d up.
        reload retention: Duration as FiniteDuration = 400 * DAY, at_least(DAY);
        /// How long a failed sign-in with a name that nobody has is kept, from 1h up, where that is shorter.
        reload unknown_names_retention: Duration as FiniteDuration = 7 * DAY, at_least(HOUR);
        /// How many entries the journal holds, 1000 to 5000000; each takes about 0.6 KB of disk or of Redis' memory. Failed sign-ins
        /// have at most three quarters of it. Above it the oldest of them are dropped, those with names that nobody has first. All
        /// other entries stay for `retention`, even where they alone are more.
        reload max_entries: u64 as u32 = 200_000, 1_000..=5_000_000;
    }
}
