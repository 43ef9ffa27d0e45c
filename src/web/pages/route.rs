//! Router of the pages and of what belongs to them: assets and the well-known path.

use axum::{
    Router,
    response::IntoResponse,
    routing::{any, get},
};
use http::{StatusCode, header};

use super::PAGES;
use crate::web::{Error, WebRequest, WebResponse, paths};

/// Routes of all pages.
pub(in crate::web) fn router() -> Router {
    let router = PAGES.iter().fold(Router::new(), |router, page| (page.routes)(router));
    router
        .route("/security/", any(|_: WebRequest| async { WebResponse::see_other(paths::HUB) }))
        .route("/security/assets/{file}", get(asset))
        .route(
            paths::CHANGE_PASSWORD,
            get(|_: WebRequest| async { WebResponse::redirect(StatusCode::FOUND, paths::PASSWORD) }),
        )
}

/// A style sheet or a script. A name that changes with the content may be kept for ever; the other one for an hour.
async fn asset(request: WebRequest, uri: http::Uri) -> Result<impl IntoResponse, Error> {
    let asset = request.site_settings().branding.asset(uri.path()).ok_or(Error::NotFound)?;
    let kept =
        if uri.path() == paths::WATCH_SCRIPT { "public, max-age=3600" } else { "public, max-age=31536000, immutable" };
    let headers = [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, kept)];
    Ok((headers, asset.bytes))
}
