//! Pages to look at.

use super::SessionsPage;
use crate::{
    session::Session,
    web::{look::Flash, pages::samples, words::Words},
};

/// Samples: several, only this one, odd ones, and a page on which one may only look.
#[must_use]
pub fn samples(words: &'static Words) -> Vec<(&'static str, SessionsPage)> {
    let (now, policy) = (samples::NOW, samples::policy());
    let page =
        |frame, sessions: &[Session], may_end| SessionsPage::new(frame, sessions, samples::me(), &policy, may_end, now);
    let frame = || samples::frame(words);
    let four = samples::four(now);
    vec![
        ("sessions", page(frame(), &four, true)),
        ("sessions-flash", page(frame().with_flash(Some(Flash::Ended(3))), &[samples::current(now)], true)),
        ("sessions-odd", page(frame(), &samples::odd(now), true)),
        ("sessions-view", page(frame(), &four[..3], false)),
    ]
}
