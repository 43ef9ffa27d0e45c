//! The answer inside a frame.

use http::{StatusCode, header};

use super::FramedPage;
use crate::web::{Answer, Call, Error, look::Frame, render, words::Words};

/// The page, made of nothing but the operator's words for the app: no cookie is read and none is set.
pub(in crate::web) fn answer(call: &Call) -> Result<Answer, Error> {
    let page = FramedPage::new(Frame::new(Words::for_language(None), &call.house().branding));
    let answer = Answer::page(StatusCode::UNAUTHORIZED, call.render(&page)?);
    Ok(answer.with(header::VARY, render::VARY))
}
