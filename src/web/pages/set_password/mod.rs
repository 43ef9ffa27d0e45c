//! Setting a password with a one-time link.

mod handler;
mod samples;
mod view;

use axum::routing::get;

use crate::web::{
    pages::{Audience, Page, samples::render},
    paths,
};
use handler::{show, submit};
use samples::{expired_samples, samples};

pub use view::{ExpiredLinkPage, SetPasswordPage};

/// Registration.
pub(super) const PAGE: Page = Page {
    path: Some(paths::SET_PASSWORD),
    audience: Audience::Everybody,
    tab: None,
    routes: |router| router.route(paths::SET_PASSWORD, get(show).post(submit)),
    samples: |localizer| {
        [render(localizer, samples(localizer)), render(localizer, expired_samples(localizer))].concat()
    },
};
