//! Who is kept out: too many tries, for a while.

mod store;
mod throttle;

pub use store::{Attempt, Counter, ThrottleStore, Verdict};
pub use throttle::{LockoutPolicy, Target, Throttle};
