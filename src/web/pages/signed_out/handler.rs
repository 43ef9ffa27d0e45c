//! `/security/sign-out` and the page behind it.

use http::StatusCode;

use super::SignedOutPage;
use crate::web::{Answer, Call, Error, pages::confirmation::Confirmation, paths};

/// Asks first.
pub(in crate::web) async fn ask(call: Call) -> Result<Answer, Error> {
    if call.principal().is_none() {
        return Ok(Answer::see_other(paths::SIGNED_OUT));
    }
    call.show(StatusCode::OK, &Confirmation::sign_out(call.frame()))
}

/// Signs out. Nobody signed in is signed out, too.
pub(in crate::web) async fn submit(call: Call) -> Result<Answer, Error> {
    if let Some(me) = call.principal() {
        call.desk().sessions.end_own(me.owner.id, me.session, Some(me.session), &call.visitor()).await?;
    }
    Ok(call.signed_out(Answer::see_other(paths::SIGNED_OUT)))
}

/// Says that one is signed out.
pub(in crate::web) async fn show(call: Call) -> Result<Answer, Error> {
    call.show(StatusCode::OK, &SignedOutPage::new(call.frame()))
}
