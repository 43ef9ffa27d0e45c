//! Registration of a page: what the router, the tabs and the samples are made from.

use axum::Router;

use super::samples::Sample;
use crate::web::{i18n::Localizer, theme::Tab};

/// Page, or a few that belong together, as its folder registers it. Adding one is a folder and a line in [`super::PAGES`].
pub struct Page {
    /// Path that opens it; none where it answers another request than one for itself, or needs an id in its path.
    pub path: Option<&'static str>,
    /// Who may see it. Its handlers ask for it; Held by
    /// `scenarios::unauthenticated::our_own_pages_ask_in_the_same_way`.
    pub audience: Audience,
    /// Tab that it has, and the key of its text.
    pub(in crate::web) tab: Option<(Tab, &'static str)>,
    /// Adds its paths, their methods and handlers.
    pub(in crate::web) routes: fn(Router) -> Router,
    /// Renders its samples in one language.
    pub(in crate::web) samples: fn(&'static Localizer) -> Vec<Sample>,
}

/// Visitors who may see a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Anybody, signed in or not.
    Everybody,
    /// Whoever is signed in; others are led to sign-in.
    SignedIn,
}
