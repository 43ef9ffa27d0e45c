//! Pages to look at.

use std::time::Duration;

use super::HistoryPage;
use crate::{
    audit::{Actor, AuditEntry, AuditEvent, AuditPage, LoginOutcome, SignInFailure},
    clock::Timestamp,
    session::AuthMethod,
    web::{i18n::Localizer, pages::samples},
};

/// Samples: a full page, each filter, nothing yet.
pub(super) fn samples(localizer: &'static Localizer) -> Vec<(&'static str, HistoryPage)> {
    let now = samples::NOW;
    let full = AuditPage { entries: entries(now), next: Some(samples::event_id(9)) };
    let failed = AuditPage { entries: failed_entries(now), next: None };
    let layout = || samples::signed_in_layout(localizer);
    vec![
        ("history", HistoryPage::new(layout(), &full, None, None)),
        ("history-later", HistoryPage::new(layout(), &full, None, Some(samples::event_id(3)))),
        ("history-failed", HistoryPage::new(layout(), &failed, Some(LoginOutcome::Failed), None)),
        ("history-empty", HistoryPage::new(layout(), &AuditPage::default(), None, None)),
    ]
}

/// Failures as samples.
pub(crate) fn failed_entries(now: Timestamp) -> Vec<AuditEntry> {
    entries(now).into_iter().filter(|entry| entry.event.is_failed_sign_in()).collect()
}

fn entries(now: Timestamp) -> Vec<AuditEntry> {
    let entry = |number: u32, ago: Duration, device, fact| AuditEntry {
        id: samples::event_id(number),
        at: now.minus(ago),
        user: Some(samples::user_id()),
        actor: Actor::Visitor,
        ip: Some(samples::ip_address(number)),
        device,
        event: fact,
    };
    let step = AuthMethod::Password;
    let signed_in = || AuditEvent::SignedIn { session: samples::current_id(), method: step };
    let failed = |why| AuditEvent::SignInFailed { step, reason: why };
    let (hour, day) = (samples::HOUR, samples::DAY);
    vec![
        entry(1, 9 * hour, Some(samples::windows()), signed_in()),
        entry(2, 9 * hour + Duration::from_mins(1), Some(samples::windows()), failed(SignInFailure::WrongPassword)),
        entry(3, 9 * hour + Duration::from_mins(2), Some(samples::windows()), failed(SignInFailure::WrongPassword)),
        entry(4, 3 * day, Some(samples::iphone()), failed(SignInFailure::Throttled)),
        entry(5, 11 * day, Some(samples::mac()), signed_in()),
        entry(6, 12 * day, None, failed(SignInFailure::Disabled)),
        entry(7, 13 * day, Some(samples::mac()), failed(SignInFailure::Superseded)),
        entry(9, 14 * day, None, AuditEvent::SignInsFailed { step, count: 5_950, until: now.minus(13 * day) }),
        entry(8, 400 * day, Some(samples::mac()), failed(SignInFailure::NoPassword)),
    ]
}
