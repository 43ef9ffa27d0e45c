//! What the pages about a form of another site say.

use askama::Template;

use super::FormFields;
use crate::{
    gate::CrossSiteForm,
    web::{
        i18n::sanitize,
        paths,
        theme::{Icon, Layout},
    },
};

/// What is known of the visitor who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptReason {
    /// Nothing: no cookie comes with a form of another site.
    First,
    /// They have sent it on, and were not signed in.
    NotSignedIn,
    /// They have sent it on from a page that was open for too long.
    Expired,
}

/// "Send this form on?"
#[derive(Debug, Template)]
#[template(path = "pages/cross_site_form/form.html")]
pub struct CrossSiteFormPage {
    layout: Layout,
    reason: PromptReason,
    sender: String,
    target: String,
    action: String,
    fields: FormFields,
}

/// "This form was sent on already."
#[derive(Debug, Template)]
#[template(path = "pages/cross_site_form/sent.html")]
pub struct FormSentPage {
    layout: Layout,
    sender: String,
    target: String,
}

impl CrossSiteFormPage {
    /// The page; `frame` is that of nobody, `token` is for what becomes of it.
    #[must_use]
    pub fn new(layout: Layout, asked: PromptReason, form: &CrossSiteForm, token: &str, fields: FormFields) -> Self {
        let (sender, target) = display_names(form);
        Self { layout, reason: asked, sender, target, action: form.action(token), fields }
    }
}

impl FormSentPage {
    /// The page; `frame` is that of nobody.
    #[must_use]
    pub fn new(layout: Layout, form: &CrossSiteForm) -> Self {
        let (sender, target) = display_names(form);
        Self { layout, sender, target }
    }
}

/// Sender and path as they are shown. The query may be long, and says nothing to a visitor.
fn display_names(form: &CrossSiteForm) -> (String, String) {
    let path = form.target.split('?').next().unwrap_or_default();
    (sanitize(&form.sender).into_owned(), sanitize(path).into_owned())
}
