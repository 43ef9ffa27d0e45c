//! What is asked before sessions are ended. One page for all four acts: each names what it ends and what it leaves alone.

use askama::Template;

use crate::{
    clock::Timestamp,
    session::Session,
    web::{
        look::{Frame, Icon, Tab},
        paths,
        words::{When, Words},
    },
};

/// So many sessions are named; the rest are counted.
const NAMED: usize = 10;

/// The page, whose form the script may show in a dialog.
#[derive(Debug, Template)]
#[template(path = "pages/confirmation/confirmation.html")]
pub struct Confirmation {
    frame: Frame,
    title: String,
    sessions: Vec<Line>,
    more: Option<String>,
    says: Vec<String>,
    change_password: bool,
    action: String,
    button: String,
    danger: bool,
    cancel: String,
}

#[derive(Debug)]
struct Line {
    icon: Icon,
    device: String,
    this_device: bool,
    ip: String,
    seen: When,
}

impl Confirmation {
    /// Signing out here.
    #[must_use]
    pub fn sign_out(frame: Frame) -> Self {
        Self {
            title: frame.say_app("confirm-sign-out-title"),
            sessions: Vec::new(),
            more: None,
            says: vec![frame.say("confirm-sign-out-says")],
            change_password: false,
            action: paths::SIGN_OUT.to_owned(),
            button: frame.say("sign-out"),
            danger: false,
            cancel: paths::HUB.to_owned(),
            frame: frame.on(Tab::Overview),
        }
    }

    /// Ending one session, which may be the one in use.
    #[must_use]
    pub fn end_one(frame: Frame, session: &Session, current: bool, now: Timestamp) -> Self {
        let words = frame.words;
        let (title, says) = if current {
            (words.say("confirm-this-title"), words.say("confirm-this-says"))
        } else {
            (words.say("confirm-one-title"), words.say("confirm-one-says"))
        };
        Self {
            title,
            sessions: vec![Line::of(&frame, session, current, now)],
            more: None,
            says: vec![says],
            change_password: !current,
            action: paths::end_session(session.id),
            button: words.say("sign-out"),
            danger: true,
            cancel: paths::SESSIONS.to_owned(),
            frame: frame.on(Tab::Sessions),
        }
    }

    /// Ending all sessions but the one in use. `others` does not hold that one.
    #[must_use]
    pub fn end_others(frame: Frame, others: &[Session], now: Timestamp) -> Self {
        let words = frame.words;
        let count = [("count", others.len().into())];
        Self {
            title: words.say_with("confirm-others-title", &count),
            sessions: others.iter().take(NAMED).map(|session| Line::of(&frame, session, false, now)).collect(),
            more: more(words, others.len()),
            says: vec![words.say("confirm-others-stays"), words.say("confirm-colleagues")],
            change_password: true,
            action: paths::END_OTHERS.to_owned(),
            button: words.say_with("confirm-button", &count),
            danger: true,
            cancel: paths::SESSIONS.to_owned(),
            frame: frame.on(Tab::Sessions),
        }
    }

    /// Ending all sessions, the one in use too. `current` is among `all`.
    #[must_use]
    pub fn end_all(frame: Frame, all: &[Session], current: crate::id::SessionId, now: Timestamp) -> Self {
        let words = frame.words;
        let count = [("count", all.len().into())];
        Self {
            title: words.say("confirm-all-title"),
            sessions: all.iter().take(NAMED).map(|it| Line::of(&frame, it, it.id == current, now)).collect(),
            more: more(words, all.len()),
            says: vec![words.say("confirm-all-says"), words.say("confirm-colleagues")],
            change_password: true,
            action: paths::END_ALL.to_owned(),
            button: words.say_with("confirm-button", &count),
            danger: true,
            cancel: paths::SESSIONS.to_owned(),
            frame: frame.on(Tab::Sessions),
        }
    }
}

impl Line {
    fn of(frame: &Frame, session: &Session, this_device: bool, now: Timestamp) -> Self {
        Self {
            icon: Icon::Device(session.device.kind),
            device: frame.words.session(session, &frame.app_name),
            this_device,
            ip: session.activity.ip.to_string(),
            seen: frame.words.past("last-active", session.activity.latest, now),
        }
    }
}

fn more(words: &Words, count: usize) -> Option<String> {
    let rest = count.saturating_sub(NAMED);
    (rest > 0).then(|| words.say_with("confirm-more", &[("count", rest.into())]))
}
