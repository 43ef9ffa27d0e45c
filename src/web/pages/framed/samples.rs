//! The framed page to look at.

use super::FramedPage;
use crate::web::{pages::samples, words::Words};

/// Samples: there is one.
#[must_use]
pub fn samples(words: &'static Words) -> Vec<(&'static str, FramedPage)> {
    vec![("framed", FramedPage::new(samples::gate(words)))]
}
