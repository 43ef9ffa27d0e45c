//! One session in detail.

mod handler;
mod samples;
mod view;

use axum::routing::get;

use crate::web::{
    pages::{Audience, Page, samples::render},
    paths,
};
use handler::show;
use samples::samples;

pub use view::SessionPage;

/// Registration.
pub(super) const PAGE: Page = Page {
    path: None,
    audience: Audience::SignedIn,
    tab: None,
    routes: |router| router.route(paths::SESSION, get(show)),
    samples: |localizer| render(localizer, samples(localizer)),
};
