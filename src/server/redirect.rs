//! Redirect from plain HTTP to the TLS listener; nothing else is served here.

use axum::{Router, extract::Request, response::IntoResponse};
use http::{HeaderValue, StatusCode, header};

use crate::{public_url::PublicUrl, web::set_security_headers};

/// Redirects every request to the same path of `public_url`.
pub(super) fn router(public_url: &PublicUrl) -> Router {
    let origin = public_url.origin().to_owned();
    Router::new().fallback(move |request: Request| {
        let origin = origin.clone();
        async move { redirect_to_origin(&origin, &request).into_response() }
    })
}

/// Redirect to the unchanged target, whatever the requested host: the gate evaluates the request there.
fn redirect_to_origin(origin: &str, request: &Request) -> http::Response<axum::body::Body> {
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let is_path = target.starts_with('/');
    let location = is_path.then(|| HeaderValue::from_str(&format!("{origin}{target}")).ok()).flatten();
    let mut answer = http::Response::new(axum::body::Body::from("This site is served over HTTPS only.\n"));
    *answer.status_mut() = if location.is_some() { StatusCode::PERMANENT_REDIRECT } else { StatusCode::BAD_REQUEST };
    if let Some(location) = location {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    set_security_headers(answer.headers_mut());
    answer
}
