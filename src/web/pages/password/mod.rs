//! Changing the password.

mod handler;
mod rules;
mod samples;
mod view;

use axum::routing::get;

use crate::web::{
    pages::{Audience, Page, samples::render},
    paths,
    theme::Tab,
};
use handler::{show, submit};
use samples::samples;

pub(in crate::web) use handler::form_faults;
pub(crate) use rules::{PasswordRule, mark_broken, rules};
pub use view::PasswordPage;
pub(crate) use view::add_fault;

/// Registration.
pub(super) const PAGE: Page = Page {
    path: Some(paths::PASSWORD),
    audience: Audience::SignedIn,
    tab: Some((Tab::Password, "tab-password")),
    routes: |router| router.route(paths::PASSWORD, get(show).post(submit)),
    samples: |localizer| render(localizer, samples(localizer)),
};
