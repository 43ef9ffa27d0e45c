//! `/security/signed-in`

use http::StatusCode;

use super::SignedInPage;
use crate::web::{Error, WebRequest, WebResponse};

/// Says that one is signed in, and that the other tab can go on.
pub(in crate::web) async fn show(request: WebRequest) -> Result<WebResponse, Error> {
    request.require_principal()?;
    request.render_page(StatusCode::OK, &SignedInPage::new(request.layout()))
}
