//! What the first page says: three cards, calm, each with the one fact that would tell of trouble.

use askama::Template;

use crate::{
    audit::Entry,
    clock::Timestamp,
    id::SessionId,
    session::Session,
    web::{
        look::{Frame, Icon, Tab},
        paths,
        words::Sentence,
    },
};

/// The first page.
#[derive(Debug, Template)]
#[template(path = "pages/hub/hub.html")]
pub struct HubPage {
    frame: Frame,
    count: String,
    here: Option<String>,
    hints: Vec<Sentence>,
    others: Option<String>,
    failures: Vec<Sentence>,
    failed: bool,
    password: Sentence,
}

/// What the cards are made of.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// All live sessions of the visitor.
    pub sessions: &'a [Session],
    /// The one in use.
    pub me: SessionId,
    /// Failed sign-ins of the last 30 days, newest first.
    pub failed: &'a [Entry],
    /// Whether there may be more of them.
    pub more_failed: bool,
    /// When the password was last set.
    pub password_set: Option<Timestamp>,
}

impl HubPage {
    /// The page.
    #[must_use]
    pub fn new(frame: Frame, standing: Standing<'_>, now: Timestamp) -> Self {
        let others: Vec<&Session> = standing.sessions.iter().filter(|session| session.id != standing.me).collect();
        let words = frame.words;
        Self {
            count: words.say_with("hub-sessions", &[("count", standing.sessions.len().into())]),
            here: standing
                .sessions
                .iter()
                .find(|session| session.id == standing.me)
                .map(|session| words.session(session, &frame.app_name)),
            hints: hints(&frame, &others, now),
            others: (!others.is_empty())
                .then(|| words.say_with("sessions-end-others", &[("count", others.len().into())])),
            failures: failures(&frame, &standing, now),
            failed: !standing.failed.is_empty(),
            password: match standing.password_set {
                Some(at) => words.sentence("hub-password-age", "ago", words.past("ago", at, now), &[]),
                None => words.say("hub-password-none").into(),
            },
            frame: frame.on(Tab::Overview),
        }
    }
}

/// The newest and the oldest of the other sessions: the newest may be a stranger's, the oldest may be forgotten.
fn hints(frame: &Frame, others: &[&Session], now: Timestamp) -> Vec<Sentence> {
    let words = frame.words;
    let say = |key, session: &Session| {
        let device = words.session(session, &frame.app_name);
        words.sentence(key, "ago", words.past("ago", session.terms.opened, now), &[("device", device.into())])
    };
    let newest = others.iter().max_by_key(|session| session.terms.opened);
    let oldest = others.iter().min_by_key(|session| session.terms.opened);
    match (newest, oldest) {
        (Some(newest), Some(oldest)) if newest.id != oldest.id => {
            vec![say("hub-newest", newest), say("hub-oldest", oldest)]
        }
        (Some(only), _) => vec![say("hub-other", only)],
        (None, _) => vec![words.say("sessions-only-this").into()],
    }
}

fn failures(frame: &Frame, standing: &Standing<'_>, now: Timestamp) -> Vec<Sentence> {
    let words = frame.words;
    let Some(last) = standing.failed.iter().max_by_key(|entry| entry.last()) else {
        return vec![words.say("hub-failed-none").into()];
    };
    let ago = words.past("ago", last.last(), now);
    let tries: u64 = standing.failed.iter().map(|entry| entry.fact.tries()).sum();
    let count = words
        .say_with(
            if standing.more_failed { "hub-failed-or-more" } else { "hub-failed" },
            &[("count", tries.into()), ("number", words.number(tries).into())],
        )
        .into();
    match last.device.as_ref() {
        Some(device) => {
            let device = words.device(device);
            vec![count, words.sentence("hub-failed-last-from", "ago", ago, &[("device", device.into())])]
        }
        None => vec![count, words.sentence("hub-failed-last", "ago", ago, &[])],
    }
}
