//! Pages to look at.

use super::ConfirmationPage;
use crate::{
    session::Session,
    web::{i18n::Localizer, pages::samples},
};

/// Samples: each act, few and many sessions.
pub(super) fn samples(localizer: &'static Localizer) -> Vec<(&'static str, ConfirmationPage)> {
    let now = samples::NOW;
    let layout = || samples::signed_in_layout(localizer);
    let four = samples::typical_sessions(now);
    let others: Vec<Session> = four.iter().filter(|session| session.id != samples::current_id()).cloned().collect();
    vec![
        ("confirm-sign-out", ConfirmationPage::sign_out(layout())),
        ("confirm-one", ConfirmationPage::end_one(layout(), &others[0], false, now)),
        ("confirm-this", ConfirmationPage::end_one(layout(), &samples::current_session(now), true, now)),
        ("confirm-others", ConfirmationPage::end_others(layout(), &others, now)),
        ("confirm-others-one", ConfirmationPage::end_others(layout(), &others[..1], now)),
        ("confirm-others-many", ConfirmationPage::end_others(layout(), &samples::many_sessions(now, 13), now)),
        ("confirm-all", ConfirmationPage::end_all(layout(), &four, samples::current_id(), now)),
    ]
}
