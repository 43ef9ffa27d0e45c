//! The last step before the wire: an error is said in the form that its caller understands.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};

use super::{Answer, Call, Error, WayBack, api, look::Flash, pages, paths, problem};
use crate::gate::{Caller, Head, without_form_token};

/// What an answer to somebody who is not let in depends on.
pub(super) const VARY: &str = "Cookie, Sec-Fetch-Mode, Sec-Fetch-Dest, Accept";

/// An answer as it is, or, where it carries an error, that error as a page, a redirect or a problem document.
pub(super) fn said(mut response: Response, call: &Call, head: &Head<'_>, target: &str) -> Response {
    let Some(error) = response.extensions_mut().remove::<Error>() else { return response };
    let wants_page = head.caller() == Caller::Navigation && !target.starts_with(api::ROOT);
    let mut answer = match (&error, wants_page) {
        (Error::SignInRequired, true) => to_sign_in(call, target),
        (_, true) => pages::errors::answer(&error, call),
        (Error::SignInRequired, false) => {
            let place = format!("{}{}", call.desk().public_url.origin(), paths::SIGN_IN);
            problem::answer(&error, call.request_id(), Some(place))
        }
        (_, false) => problem::answer(&error, call.request_id(), None),
    }
    .into_response();
    if let Some(seconds) = error.retry_after(call.desk().clock.now()) {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(allow) = response.headers().get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow.clone());
    }
    answer.headers_mut().insert(header::VARY, HeaderValue::from_static(VARY));
    answer
}

/// A page navigation goes to sign-in and comes back. What was sent with a method that is not safe is not sent again: the
/// sign-in page says so, and one comes back to the page with the form.
fn to_sign_in(call: &Call, target: &str) -> Answer {
    let after = |way: Option<WayBack>| way.map_or_else(|| paths::SIGN_IN.to_owned(), |way| way.after(paths::SIGN_IN));
    if !call.method().is_safe() {
        return Answer::see_other(&after(page_of_form(call))).with_flash(&call.desk().cookies, Flash::FormNotSent);
    }
    let place = after(WayBack::parse(target));
    // A client keeps any other method than these two when it follows a 302 (RFC 9110, 15.4.3).
    let keeps = matches!(*call.method(), Method::GET | Method::HEAD);
    Answer::redirect(if keeps { StatusCode::FOUND } else { StatusCode::SEE_OTHER }, &place)
}

/// The page from which a form was sent, where it is of this origin and its browser says so.
fn page_of_form(call: &Call) -> Option<WayBack> {
    let page = call.header("referer")?.strip_prefix(call.desk().public_url.origin())?;
    // Pages that one sees signed out, and what was posted to and cannot be opened.
    let leads_on = [paths::SIGN_IN, paths::SIGN_OUT, paths::SIGNED_OUT, paths::CLEAR_COOKIES, paths::SET_PASSWORD];
    let is_none = leads_on.iter().any(|path| page.starts_with(path)) || without_form_token(page).is_some();
    if is_none { None } else { WayBack::parse(page) }
}
