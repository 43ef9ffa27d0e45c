//! `lockout`: when an account is locked.

use std::time::Duration;

use crate::config::describe::section;
use crate::config::ranges::at_least;
use crate::config::value::duration::FiniteDuration;
use crate::guard::LockoutPolicy;

section! {
    keys of LockoutPolicy {
        /// So many wrong passwords lock the account for a while, 1 to 100.
        reload failures: u32 = 5, 1..=100;
        /// Wrong passwords older than this are forgotten.
        reload window ("within"): Duration as FiniteDuration = Duration::from_mins(15), at_least(Duration::from_secs(1));
        /// How long the account stays locked. A shorter one holds for a lock that stands from the next try on; `failures` holds
        /// for the next lock. `portcullis users unlock` lifts one.
        reload cool_off: Duration as FiniteDuration = Duration::from_mins(30), at_least(Duration::from_secs(1));
    }
    planned ["permanent_after"];
}
