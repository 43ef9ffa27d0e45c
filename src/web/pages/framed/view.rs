//! What the framed page says.

use askama::Template;

use crate::web::{
    look::{Frame, Icon},
    paths,
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/framed/framed.html")]
pub struct FramedPage {
    frame: Frame,
}

impl FramedPage {
    /// The page; `frame` is that of nobody.
    #[must_use]
    pub const fn new(frame: Frame) -> Self {
        Self { frame }
    }
}
