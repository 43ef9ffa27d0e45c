//! An error as a page.

use super::{ErrorPage, Trouble};
use crate::{
    gate::cookie::Shown,
    web::{Answer, Call, Error, problem},
};

/// The page of an error; should even that fail, its problem document.
pub(in crate::web) fn answer(error: &Error, call: &Call) -> Answer {
    let frame = match error {
        Error::WrongHost => call.frame().leading_to(call.desk().public_url.origin()),
        _ => call.frame(),
    };
    let page = ErrorPage::new(frame, &trouble(error, call), call.request_id(), call.desk().clock.now());
    let status = error.shape().status;
    let answer = call.show(status, &page).unwrap_or_else(|_| problem::answer(error, call.request_id(), None));
    // Whoever signed out and walks away leaves no key to a session that a restart would bring back. A program keeps it, to ask again.
    if matches!(error, Error::EndNotConfirmed) && call.own_end_is_held() { call.signed_out(answer) } else { answer }
}

fn trouble(error: &Error, call: &Call) -> Trouble {
    match error {
        Error::BadRequest(_)
        | Error::Fields(_)
        | Error::PasswordPolicy(_)
        | Error::UnsupportedMediaType
        | Error::BodyIncomplete => Trouble::BadRequest,
        Error::Path(why) => Trouble::BadPath(*why),
        Error::SignInRequired | Error::InvalidCredentials | Error::WrongPassword | Error::NotAllowed => {
            Trouble::NotAllowed
        }
        Error::CrossSite => Trouble::CrossSite,
        Error::NotFound | Error::DeadLink => Trouble::NotFound,
        Error::MethodNotAllowed => Trouble::WrongMethod,
        Error::BodyTooLarge => Trouble::TooLarge,
        Error::WrongHost => Trouble::WrongHost(call.desk().public_url.origin().to_owned()),
        Error::TooMany { until } => Trouble::TooMany { until: *until },
        Error::Overloaded => Trouble::Overloaded,
        Error::StoreAway => Trouble::StoreAway { session_shown: shows_a_session(call) },
        Error::EndNotConfirmed => Trouble::EndNotConfirmed,
        Error::AppAway | Error::AppGarbled => Trouble::AppAway,
        Error::AppSilent => Trouble::AppSlow,
        Error::Broken => Trouble::Internal,
    }
}

/// Whether the cookie of a session came along, good or not.
fn shows_a_session(call: &Call) -> bool {
    matches!(call.cookie(&call.desk().cookies.session), Shown::One(_))
}
