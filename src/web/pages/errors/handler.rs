//! An error as a page.

use super::{ErrorContext, ErrorPage};
use crate::{
    gate::cookie::CookieLookup,
    web::{Error, WebRequest, WebResponse, problem},
};

/// The page of an error; should even that fail, its problem document.
pub(in crate::web) fn error_page(error: &Error, request: &WebRequest) -> WebResponse {
    let origin = request.state().public_url.origin();
    let layout = match error {
        Error::WrongHost => request.layout().with_origin(origin),
        _ => request.layout(),
    };
    let problem_type = error.problem_type();
    let context = ErrorContext { request_id: request.request_id(), origin, has_session: has_session_cookie(request) };
    let page = ErrorPage::new(layout, problem_type.page, context, request.state().clock.now());
    let answer = request
        .render_page(problem_type.status, &page)
        .unwrap_or_else(|_| problem::response(error, request.request_id(), None));
    // Whoever signed out and walks away leaves no key to a session that a restart would bring back. A program keeps it, to ask again.
    if matches!(error, Error::EndNotConfirmed) && request.has_unconfirmed_end() {
        request.sign_out_response(answer)
    } else {
        answer
    }
}

/// Whether the cookie of a session came along, good or not.
fn has_session_cookie(request: &WebRequest) -> bool {
    matches!(request.cookie(&request.state().cookies.session), CookieLookup::Found(_))
}
