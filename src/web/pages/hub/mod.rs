//! The first page: how things stand.

mod handler;
mod samples;
mod view;

use axum::routing::get;

use crate::web::{
    pages::{Audience, Page, samples::render},
    paths,
    theme::Tab,
};
use handler::show;
use samples::samples;

pub use view::{HubData, HubPage};

/// Registration.
pub(super) const PAGE: Page = Page {
    path: Some(paths::HUB),
    audience: Audience::SignedIn,
    tab: Some((Tab::Overview, "tab-overview")),
    routes: |router| router.route(paths::HUB, get(show)),
    samples: |localizer| render(localizer, samples(localizer)),
};
