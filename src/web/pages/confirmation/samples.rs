//! Pages to look at.

use super::Confirmation;
use crate::{
    session::Session,
    web::{pages::samples, words::Words},
};

/// Samples: each act, few and many sessions.
#[must_use]
pub fn samples(words: &'static Words) -> Vec<(&'static str, Confirmation)> {
    let now = samples::NOW;
    let frame = || samples::frame(words);
    let four = samples::four(now);
    let others: Vec<Session> = four.iter().filter(|session| session.id != samples::me()).cloned().collect();
    vec![
        ("confirm-sign-out", Confirmation::sign_out(frame())),
        ("confirm-one", Confirmation::end_one(frame(), &others[0], false, now)),
        ("confirm-this", Confirmation::end_one(frame(), &samples::current(now), true, now)),
        ("confirm-others", Confirmation::end_others(frame(), &others, now)),
        ("confirm-others-one", Confirmation::end_others(frame(), &others[..1], now)),
        ("confirm-others-many", Confirmation::end_others(frame(), &samples::many(now, 13), now)),
        ("confirm-all", Confirmation::end_all(frame(), &four, samples::me(), now)),
    ]
}
