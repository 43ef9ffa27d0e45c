//! Pages to look at.

use std::time::Duration;

use super::{PasswordPage, Wrong};
use crate::{
    account::{PasswordPolicy, PolicyKind, Weakness},
    web::{AfterChange, look::Flash, pages::samples, words::Words},
};

/// Samples: both sets of rules, each choice about other sessions, everything that can be wrong.
#[must_use]
pub fn samples(words: &'static Words) -> Vec<(&'static str, PasswordPage)> {
    let now = samples::NOW;
    let page = |rules, after| PasswordPage::new(samples::frame(words), "alice", rules, after);
    let classic = PasswordPolicy { kind: PolicyKind::Classic, min_length: 8 };
    let modern = PasswordPolicy { kind: PolicyKind::Modern, min_length: 12 };
    let weak = [
        Wrong::Current,
        Wrong::Weak(Weakness::TooShort(8)),
        Wrong::Weak(Weakness::NoUpper),
        Wrong::Weak(Weakness::NoLower),
        Wrong::Weak(Weakness::NoDigit),
        Wrong::Weak(Weakness::NoSpecial),
        Wrong::AgainDiffers,
    ];
    let other = [
        Wrong::CurrentMissing,
        Wrong::Weak(Weakness::TooLong(1024)),
        Wrong::Weak(Weakness::Common),
        Wrong::Weak(Weakness::LikeTheName),
        Wrong::Weak(Weakness::SameAsBefore),
    ];
    let changed = Flash::PasswordChanged { ended: 0, others: Some(2) };
    let until = now.plus(Duration::from_mins(29));
    vec![
        ("password", page(classic, AfterChange::Ask)),
        (
            "password-changed",
            PasswordPage::new(samples::frame(words).with_flash(Some(changed)), "alice", classic, AfterChange::Ask),
        ),
        ("password-modern", page(modern, AfterChange::Keep)),
        ("password-ends", page(modern, AfterChange::EndOthers)),
        ("password-current", page(classic, AfterChange::Ask).refused(&[Wrong::Current], true)),
        ("password-weak", page(classic, AfterChange::Ask).refused(&weak, true)),
        ("password-other", page(modern, AfterChange::Keep).refused(&other, false)),
        ("password-missing", page(modern, AfterChange::Keep).refused(&[Wrong::NewMissing], false)),
        ("password-locked", page(modern, AfterChange::Ask).too_many(until, false, now)),
    ]
}
