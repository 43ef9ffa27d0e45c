//! Where one is signed in.

mod handler;
mod samples;
mod view;

use axum::routing::get;

use crate::web::{
    pages::{Audience, Page, samples::render},
    paths,
    theme::Tab,
};
use handler::{not_event_stream, show};
use samples::samples;

pub(in crate::web) use handler::render_html;
pub use view::SessionsPage;
pub(crate) use view::{ActivityDot, signs_out_time};

/// Registration.
pub(super) const PAGE: Page = Page {
    path: Some(paths::SESSIONS),
    audience: Audience::SignedIn,
    tab: Some((Tab::Sessions, "tab-sessions")),
    routes: |router| router.route(paths::SESSIONS, get(show)).route(paths::LIVE_SESSIONS, get(not_event_stream)),
    samples: |localizer| render(localizer, samples(localizer)),
};
