//! Pages to look at.

use std::time::Duration;

use super::{AfterChange, PasswordPage, Rules, Wrong};
use crate::web::{pages::samples, words::Words};

/// Samples: both sets of rules, each choice about other sessions, everything that can be wrong.
#[must_use]
pub fn samples(words: &'static Words) -> Vec<(&'static str, PasswordPage)> {
    let now = samples::NOW;
    let page = |rules, after| PasswordPage::new(samples::frame(words), "alice", rules, after);
    let classic = Rules::Classic { min_length: 8 };
    let modern = Rules::Modern { min_length: 12 };
    let weak = [
        Wrong::Current,
        Wrong::TooShort(8),
        Wrong::NoUpper,
        Wrong::NoLower,
        Wrong::NoDigit,
        Wrong::NoSpecial,
        Wrong::AgainDiffers,
    ];
    let other = [Wrong::CurrentMissing, Wrong::TooLong(1024), Wrong::Common, Wrong::LikeName, Wrong::Same];
    let until = Some(now.plus(Duration::from_mins(29)));
    vec![
        ("password", page(classic, AfterChange::Ask)),
        ("password-modern", page(modern, AfterChange::Keep)),
        ("password-ends", page(modern, AfterChange::EndOthers)),
        ("password-current", page(classic, AfterChange::Ask).refused(&[Wrong::Current], true, now)),
        ("password-weak", page(classic, AfterChange::Ask).refused(&weak, true, now)),
        ("password-other", page(modern, AfterChange::Keep).refused(&other, false, now)),
        ("password-missing", page(modern, AfterChange::Keep).refused(&[Wrong::NewMissing], false, now)),
        ("password-locked", page(modern, AfterChange::Ask).refused(&[Wrong::TooMany { until }], false, now)),
    ]
}
