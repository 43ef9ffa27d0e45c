//! Who is kept out: too many tries, for a while; and a form that is sent twice.

mod forms;
mod store;
mod throttle;

pub use forms::{Begun, Forms, Submission};
pub use store::{Caller, Counter, Tally, ThrottleStore};
pub use throttle::{Counted, Leave, LockoutPolicy, Throttle, Try};
