//! What went wrong, and what to do.

mod handler;
mod samples;
mod view;

use crate::web::pages::{Audience, Page, samples::render};
use samples::samples;

pub(in crate::web) use handler::error_page;
pub use view::{ErrorContext, ErrorPage, ErrorPageKind};

/// Registration.
pub(super) const PAGE: Page = Page {
    path: None,
    audience: Audience::Everybody,
    tab: None,
    routes: |router| router,
    samples: |localizer| render(localizer, samples(localizer)),
};
