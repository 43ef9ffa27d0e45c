//! What the framed page says.

use askama::Template;

use crate::web::{
    paths,
    theme::{Icon, Layout},
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/framed/framed.html")]
pub struct FramedPage {
    layout: Layout,
}

impl FramedPage {
    /// The page; `frame` is that of nobody.
    #[must_use]
    pub const fn new(layout: Layout) -> Self {
        Self { layout }
    }
}
