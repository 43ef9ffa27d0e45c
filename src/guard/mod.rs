//! Guards: throttling of too many tries, for a while; and a form that is sent twice.

mod forms;
mod store;
mod throttle;

pub use forms::{FormClaim, FormGuard, FormSubmission};
pub use store::{AttemptCounter, CallerClass, CountResult, ThrottleStore};
pub use throttle::{CountedAttempt, LockoutPolicy, Throttle, ThrottleDecision, ThrottledAttempt};
