//! `/security/signed-in`

use http::StatusCode;

use super::SignedInPage;
use crate::web::{Answer, Call, Error};

/// Says that one is signed in, and that the other tab can go on.
pub(in crate::web) async fn show(call: Call) -> Result<Answer, Error> {
    call.me()?;
    call.show(StatusCode::OK, &SignedInPage::new(call.frame()))
}
