//! `/security/sign-out` and the page behind it.

use http::StatusCode;
use serde::Deserialize;

use super::SignedOutPage;
use crate::web::{
    Answer, Call, Error,
    pages::confirmation::Confirmation,
    paths,
    sent::Query,
    sign_out::{check_end, sign_out},
};

/// Asks first.
pub(in crate::web) async fn ask(call: Call) -> Result<Answer, Error> {
    if call.principal().is_none() {
        check_end(&call)?;
        return Ok(Answer::see_other(paths::SIGNED_OUT));
    }
    call.show(StatusCode::OK, &Confirmation::sign_out(call.frame()))
}

/// Signs out. Nobody signed in is signed out, too.
pub(in crate::web) async fn submit(call: Call) -> Result<Answer, Error> {
    sign_out(&call).await?;
    Ok(call.signed_out(Answer::see_other(paths::SIGNED_OUT)))
}

/// Says that one is signed out.
pub(in crate::web) async fn show(call: Call) -> Result<Answer, Error> {
    Ok(call.clear_rest(call.show(StatusCode::OK, &SignedOutPage::new(call.frame()))?))
}

/// Where one was going.
#[derive(Deserialize)]
pub(in crate::web) struct Onward {
    rd: Option<String>,
}

/// Takes cookies of apps away that the last answer could not hold, and goes on.
pub(in crate::web) async fn clear_cookies(call: Call, Query(onward): Query<Onward>) -> Answer {
    call.clear_more(onward.rd.as_deref())
}
