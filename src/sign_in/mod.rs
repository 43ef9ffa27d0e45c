//! From nobody to a session. Each step consumes the one before it: after the password step there is no password step left
//! to use again.

mod password;

pub use password::{SignIn, SignInAttempt, SignInError, SignInOutcome, SignInParts, SignedIn};
