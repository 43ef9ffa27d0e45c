//! The pages to look at.

use super::{CrossSiteFormPage, FormFields, FormSentPage, PromptReason};
use crate::{
    gate::CrossSiteForm,
    web::{i18n::Localizer, pages::samples},
};

/// Samples of the question.
///
/// # Panics
/// Never: the fields can be read.
pub(super) fn samples(localizer: &'static Localizer) -> Vec<(&'static str, CrossSiteFormPage)> {
    let page = |asked| {
        let fields = FormFields::parse(b"order=4711&status=paid&note=%3Cb%3E%22x%22%0D%0A").expect("fields");
        CrossSiteFormPage::new(samples::anonymous_layout(localizer), asked, &form(), "1795264200000.x.y", fields)
    };
    vec![
        ("cross-site-form", page(PromptReason::First)),
        ("cross-site-form-not-signed-in", page(PromptReason::NotSignedIn)),
        ("cross-site-form-late", page(PromptReason::Expired)),
    ]
}

/// Samples of the page after it: there is one.
pub(super) fn sent_samples(localizer: &'static Localizer) -> Vec<(&'static str, FormSentPage)> {
    vec![("cross-site-form-sent", FormSentPage::new(samples::anonymous_layout(localizer), &form()))]
}

fn form() -> CrossSiteForm {
    CrossSiteForm {
        sender: "https://checkout.payments.example".to_owned(),
        target: "/shop/payment/return?order=4711".to_owned(),
        token: None,
    }
}
