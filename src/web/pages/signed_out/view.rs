//! What the page says after signing out.

use askama::Template;

use crate::web::{
    look::{Frame, Icon},
    paths,
};

/// "You are signed out", with the bars lifted.
#[derive(Debug, Template)]
#[template(path = "pages/signed_out/signed_out.html")]
pub struct SignedOutPage {
    frame: Frame,
}

impl SignedOutPage {
    /// The page.
    #[must_use]
    pub const fn new(frame: Frame) -> Self {
        Self { frame }
    }
}
