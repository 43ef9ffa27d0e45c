//! Pages to look at.

use super::SignedOutPage;
use crate::web::{look::Flash, pages::samples, words::Words};

/// Samples.
#[must_use]
pub fn samples(words: &'static Words) -> Vec<(&'static str, SignedOutPage)> {
    let everywhere = samples::gate(words).with_flash(Some(Flash::Ended(4)));
    vec![
        ("signed-out", SignedOutPage::new(samples::gate(words))),
        ("signed-out-everywhere", SignedOutPage::new(everywhere)),
    ]
}
