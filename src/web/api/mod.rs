//! The JSON API under `/security/api/v1`: the same use cases as the pages. Its `OpenAPI` document is made from the handlers.

mod document;
mod history;
mod json;
mod me;
mod password;
mod resources;
mod session_state;
mod sessions;
mod sign_in;

use axum::{Router, response::IntoResponse, routing::get};
use http::StatusCode;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Error, WebRequest, WebResponse};

pub use json::{Json, ListPage, Pagination};
pub use resources::SessionResource;

pub use crate::own_paths::API as ROOT;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Portcullis",
        description = "Sign in, see every place you are signed in, and end any of it. \
                       Errors are `application/problem+json` (RFC 9457); in `errors` each `pointer` is a JSON pointer \
                       into the body, or `/query/<name>` for a parameter. \
                       A request that changes something and carries a cookie must come from the same origin."
    ),
    components(schemas(super::problem::Problem))
)]
struct Document;

/// The API's routes.
pub(super) fn router() -> Router {
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(me::me))
        .routes(routes!(sign_in::sign_in))
        .routes(routes!(sign_in::sign_out))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::current))
        .routes(routes!(sessions::get, sessions::end))
        .routes(routes!(sessions::revoke_others))
        .routes(routes!(sessions::revoke_all))
        .routes(routes!(session_state::session_state))
        .routes(routes!(session_state::stay))
        .routes(routes!(history::login_history))
        .routes(routes!(password::change))
        .split_for_parts();
    document::add_common_responses(&mut document);
    document.servers = Some(vec![utoipa::openapi::Server::new(ROOT)]);
    crate::VERSION.clone_into(&mut document.info.version);
    let text = document.to_json().unwrap_or_default();
    let document =
        move |_: WebRequest| async move { WebResponse::text(StatusCode::OK, "application/json", text).into_response() };
    router
        .route("/openapi.json", get(document))
        .method_not_allowed_fallback(|| async { Error::MethodNotAllowed })
        .fallback(|| async { Error::NotFound })
}
