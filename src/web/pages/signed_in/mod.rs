//! After a sign-in that another tab is waiting for.

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

pub use view::SignedInPage;

/// Registration.
pub(super) const PAGE: Page = Page {
    path: Some(paths::SIGNED_IN),
    audience: Audience::SignedIn,
    tab: None,
    routes: |router| router.route(paths::SIGNED_IN, get(show)),
    samples: |localizer| render(localizer, samples(localizer)),
};
