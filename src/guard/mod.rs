//! Who is kept out: too many tries, for a while.

mod store;
mod throttle;

pub use store::{Counter, Tally, ThrottleStore};
pub use throttle::{Counted, Leave, LockoutPolicy, Throttle, Try};
