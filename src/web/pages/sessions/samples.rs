//! Pages to look at.

use super::SessionsPage;
use crate::{
    session::Session,
    web::{look::Flash, pages::samples, words::Words},
};

/// Samples: several, only this one, odd ones.
#[must_use]
pub fn samples(words: &'static Words) -> Vec<(&'static str, SessionsPage)> {
    let (now, policy) = (samples::NOW, samples::policy());
    let page = |frame, sessions: &[Session]| SessionsPage::new(frame, sessions, samples::me(), &policy, now);
    let frame = || samples::frame(words);
    let four = samples::four(now);
    vec![
        ("sessions", page(frame(), &four)),
        ("sessions-flash", page(frame().with_flash(Some(Flash::Ended(3))), &[samples::current(now)])),
        ("sessions-odd", page(frame(), &samples::odd(now))),
    ]
}
