//! Pages to look at.

use super::{HubData, HubPage};
use crate::web::{
    i18n::Localizer,
    pages::{history, samples},
};

/// Samples: a quiet account, and one with something to look at.
pub(super) fn samples(localizer: &'static Localizer) -> Vec<(&'static str, HubPage)> {
    let now = samples::NOW;
    let (four, failed) = (samples::typical_sessions(now), history::failed_entries(now));
    let lively = HubData {
        sessions: &four,
        current: samples::current_id(),
        failed: &failed[..3],
        more_failed: false,
        password_set: Some(now.minus(samples::DAY * 130)),
    };
    let alone = [samples::current_session(now)];
    let quiet = HubData { sessions: &alone, failed: &[], password_set: Some(now.minus(samples::DAY * 3)), ..lively };
    let two = HubData { sessions: &four[1..3], failed: &failed[..1], password_set: None, ..lively };
    let many = HubData { more_failed: true, ..lively };
    vec![
        ("hub-many-failed", HubPage::new(samples::signed_in_layout(localizer), many, now)),
        ("hub", HubPage::new(samples::signed_in_layout(localizer), lively, now)),
        ("hub-quiet", HubPage::new(samples::signed_in_layout(localizer), quiet, now)),
        ("hub-two", HubPage::new(samples::signed_in_layout(localizer), two, now)),
    ]
}
