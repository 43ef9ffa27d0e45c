//! Pages to look at.

use std::time::Duration;

use super::PasswordPage;
use crate::{
    account::{PasswordFault, PasswordPolicy, PasswordRuleset, Weakness},
    web::{OtherSessionsPolicy, i18n::Localizer, pages::samples, theme::Flash},
};

/// Samples: both sets of rules, each choice about other sessions, everything that can be wrong.
pub(super) fn samples(localizer: &'static Localizer) -> Vec<(&'static str, PasswordPage)> {
    let now = samples::NOW;
    let page = |rules, after| PasswordPage::new(samples::signed_in_layout(localizer), "alice", rules, after);
    let classic = PasswordPolicy { ruleset: PasswordRuleset::Classic, min_length: 8 };
    let modern = PasswordPolicy { ruleset: PasswordRuleset::Modern, min_length: 12 };
    let weak = [
        PasswordFault::CurrentWrong,
        PasswordFault::Weak(Weakness::TooShort(8)),
        PasswordFault::Weak(Weakness::NoUpper),
        PasswordFault::Weak(Weakness::NoLower),
        PasswordFault::Weak(Weakness::NoDigit),
        PasswordFault::Weak(Weakness::NoSpecial),
        PasswordFault::RepeatDiffers,
    ];
    let other = [
        PasswordFault::CurrentMissing,
        PasswordFault::Weak(Weakness::TooLong(1024)),
        PasswordFault::Weak(Weakness::Common),
        PasswordFault::Weak(Weakness::ContainsName),
        PasswordFault::Weak(Weakness::Unchanged),
    ];
    let changed = Flash::PasswordChanged { ended: 0, others: Some(2) };
    let until = now.plus(Duration::from_mins(29));
    vec![
        ("password", page(classic, OtherSessionsPolicy::Ask)),
        (
            "password-changed",
            PasswordPage::new(
                samples::signed_in_layout(localizer).with_flash(Some(changed)),
                "alice",
                classic,
                OtherSessionsPolicy::Ask,
            ),
        ),
        ("password-modern", page(modern, OtherSessionsPolicy::Keep)),
        ("password-ends", page(modern, OtherSessionsPolicy::EndOthers)),
        ("password-current", page(classic, OtherSessionsPolicy::Ask).with_errors(&[PasswordFault::CurrentWrong], true)),
        ("password-weak", page(classic, OtherSessionsPolicy::Ask).with_errors(&weak, true)),
        ("password-other", page(modern, OtherSessionsPolicy::Keep).with_errors(&other, false)),
        ("password-missing", page(modern, OtherSessionsPolicy::Keep).with_errors(&[PasswordFault::NewMissing], false)),
        ("password-locked", page(modern, OtherSessionsPolicy::Ask).with_lockout(until, false, now)),
    ]
}
