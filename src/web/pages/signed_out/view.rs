//! What the page says after signing out.

use askama::Template;

use crate::web::{
    paths,
    theme::{Icon, Layout},
};

/// "You are signed out", with the bars lifted.
#[derive(Debug, Template)]
#[template(path = "pages/signed_out/signed_out.html")]
pub struct SignedOutPage {
    layout: Layout,
}

impl SignedOutPage {
    /// The page.
    #[must_use]
    pub const fn new(layout: Layout) -> Self {
        Self { layout }
    }
}
