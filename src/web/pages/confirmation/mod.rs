//! Asking before something is ended.

mod handler;
mod samples;
mod view;

use axum::routing::get;

use crate::web::{
    pages::{Audience, Page, samples::render},
    paths,
};
use handler::{confirm_all, confirm_one, confirm_others, end_all, end_one, end_others};
use samples::samples;

pub use view::ConfirmationPage;

/// Registration.
pub(super) const PAGE: Page = Page {
    path: Some(paths::END_ALL),
    audience: Audience::SignedIn,
    tab: None,
    routes: |router| {
        router
            .route(paths::END_SESSION, get(confirm_one).post(end_one))
            .route(paths::END_OTHERS, get(confirm_others).post(end_others))
            .route(paths::END_ALL, get(confirm_all).post(end_all))
    },
    samples: |localizer| render(localizer, samples(localizer)),
};
