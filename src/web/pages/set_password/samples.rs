//! Pages to look at.

use super::{ExpiredLinkPage, SetPasswordPage};
use crate::{
    account::{PasswordFault, PasswordPolicy, PasswordRuleset, Weakness},
    web::{i18n::Localizer, pages::samples},
};

/// Samples.
pub(super) fn samples(localizer: &'static Localizer) -> Vec<(&'static str, SetPasswordPage)> {
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
            page().with_errors(&[PasswordFault::Weak(Weakness::TooShort(8)), PasswordFault::RepeatDiffers]),
        ),
    ]
}

/// Samples.
pub(super) fn expired_samples(localizer: &'static Localizer) -> Vec<(&'static str, ExpiredLinkPage)> {
    vec![("link-expired", ExpiredLinkPage::new(samples::anonymous_layout(localizer)))]
}
