//! What a visitor is asked about a form that another site has posted for them: whether it is to be sent on.

mod fields;
mod handler;
mod samples;
mod view;

use crate::web::pages::{Audience, Page, samples::render};
use samples::{samples, sent_samples};

pub(in crate::web) use fields::FormFields;
pub(in crate::web) use handler::{confirm_page, sent_page};
pub use view::{CrossSiteFormPage, FormSentPage, PromptReason};

/// Registration.
pub(super) const PAGE: Page = Page {
    path: None,
    audience: Audience::Everybody,
    tab: None,
    routes: |router| router,
    samples: |localizer| [render(localizer, samples(localizer)), render(localizer, sent_samples(localizer))].concat(),
};
