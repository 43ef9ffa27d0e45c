//! Pages to look at.

use super::{ExpiredLinkPage, SetPasswordPage};
use crate::{
    account::{PasswordPolicy, PolicyKind, Weakness},
    web::{
        pages::{password::Wrong, samples},
        words::Words,
    },
};

/// Samples.
#[must_use]
pub fn samples(words: &'static Words) -> Vec<(&'static str, SetPasswordPage)> {
    let page = || {
        SetPasswordPage::new(
            samples::gate(words),
            "alice",
            "t0ken",
            PasswordPolicy { kind: PolicyKind::Classic, min_length: 8 },
        )
    };
    vec![
        ("set-password", page()),
        ("set-password-weak", page().refused(&[Wrong::Weak(Weakness::TooShort(8)), Wrong::AgainDiffers])),
    ]
}

/// Samples.
#[must_use]
pub fn expired_samples(words: &'static Words) -> Vec<(&'static str, ExpiredLinkPage)> {
    vec![("link-expired", ExpiredLinkPage::new(samples::gate(words)))]
}
