//! Pages to look at.

use std::time::Duration;

use super::{ErrorPage, Trouble};
use crate::{
    gate::{BadPath, Character},
    web::{pages::samples, words::Words},
};

/// Samples: everything that can go wrong.
#[must_use]
pub fn samples(words: &'static Words) -> Vec<(&'static str, ErrorPage)> {
    let now = samples::NOW;
    let until = now.plus(Duration::from_mins(29));
    [
        ("error-bad-request", Trouble::BadRequest),
        ("error-bad-path", Trouble::BadPath(BadPath::TwoRules(Character::EncodedSemicolon))),
        ("error-not-allowed", Trouble::NotAllowed),
        ("error-cross-site", Trouble::CrossSite),
        ("error-not-found", Trouble::NotFound),
        ("error-wrong-method", Trouble::WrongMethod),
        ("error-too-large", Trouble::TooLarge),
        ("error-wrong-host", Trouble::WrongHost("https://app.meridian.example/".to_owned())),
        ("error-too-many", Trouble::TooMany { until }),
        ("error-internal", Trouble::Internal),
        ("error-app-away", Trouble::AppAway),
        ("error-store-away", Trouble::StoreAway { session_shown: true }),
        ("error-store-away-nobody", Trouble::StoreAway { session_shown: false }),
        ("error-end-not-confirmed", Trouble::EndNotConfirmed),
        ("error-overloaded", Trouble::Overloaded),
        ("error-app-slow", Trouble::AppSlow),
    ]
    .into_iter()
    .map(|(name, trouble)| (name, ErrorPage::new(samples::gate(words), &trouble, "req_01k9x2m7", now)))
    .chain([(
        "error-app-away-signed-in",
        ErrorPage::new(samples::frame(words), &Trouble::AppAway, "req_01k9x2m7", now),
    )])
    .collect()
}
