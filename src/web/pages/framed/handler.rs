//! The answer inside a frame.

use http::{StatusCode, header};

use super::FramedPage;
use crate::web::{Error, WebRequest, WebResponse, i18n::Localizer, render, theme::Layout};

/// The page, made of nothing but the operator's words for the app: no cookie is read and none is set.
pub(in crate::web) fn framed_page(request: &WebRequest) -> Result<WebResponse, Error> {
    let page = FramedPage::new(Layout::new(Localizer::for_language(None), &request.site_settings().branding));
    let answer = WebResponse::page(StatusCode::UNAUTHORIZED, request.render_template(&page)?);
    Ok(answer.with_header(header::VARY, render::VARY))
}
