//! Sign-in pages to look at.

use std::time::Duration;

use super::{SignInFormError, SignInPage};
use crate::{
    session::{Ended, Ending, Kind, RememberMe, SessionPolicy, Span},
    web::{i18n::Localizer, pages::samples},
};

/// Samples: each reason to be here, each way to fail.
#[must_use]
pub fn samples(localizer: &'static Localizer) -> Vec<(&'static str, SignInPage)> {
    let (now, policy) = (samples::NOW, samples::policy());
    let page = || SignInPage::new(samples::anonymous_layout(localizer), &policy);
    let because = |ending| page().with_end_note(&Ended { ending, at: now.minus(Duration::from_mins(4)) }, &policy, now);
    let endless = SessionPolicy { idle_timeout: Span::Never, ..policy.clone() };
    let idle = Ended { ending: Ending::Idle { kind: Kind::Web }, at: now.minus(Duration::from_mins(4)) };
    let refused =
        |not_in| page().with_return_to("/orders?page=2").with_error("alice@meridian.example", true, not_in, now);
    let strict = SessionPolicy { remember_me: RememberMe { allowed: false, lifetime: Span::Never }, ..policy.clone() };
    vec![
        ("sign-in", page()),
        ("sign-in-no-remember", SignInPage::new(samples::anonymous_layout(localizer), &strict)),
        ("sign-in-why-device", because(Ending::FromAnotherDevice { device: samples::mac() })),
        ("sign-in-why-signed-out", because(Ending::SignedOut)),
        ("sign-in-why-administrator", because(Ending::ByAdministrator)),
        ("sign-in-why-password", because(Ending::PasswordChanged)),
        ("sign-in-why-disabled", because(Ending::AccountDisabled)),
        ("sign-in-why-idle", page().with_end_note(&idle, &policy, now)),
        ("sign-in-why-idle-long", page().with_end_note(&idle, &endless, now)),
        ("sign-in-why-expired", because(Ending::Expired)),
        ("sign-in-why-too-many", because(Ending::TooMany)),
        ("sign-in-not-sent", page().with_form_not_sent()),
        (
            "sign-in-why-and-not-sent",
            because(Ending::FromAnotherDevice { device: samples::mac() }).with_form_not_sent(),
        ),
        ("sign-in-unknown-session", page().with_unknown_session()),
        ("sign-in-mismatch", refused(SignInFormError::InvalidCredentials)),
        ("sign-in-missing", page().with_error("", false, SignInFormError::Missing { name: true, password: true }, now)),
        ("sign-in-locked", refused(SignInFormError::TooManyAttempts { until: now.plus(Duration::from_mins(29)) })),
        ("sign-in-store-away", refused(SignInFormError::StoreUnavailable)),
        ("sign-in-overloaded", refused(SignInFormError::Overloaded)),
    ]
}
