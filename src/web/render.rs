//! The last step before the wire: an error is logged, and said in the form that its caller understands.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};

use super::{Error, ReturnTo, WebRequest, WebResponse, api, pages, paths, problem, theme::Flash};
use crate::gate::{RequestHead, RequestMode, strip_form_token};

/// Request headers that the answer to somebody who is not let in depends on.
pub(super) const VARY: &str = "Cookie, Sec-Fetch-Mode, Sec-Fetch-Dest, Accept";

/// An answer of axum's as it is, or, where a handler or a fallback has left an error in it, that error as an answer.
pub(super) fn render_response(
    mut response: Response,
    request: &WebRequest,
    head: &RequestHead<'_>,
    target: &str,
) -> Response {
    let Some(error) = response.extensions_mut().remove::<Error>() else { return response };
    let mut answer = render_error(&error, request, head, target);
    if let Some(allow) = response.headers_mut().remove(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow);
    }
    answer
}

/// What a handler has returned, where none is called by axum.
pub(super) fn render_result(
    result: Result<WebResponse, Error>,
    request: &WebRequest,
    head: &RequestHead<'_>,
    target: &str,
) -> Response {
    result.map_or_else(|error| render_error(&error, request, head, target), IntoResponse::into_response)
}

/// An error as a page, a redirect or a problem document. It is logged here.
pub(super) fn render_error(error: &Error, request: &WebRequest, head: &RequestHead<'_>, target: &str) -> Response {
    error.log(request.request_id());
    let wants_page = head.mode() == RequestMode::Navigation && !target.starts_with(api::ROOT);
    let mut answer = match (error, wants_page) {
        (Error::SignInRequired, true) => redirect_to_sign_in(request, target),
        (_, true) => pages::errors::error_page(error, request),
        (Error::SignInRequired, false) => {
            let place = format!("{}{}", request.state().public_url.origin(), paths::SIGN_IN);
            problem::response(error, request.request_id(), Some(place))
        }
        (_, false) => problem::response(error, request.request_id(), None),
    }
    .into_response();
    if let Some(seconds) = error.retry_after(request.state().clock.now()) {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer.headers_mut().insert(header::VARY, HeaderValue::from_static(VARY));
    answer
}

/// A page navigation goes to sign-in and comes back. What was sent with a method that is not safe is not sent again: the
/// sign-in page says so, and one comes back to the page with the form.
fn redirect_to_sign_in(request: &WebRequest, target: &str) -> WebResponse {
    let sign_in_path =
        |way: Option<ReturnTo>| way.map_or_else(|| paths::SIGN_IN.to_owned(), |way| way.append_to(paths::SIGN_IN));
    if !request.method().is_safe() {
        return WebResponse::see_other(&sign_in_path(referring_page(request)))
            .with_flash(&request.state().cookies, Flash::FormNotSent);
    }
    let place = sign_in_path(ReturnTo::parse(target));
    // A client keeps any other method than these two when it follows a 302 (RFC 9110, 15.4.3).
    let keeps_method = matches!(*request.method(), Method::GET | Method::HEAD);
    WebResponse::redirect(if keeps_method { StatusCode::FOUND } else { StatusCode::SEE_OTHER }, &place)
}

/// The page from which a form was sent, where it is of this origin and its browser says so.
fn referring_page(request: &WebRequest) -> Option<ReturnTo> {
    let page = request.header("referer")?.strip_prefix(request.state().public_url.origin())?;
    // Pages that one sees signed out, and what was posted to and cannot be opened.
    let excluded = [paths::SIGN_IN, paths::SIGN_OUT, paths::SIGNED_OUT, paths::CLEAR_COOKIES, paths::SET_PASSWORD];
    let is_excluded = excluded.iter().any(|path| page.starts_with(path)) || strip_form_token(page).is_some();
    if is_excluded { None } else { ReturnTo::parse(page) }
}
