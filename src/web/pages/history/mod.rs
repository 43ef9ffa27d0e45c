//! Sign-in history.

mod handler;
mod samples;
mod view;

use axum::routing::get;

use crate::web::{
    pages::{Audience, Page, samples::render},
    paths,
    theme::Tab,
};
use handler::{export_csv, show};
use samples::samples;

pub(crate) use samples::failed_entries;
pub use view::HistoryPage;

/// Registration.
pub(super) const PAGE: Page = Page {
    path: Some(paths::HISTORY),
    audience: Audience::SignedIn,
    tab: Some((Tab::History, "tab-history")),
    routes: |router| router.route(paths::HISTORY, get(show)).route(paths::HISTORY_CSV, get(export_csv)),
    samples: |localizer| render(localizer, samples(localizer)),
};
