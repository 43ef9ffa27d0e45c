//! Pages to look at.

use super::SessionPage;
use crate::{
    session::Session,
    web::{i18n::Localizer, pages::samples},
};

/// Samples: the one in use, another one, one of which nothing is known.
pub(super) fn samples(localizer: &'static Localizer) -> Vec<(&'static str, SessionPage)> {
    let (now, policy) = (samples::NOW, samples::policy());
    let page = |session: &Session, label| {
        SessionPage::new(samples::signed_in_layout(localizer), session, samples::current_id(), &policy, label, now)
    };
    let (four, odd) = (samples::typical_sessions(now), samples::unusual_sessions(now));
    let mut moved = four[3].clone();
    moved.first_ip = samples::ip_address(77);
    vec![
        ("session-this", page(&samples::current_session(now), Some("Dashboard"))),
        ("session", page(&moved, None)),
        ("session-unknown", page(&odd[5], None)),
        ("session-hostile", page(&odd[6], Some("<b>label</b>"))),
    ]
}
