//! Pages to look at.

use super::{ExpiredLinkPage, SetPasswordPage};
use crate::web::{
    pages::{
        password::{Rules, Wrong},
        samples,
    },
    words::Words,
};

/// Samples.
#[must_use]
pub fn samples(words: &'static Words) -> Vec<(&'static str, SetPasswordPage)> {
    let page = || SetPasswordPage::new(samples::gate(words), "alice", "t0ken", Rules::Classic { min_length: 8 });
    vec![("set-password", page()), ("set-password-weak", page().refused(&[Wrong::TooShort(8), Wrong::AgainDiffers]))]
}

/// Samples.
#[must_use]
pub fn expired_samples(words: &'static Words) -> Vec<(&'static str, ExpiredLinkPage)> {
    vec![("link-expired", ExpiredLinkPage::new(samples::gate(words)))]
}
