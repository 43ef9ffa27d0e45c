//! What the pages about a form of another site say.

use askama::Template;

use super::Fields;
use crate::{
    gate::CrossSiteForm,
    web::{
        look::{Frame, Icon},
        paths,
        words::inert,
    },
};

/// What is known of the visitor who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: no cookie comes with a form of another site.
    First,
    /// They have sent it on, and were not signed in.
    NotSignedIn,
    /// They have sent it on from a page that was open for too long.
    Late,
}

/// "Send this form on?"
#[derive(Debug, Template)]
#[template(path = "pages/cross_site_form/form.html")]
pub struct FormPage {
    frame: Frame,
    asked: Asked,
    sender: String,
    target: String,
    action: String,
    fields: Fields,
}

/// "This form was sent on already."
#[derive(Debug, Template)]
#[template(path = "pages/cross_site_form/sent.html")]
pub struct SentPage {
    frame: Frame,
    sender: String,
    target: String,
}

impl FormPage {
    /// The page; `frame` is that of nobody, `token` is for what becomes of it.
    #[must_use]
    pub fn new(frame: Frame, asked: Asked, form: &CrossSiteForm, token: &str, fields: Fields) -> Self {
        let (sender, target) = named(form);
        Self { frame, asked, sender, target, action: form.action(token), fields }
    }
}

impl SentPage {
    /// The page; `frame` is that of nobody.
    #[must_use]
    pub fn new(frame: Frame, form: &CrossSiteForm) -> Self {
        let (sender, target) = named(form);
        Self { frame, sender, target }
    }
}

/// Sender and path as they are shown. The query may be long, and says nothing to a visitor.
fn named(form: &CrossSiteForm) -> (String, String) {
    let path = form.target.split('?').next().unwrap_or_default();
    (inert(&form.sender).into_owned(), inert(path).into_owned())
}
