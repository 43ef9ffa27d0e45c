//! Pages to look at.

use super::SignedOutPage;
use crate::web::{pages::samples, words::Words};

/// Samples.
#[must_use]
pub fn samples(words: &'static Words) -> Vec<(&'static str, SignedOutPage)> {
    vec![("signed-out", SignedOutPage::new(samples::gate(words)))]
}
