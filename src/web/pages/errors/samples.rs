//! Pages to look at.

use std::time::Duration;

use super::{ErrorPage, ErrorPageKind};
use crate::{
    gate::{AmbiguousChar, InvalidPath},
    web::{i18n::Localizer, pages::samples},
};

/// Samples: everything that can go wrong.
#[must_use]
pub fn samples(localizer: &'static Localizer) -> Vec<(&'static str, ErrorPage)> {
    let now = samples::NOW;
    let until = now.plus(Duration::from_mins(29));
    [
        ("error-bad-request", ErrorPageKind::BadRequest),
        ("error-bad-path", ErrorPageKind::BadPath(InvalidPath::AmbiguousRoute(AmbiguousChar::EncodedSemicolon))),
        ("error-not-allowed", ErrorPageKind::NotAllowed),
        ("error-cross-site", ErrorPageKind::CrossSite),
        ("error-not-found", ErrorPageKind::NotFound),
        ("error-wrong-method", ErrorPageKind::MethodNotAllowed),
        ("error-too-large", ErrorPageKind::BodyTooLarge),
        ("error-wrong-host", ErrorPageKind::WrongHost("https://app.meridian.example/".to_owned())),
        ("error-too-many", ErrorPageKind::TooManyAttempts { until }),
        ("error-internal", ErrorPageKind::Internal),
        ("error-app-away", ErrorPageKind::AppUnreachable),
        ("error-store-away", ErrorPageKind::StoreUnavailable { has_session: true }),
        ("error-store-away-nobody", ErrorPageKind::StoreUnavailable { has_session: false }),
        ("error-end-not-confirmed", ErrorPageKind::EndNotConfirmed),
        ("error-overloaded", ErrorPageKind::Overloaded),
        ("error-app-slow", ErrorPageKind::AppTimeout),
    ]
    .into_iter()
    .map(|(name, trouble)| (name, ErrorPage::new(samples::anonymous_layout(localizer), &trouble, "req_01k9x2m7", now)))
    .chain([(
        "error-app-away-signed-in",
        ErrorPage::new(samples::signed_in_layout(localizer), &ErrorPageKind::AppUnreachable, "req_01k9x2m7", now),
    )])
    .collect()
}
