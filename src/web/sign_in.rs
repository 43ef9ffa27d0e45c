//! Signing in: what the page and the API share.

use super::{Error, WebRequest};
use crate::sign_in::{SignInAttempt, SignInOutcome, SignedIn};

/// Signs somebody in with a name and a password.
///
/// # Errors
/// When they are not let in, or nobody could look at it.
pub(super) async fn sign_in(request: &WebRequest, attempt: SignInAttempt) -> Result<Box<SignedIn>, Error> {
    match request.state().sign_in.with_password(attempt, &request.visitor()).await? {
        SignInOutcome::Complete(signed_in) => Ok(signed_in),
        SignInOutcome::InvalidCredentials => Err(Error::InvalidCredentials),
        SignInOutcome::TooManyAttempts { until } => Err(Error::TooManyAttempts { until }),
    }
}
