//! Pages to look at.

use super::{ExpiredLinkPage, SetPasswordPage};
use crate::{
    account::{PasswordPolicy, PasswordRuleset, Weakness},
    web::{
        i18n::Localizer,
        pages::{password::PasswordFormError, samples},
    },
};

/// Samples.
#[must_use]
pub fn samples(localizer: &'static Localizer) -> Vec<(&'static str, SetPasswordPage)> {
    let page = || {
        SetPasswordPage::new(
            samples::anonymous_layout(localizer),
            "alice",
            "t0ken",
            PasswordPolicy { ruleset: PasswordRuleset::Classic, min_length: 8 },
        )
    };
    vec![
        ("set-password", page()),
        (
            "set-password-weak",
            page().with_errors(&[PasswordFormError::Weak(Weakness::TooShort(8)), PasswordFormError::RepeatDiffers]),
        ),
    ]
}

/// Samples.
#[must_use]
pub fn expired_samples(localizer: &'static Localizer) -> Vec<(&'static str, ExpiredLinkPage)> {
    vec![("link-expired", ExpiredLinkPage::new(samples::anonymous_layout(localizer)))]
}
