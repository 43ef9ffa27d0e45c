//! What the page says after a sign-in that another tab is waiting for.

use askama::Template;

use crate::web::{
    paths,
    theme::{Icon, Layout},
};

/// "You are signed in": the tab that asked for it goes on by itself.
#[derive(Debug, Template)]
#[template(path = "pages/signed_in/signed_in.html")]
pub struct SignedInPage {
    layout: Layout,
}

impl SignedInPage {
    /// The page.
    #[must_use]
    pub const fn new(layout: Layout) -> Self {
        Self { layout }
    }
}
