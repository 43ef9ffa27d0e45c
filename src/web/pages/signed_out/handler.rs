//! `/security/sign-out` and the page behind it.

use http::StatusCode;
use serde::Deserialize;

use super::SignedOutPage;
use crate::web::{
    Error, WebRequest, WebResponse,
    extract::Query,
    pages::confirmation::ConfirmationPage,
    paths,
    sign_out::{check_end_confirmed, sign_out},
};

/// Asks first.
pub(in crate::web) async fn confirm(request: WebRequest) -> Result<WebResponse, Error> {
    if request.principal().is_none() {
        check_end_confirmed(&request)?;
        return Ok(WebResponse::see_other(paths::SIGNED_OUT));
    }
    request.render_page(StatusCode::OK, &ConfirmationPage::sign_out(request.layout()))
}

/// Signs out. Nobody signed in is signed out, too.
pub(in crate::web) async fn submit(request: WebRequest) -> Result<WebResponse, Error> {
    sign_out(&request).await?;
    Ok(request.sign_out_response(WebResponse::see_other(paths::SIGNED_OUT)))
}

/// Says that one is signed out.
pub(in crate::web) async fn show(request: WebRequest) -> Result<WebResponse, Error> {
    Ok(request.resume_sign_out(request.render_page(StatusCode::OK, &SignedOutPage::new(request.layout()))?))
}

/// Where one was going.
#[derive(Deserialize)]
pub(in crate::web) struct ClearCookiesQuery {
    rd: Option<String>,
}

/// Takes cookies of apps away that the last answer could not hold, and goes on.
pub(in crate::web) async fn clear_cookies(request: WebRequest, Query(onward): Query<ClearCookiesQuery>) -> WebResponse {
    request.continue_clearing(onward.rd.as_deref())
}
