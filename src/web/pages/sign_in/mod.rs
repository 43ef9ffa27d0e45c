//! The sign-in form, and why one is there.

mod handler;
mod samples;
mod view;

use axum::routing::get;

use crate::web::{
    pages::{Audience, Page, samples::render},
    paths,
};
use handler::{show, submit};
use samples::samples;

pub use view::SignInPage;
pub(crate) use view::{alert_text, end_note_text, retry_text};

/// Registration.
pub(super) const PAGE: Page = Page {
    path: Some(paths::SIGN_IN),
    audience: Audience::Everybody,
    tab: None,
    routes: |router| router.route(paths::SIGN_IN, get(show).post(submit)),
    samples: |localizer| render(localizer, samples(localizer)),
};
