//! Pages to look at.

use super::SessionsPage;
use crate::{
    session::Session,
    web::{i18n::Localizer, pages::samples, theme::Flash},
};

/// Samples: several, only this one, odd ones.
pub(super) fn samples(localizer: &'static Localizer) -> Vec<(&'static str, SessionsPage)> {
    let (now, policy) = (samples::NOW, samples::policy());
    let page = |layout, sessions: &[Session]| SessionsPage::new(layout, sessions, samples::current_id(), &policy, now);
    let layout = || samples::signed_in_layout(localizer);
    let four = samples::typical_sessions(now);
    vec![
        ("sessions", page(layout(), &four)),
        ("sessions-flash", page(layout().with_flash(Some(Flash::Ended(3))), &[samples::current_session(now)])),
        ("sessions-odd", page(layout(), &samples::unusual_sessions(now))),
    ]
}
