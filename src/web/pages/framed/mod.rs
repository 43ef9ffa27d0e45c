//! What is shown inside another page whose visitor is not signed in: one link, which opens the sign-in in a tab of its own.
//! The only page of ours that may be framed. It is the same for everybody, and nothing on it acts.

mod handler;
mod samples;
mod view;

use crate::web::pages::{Audience, Page, samples::render};
use samples::samples;

pub(in crate::web) use handler::framed_page;
pub use view::FramedPage;

/// Registration.
pub(super) const PAGE: Page = Page {
    path: None,
    audience: Audience::Everybody,
    tab: None,
    routes: |router| router,
    samples: |localizer| render(localizer, samples(localizer)),
};
