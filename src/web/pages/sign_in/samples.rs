//! Sign-in pages to look at.

use std::time::Duration;

use super::{SignInPage, alert_text};
use crate::{
    session::{ClientKind, EndNote, EndReason, RememberMe, SessionPolicy, TimeLimit},
    web::{Error, RequestFailure, i18n::Localizer, pages::samples},
};

/// Samples: each reason to be here, each way to fail.
///
/// # Panics
/// Never: the form has words for these errors.
pub(super) fn samples(localizer: &'static Localizer) -> Vec<(&'static str, SignInPage)> {
    let (now, policy) = (samples::NOW, samples::policy());
    let page = || SignInPage::new(samples::anonymous_layout(localizer), &policy);
    let because =
        |ending| page().with_end_note(&EndNote { reason: ending, at: now.minus(Duration::from_mins(4)) }, &policy, now);
    let endless = SessionPolicy { idle_timeout: TimeLimit::Never, ..policy.clone() };
    let idle = EndNote { reason: EndReason::Idle { kind: ClientKind::Web }, at: now.minus(Duration::from_mins(4)) };
    let refused = |error| {
        let alert = alert_text(localizer, &error, now).expect("an error that the form has words for");
        page().with_return_to("/orders?page=2").with_alert("alice@meridian.example", true, alert)
    };
    let strict =
        SessionPolicy { remember_me: RememberMe { allowed: false, lifetime: TimeLimit::Never }, ..policy.clone() };
    vec![
        ("sign-in", page()),
        ("sign-in-no-remember", SignInPage::new(samples::anonymous_layout(localizer), &strict)),
        ("sign-in-why-device", because(EndReason::FromAnotherDevice { device: samples::mac() })),
        ("sign-in-why-signed-out", because(EndReason::SignedOut)),
        ("sign-in-why-administrator", because(EndReason::ByAdministrator)),
        ("sign-in-why-password", because(EndReason::PasswordChanged)),
        ("sign-in-why-disabled", because(EndReason::AccountDisabled)),
        ("sign-in-why-idle", page().with_end_note(&idle, &policy, now)),
        ("sign-in-why-idle-long", page().with_end_note(&idle, &endless, now)),
        ("sign-in-why-expired", because(EndReason::Expired)),
        ("sign-in-why-too-many", because(EndReason::TooMany)),
        ("sign-in-not-sent", page().with_form_not_sent()),
        (
            "sign-in-why-and-not-sent",
            because(EndReason::FromAnotherDevice { device: samples::mac() }).with_form_not_sent(),
        ),
        ("sign-in-unknown-session", page().with_unknown_session()),
        ("sign-in-mismatch", refused(Error::InvalidCredentials)),
        ("sign-in-missing", page().with_missing("", false, (true, true))),
        ("sign-in-locked", refused(Error::TooManyAttempts { until: now.plus(Duration::from_mins(29)) })),
        ("sign-in-store-away", refused(Error::StoreUnavailable(None))),
        ("sign-in-overloaded", refused(RequestFailure::Overloaded.into())),
    ]
}
