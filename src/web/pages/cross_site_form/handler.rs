//! The answers to a form of another site that does not go on.

use http::StatusCode;

use super::{CrossSiteFormPage, FormFields, FormSentPage, PromptReason};
use crate::{
    gate::CrossSiteForm,
    web::{Error, WebRequest, WebResponse, i18n::Localizer, theme::Layout},
};

/// The question whether it is to be sent on. No cookie is set: those of the visitor did not come along, and must stay as they are.
pub(in crate::web) fn confirm_page(
    request: &WebRequest,
    reason: PromptReason,
    form: &CrossSiteForm,
    token: &str,
    fields: FormFields,
) -> Result<WebResponse, Error> {
    let status = if reason == PromptReason::NotSignedIn { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    let page = CrossSiteFormPage::new(anonymous_layout(request), reason, form, token, fields);
    Ok(WebResponse::page(status, request.render_template(&page)?))
}

/// To a second press.
pub(in crate::web) fn sent_page(request: &WebRequest, form: &CrossSiteForm) -> Result<WebResponse, Error> {
    Ok(WebResponse::page(StatusCode::OK, request.render_template(&FormSentPage::new(anonymous_layout(request), form))?))
}

fn anonymous_layout(request: &WebRequest) -> Layout {
    let localizer = Localizer::for_language(request.header(http::header::ACCEPT_LANGUAGE.as_str()));
    Layout::new(localizer, &request.site_settings().branding)
}
