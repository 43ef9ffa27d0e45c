//! Pages to look at.

use super::{HubPage, Standing};
use crate::web::{
    pages::{history, samples},
    words::Words,
};

/// Samples: a quiet account, and one with something to look at.
#[must_use]
pub fn samples(words: &'static Words) -> Vec<(&'static str, HubPage)> {
    let now = samples::NOW;
    let (four, failed) = (samples::four(now), history::failed_entries(now));
    let lively = Standing {
        sessions: &four,
        me: samples::me(),
        failed: &failed[..3],
        more_failed: false,
        password_set: Some(now.minus(samples::DAY * 130)),
    };
    let alone = [samples::current(now)];
    let quiet = Standing { sessions: &alone, failed: &[], password_set: Some(now.minus(samples::DAY * 3)), ..lively };
    let two = Standing { sessions: &four[1..3], failed: &failed[..1], password_set: None, ..lively };
    let many = Standing { more_failed: true, ..lively };
    vec![
        ("hub-many-failed", HubPage::new(samples::frame(words), many, now)),
        ("hub", HubPage::new(samples::frame(words), lively, now)),
        ("hub-quiet", HubPage::new(samples::frame(words), quiet, now)),
        ("hub-two", HubPage::new(samples::frame(words), two, now)),
    ]
}
