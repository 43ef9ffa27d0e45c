//! The pages to look at.

use super::{Asked, Fields, FormPage, SentPage};
use crate::{
    gate::CrossSiteForm,
    web::{pages::samples, words::Words},
};

/// Samples of the question.
///
/// # Panics
/// Never: the fields can be read.
#[must_use]
pub fn samples(words: &'static Words) -> Vec<(&'static str, FormPage)> {
    let page = |asked| {
        let fields = Fields::parse(b"order=4711&status=paid&note=%3Cb%3E%22x%22%0D%0A").expect("fields");
        FormPage::new(samples::gate(words), asked, &form(), "1795264200000.x.y", fields)
    };
    vec![
        ("cross-site-form", page(Asked::First)),
        ("cross-site-form-not-signed-in", page(Asked::NotSignedIn)),
        ("cross-site-form-late", page(Asked::Late)),
    ]
}

/// Samples of the page after it: there is one.
#[must_use]
pub fn sent_samples(words: &'static Words) -> Vec<(&'static str, SentPage)> {
    vec![("cross-site-form-sent", SentPage::new(samples::gate(words), &form()))]
}

fn form() -> CrossSiteForm {
    CrossSiteForm {
        sender: "https://checkout.payments.example".to_owned(),
        target: "/shop/payment/return?order=4711".to_owned(),
        token: None,
    }
}
