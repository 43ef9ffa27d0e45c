//! Sign-in pages to look at.

use std::time::Duration;

use super::{NotIn, SignInPage};
use crate::{
    session::{Ended, Ending, Kind, RememberMe, SessionPolicy, Span},
    web::{pages::samples, words::Words},
};

/// Samples: each reason to be here, each way to fail.
#[must_use]
pub fn samples(words: &'static Words) -> Vec<(&'static str, SignInPage)> {
    let (now, policy) = (samples::NOW, samples::policy());
    let page = || SignInPage::new(samples::gate(words), &policy);
    let because = |ending| page().because(&Ended { ending, at: now.minus(Duration::from_mins(4)) }, &policy, now);
    let endless = SessionPolicy { idle_timeout: Span::Never, ..policy.clone() };
    let idle = Ended { ending: Ending::Idle { kind: Kind::Web }, at: now.minus(Duration::from_mins(4)) };
    let refused = |not_in| page().on_the_way_to("/orders?page=2").refused("alice@meridian.example", true, not_in, now);
    let strict = SessionPolicy { remember_me: RememberMe { allowed: false, lifetime: Span::Never }, ..policy.clone() };
    vec![
        ("sign-in", page()),
        ("sign-in-no-remember", SignInPage::new(samples::gate(words), &strict)),
        ("sign-in-why-device", because(Ending::FromAnotherDevice { device: samples::mac() })),
        ("sign-in-why-signed-out", because(Ending::SignedOut)),
        ("sign-in-why-administrator", because(Ending::ByAdministrator)),
        ("sign-in-why-password", because(Ending::PasswordChanged)),
        ("sign-in-why-disabled", because(Ending::AccountDisabled)),
        ("sign-in-why-idle", page().because(&idle, &policy, now)),
        ("sign-in-why-idle-long", page().because(&idle, &endless, now)),
        ("sign-in-why-expired", because(Ending::Expired)),
        ("sign-in-why-too-many", because(Ending::TooMany)),
        ("sign-in-not-sent", page().form_not_sent()),
        ("sign-in-why-and-not-sent", because(Ending::FromAnotherDevice { device: samples::mac() }).form_not_sent()),
        ("sign-in-unknown-session", page().unknown_session()),
        ("sign-in-mismatch", refused(NotIn::Mismatch)),
        ("sign-in-missing", page().refused("", false, NotIn::Missing { name: true, password: true }, now)),
        ("sign-in-locked", refused(NotIn::TooMany { until: now.plus(Duration::from_mins(29)) })),
        ("sign-in-store-away", refused(NotIn::StoreAway)),
        ("sign-in-overloaded", refused(NotIn::Overloaded)),
    ]
}
