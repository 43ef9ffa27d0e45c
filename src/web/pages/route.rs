//! Where each page is answered.

use axum::{
    Router,
    response::IntoResponse,
    routing::{any, get},
};
use http::{StatusCode, header};

use super::{confirmation, history, hub, password, session, sessions, set_password, sign_in, signed_in, signed_out};
use crate::web::{Error, WebRequest, WebResponse, paths};

/// The pages' routes.
pub(in crate::web) fn router() -> Router {
    Router::new()
        .route(paths::HUB, get(hub::show))
        .route("/security/", any(|_: WebRequest| async { WebResponse::see_other(paths::HUB) }))
        .route(paths::SIGN_IN, get(sign_in::show).post(sign_in::submit))
        .route(paths::SIGN_OUT, get(signed_out::confirm).post(signed_out::submit))
        .route(paths::SIGNED_OUT, get(signed_out::show))
        .route(paths::CLEAR_COOKIES, get(signed_out::clear_cookies))
        .route(paths::SESSIONS, get(sessions::show))
        .route(paths::LIVE_SESSIONS, get(sessions::not_event_stream))
        .route(paths::SIGNED_IN, get(signed_in::show))
        .route(paths::SESSION, get(session::show))
        .route(paths::END_SESSION, get(confirmation::confirm_one).post(confirmation::end_one))
        .route(paths::END_OTHERS, get(confirmation::confirm_others).post(confirmation::end_others))
        .route(paths::END_ALL, get(confirmation::confirm_all).post(confirmation::end_all))
        .route(paths::HISTORY, get(history::show))
        .route(paths::HISTORY_CSV, get(history::export_csv))
        .route(paths::PASSWORD, get(password::show).post(password::submit))
        .route(paths::SET_PASSWORD, get(set_password::show).post(set_password::submit))
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
