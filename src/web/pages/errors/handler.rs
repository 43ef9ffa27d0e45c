//! An error as a page.

use super::{ErrorPage, ErrorPageKind};
use crate::{
    gate::cookie::CookieLookup,
    web::{Error, WebRequest, WebResponse, problem},
};

/// The page of an error; should even that fail, its problem document.
pub(in crate::web) fn error_page(error: &Error, request: &WebRequest) -> WebResponse {
    let layout = match error {
        Error::WrongHost => request.layout().with_origin(request.state().public_url.origin()),
        _ => request.layout(),
    };
    let page = ErrorPage::new(layout, &page_kind(error, request), request.request_id(), request.state().clock.now());
    let status = error.problem_type().status;
    let answer =
        request.render_page(status, &page).unwrap_or_else(|_| problem::response(error, request.request_id(), None));
    // Whoever signed out and walks away leaves no key to a session that a restart would bring back. A program keeps it, to ask again.
    if matches!(error, Error::EndNotConfirmed) && request.has_unconfirmed_end() {
        request.sign_out_response(answer)
    } else {
        answer
    }
}

fn page_kind(error: &Error, request: &WebRequest) -> ErrorPageKind {
    match error {
        Error::BadRequest(_)
        | Error::InvalidFields(_)
        | Error::PasswordPolicy(_)
        | Error::UnsupportedMediaType
        | Error::BodyIncomplete => ErrorPageKind::BadRequest,
        Error::BadPath(why) => ErrorPageKind::BadPath(*why),
        Error::SignInRequired | Error::InvalidCredentials | Error::WrongPassword | Error::NotAllowed => {
            ErrorPageKind::NotAllowed
        }
        Error::CrossSite => ErrorPageKind::CrossSite,
        Error::NotFound | Error::DeadLink => ErrorPageKind::NotFound,
        Error::MethodNotAllowed => ErrorPageKind::MethodNotAllowed,
        Error::BodyTooLarge => ErrorPageKind::BodyTooLarge,
        Error::WrongHost => ErrorPageKind::WrongHost(request.state().public_url.origin().to_owned()),
        Error::TooManyAttempts { until } => ErrorPageKind::TooManyAttempts { until: *until },
        Error::Overloaded => ErrorPageKind::Overloaded,
        Error::StoreUnavailable => ErrorPageKind::StoreUnavailable { has_session: has_session_cookie(request) },
        Error::EndNotConfirmed => ErrorPageKind::EndNotConfirmed,
        Error::AppUnreachable | Error::AppBadResponse => ErrorPageKind::AppUnreachable,
        Error::AppTimeout => ErrorPageKind::AppTimeout,
        Error::Internal => ErrorPageKind::Internal,
    }
}

/// Whether the cookie of a session came along, good or not.
fn has_session_cookie(request: &WebRequest) -> bool {
    matches!(request.cookie(&request.state().cookies.session), CookieLookup::Found(_))
}
