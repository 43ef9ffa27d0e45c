//! What a visitor is asked about a form that another site has posted for them: whether it is to be sent on.

mod fields;
mod handler;
mod samples;
mod view;

pub(in crate::web) use fields::FormFields;
pub(in crate::web) use handler::{confirm_page, sent_page};
pub use samples::{samples, sent_samples};
pub use view::{CrossSiteFormPage, FormSentPage, PromptReason};
