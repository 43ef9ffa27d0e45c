//! Pages to look at.

use std::time::Duration;

use super::{ErrorContext, ErrorPage, ErrorPageKind};
use crate::{
    gate::{AmbiguousChar, InvalidPath},
    web::{i18n::Localizer, pages::samples},
};

/// Samples: everything that can go wrong.
pub(super) fn samples(localizer: &'static Localizer) -> Vec<(&'static str, ErrorPage)> {
    let now = samples::NOW;
    let until = now.plus(Duration::from_mins(29));
    let page = |layout, kind, has_session| {
        let context = ErrorContext { request_id: "req_01k9x2m7", origin: "https://app.meridian.example/", has_session };
        ErrorPage::new(layout, kind, context, now)
    };
    [
        ("error-bad-request", ErrorPageKind::BadRequest),
        ("error-bad-path", ErrorPageKind::BadPath(InvalidPath::AmbiguousRoute(AmbiguousChar::EncodedSemicolon))),
        ("error-not-allowed", ErrorPageKind::NotAllowed),
        ("error-cross-site", ErrorPageKind::CrossSite),
        ("error-not-found", ErrorPageKind::NotFound),
        ("error-wrong-method", ErrorPageKind::MethodNotAllowed),
        ("error-too-large", ErrorPageKind::BodyTooLarge),
        ("error-wrong-host", ErrorPageKind::WrongHost),
        ("error-too-many", ErrorPageKind::TooManyAttempts { until }),
        ("error-internal", ErrorPageKind::Internal),
        ("error-app-away", ErrorPageKind::AppUnreachable),
        ("error-store-away-nobody", ErrorPageKind::StoreUnavailable),
        ("error-end-not-confirmed", ErrorPageKind::EndNotConfirmed),
        ("error-overloaded", ErrorPageKind::Overloaded),
        ("error-app-slow", ErrorPageKind::AppTimeout),
    ]
    .into_iter()
    .map(|(name, kind)| (name, page(samples::anonymous_layout(localizer), kind, false)))
    .chain([
        ("error-store-away", page(samples::anonymous_layout(localizer), ErrorPageKind::StoreUnavailable, true)),
        ("error-app-away-signed-in", page(samples::signed_in_layout(localizer), ErrorPageKind::AppUnreachable, true)),
    ])
    .collect()
}
