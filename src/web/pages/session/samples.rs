//! Pages to look at.

use super::SessionPage;
use crate::{
    session::Session,
    web::{pages::samples, words::Words},
};

/// Samples: the one in use, another one, one of which nothing is known.
#[must_use]
pub fn samples(words: &'static Words) -> Vec<(&'static str, SessionPage)> {
    let (now, policy) = (samples::NOW, samples::policy());
    let page =
        |session: &Session, label| SessionPage::new(samples::frame(words), session, samples::me(), &policy, label, now);
    let (four, odd) = (samples::four(now), samples::odd(now));
    let mut moved = four[3].clone();
    moved.first_ip = samples::address(77);
    vec![
        ("session-this", page(&samples::current(now), Some("Dashboard"))),
        ("session", page(&moved, None)),
        ("session-unknown", page(&odd[5], None)),
        ("session-hostile", page(&odd[6], Some("<b>label</b>"))),
    ]
}
