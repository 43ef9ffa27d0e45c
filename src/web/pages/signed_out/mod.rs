//! After signing out.

mod handler;
mod samples;
mod view;

use axum::routing::get;

use crate::web::{
    pages::{Audience, Page, samples::render},
    paths,
};
use handler::{clear_cookies, confirm, show, submit};
use samples::samples;

pub use view::SignedOutPage;

/// Registration.
pub(super) const PAGE: Page = Page {
    path: Some(paths::SIGNED_OUT),
    audience: Audience::Everybody,
    tab: None,
    routes: |router| {
        router
            .route(paths::SIGN_OUT, get(confirm).post(submit))
            .route(paths::SIGNED_OUT, get(show))
            .route(paths::CLEAR_COOKIES, get(clear_cookies))
    },
    samples: |localizer| render(localizer, samples(localizer)),
};
