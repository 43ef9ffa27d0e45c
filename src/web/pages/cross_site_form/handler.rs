//! The answers to a form of another site that does not go on.

use http::StatusCode;

use super::{Asked, Fields, FormPage, SentPage};
use crate::{
    gate::CrossSiteForm,
    web::{Answer, Call, Error, look::Frame, words::Words},
};

/// The question whether it is to be sent on. No cookie is set: those of the visitor did not come along, and must stay as they are.
pub(in crate::web) fn ask(
    call: &Call,
    asked: Asked,
    form: &CrossSiteForm,
    token: &str,
    fields: Fields,
) -> Result<Answer, Error> {
    let status = if asked == Asked::NotSignedIn { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    let page = FormPage::new(frame(call), asked, form, token, fields);
    Ok(Answer::page(status, call.render(&page)?))
}

/// To a second press.
pub(in crate::web) fn sent(call: &Call, form: &CrossSiteForm) -> Result<Answer, Error> {
    Ok(Answer::page(StatusCode::OK, call.render(&SentPage::new(frame(call), form))?))
}

fn frame(call: &Call) -> Frame {
    let words = Words::for_language(call.header(http::header::ACCEPT_LANGUAGE.as_str()));
    Frame::new(words, &call.house().branding)
}
