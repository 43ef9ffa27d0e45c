//! Pages to look at.

use super::SignedInPage;
use crate::web::{pages::samples, words::Words};

/// The one sample.
#[must_use]
pub fn samples(words: &'static Words) -> Vec<(&'static str, SignedInPage)> {
    vec![("signed-in", SignedInPage::new(samples::gate(words)))]
}
