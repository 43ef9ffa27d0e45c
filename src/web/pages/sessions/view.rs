//! What the list of sessions says, row by row, the current one first.

use std::time::Duration;

use askama::Template;

use crate::{
    clock::Timestamp,
    id::SessionId,
    session::{Session, SessionPolicy},
    web::{
        look::{Frame, Icon, Tab},
        paths,
        words::{When, Words},
    },
};

const DAY: Duration = Duration::from_hours(24);

/// The list.
#[derive(Debug, Template)]
#[template(path = "pages/sessions/sessions.html")]
pub struct SessionsPage {
    frame: Frame,
    rows: Vec<Row>,
    count: String,
    end_others: Option<String>,
}

#[derive(Debug)]
struct Row {
    icon: Icon,
    title: String,
    dot: Dot,
    versions: Vec<String>,
    ip: String,
    seen: When,
    signed_in: When,
    signs_out: When,
    details: String,
    end: String,
    end_label: String,
    details_label: String,
}

/// The dot before a session's last activity. The words beside it say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dot {
    /// This device: green.
    Here,
    /// Active within 24 hours: filled.
    Recent,
    /// Quiet for longer: hollow.
    Quiet,
}

impl SessionsPage {
    /// The page.
    #[must_use]
    pub fn new(frame: Frame, sessions: &[Session], me: SessionId, policy: &SessionPolicy, now: Timestamp) -> Self {
        let (here, others): (Vec<_>, Vec<_>) = sessions.iter().partition(|session| session.id == me);
        let words = frame.words;
        Self {
            count: words.say_with("sessions-count", &[("count", sessions.len().into())]),
            end_others: (!others.is_empty())
                .then(|| words.say_with("sessions-end-others", &[("count", others.len().into())])),
            rows: here.into_iter().chain(others).map(|session| Row::of(&frame, session, me, policy, now)).collect(),
            frame: frame.on(Tab::Sessions),
        }
    }
}

impl Row {
    fn of(frame: &Frame, session: &Session, me: SessionId, policy: &SessionPolicy, now: Timestamp) -> Self {
        let words = frame.words;
        let title = words.session(session, &frame.app_name);
        Self {
            icon: Icon::Device(session.device.kind),
            dot: Dot::of(session, me, now),
            versions: words.versions(&session.device),
            ip: session.activity.ip.to_string(),
            seen: words.past("last-active", session.activity.latest, now),
            signed_in: words.past("signed-in", session.terms.opened, now),
            signs_out: signs_out(words, session, policy, now),
            details: paths::session(session.id),
            end: paths::end_session(session.id),
            end_label: words.say_with("sign-out-of", &[("device", (&title).into())]),
            details_label: words.say_with("details-of", &[("device", (&title).into())]),
            title,
        }
    }
}

/// When a session ends by itself; "if not used", where using it moves that moment.
pub(crate) fn signs_out(words: &Words, session: &Session, policy: &SessionPolicy, now: Timestamp) -> When {
    let end = policy.signs_out_at(session.terms, session.activity.latest);
    let key = if end < policy.ends_at(session.terms) { "signs-out-idle" } else { "signs-out" };
    words.future(key, end, now)
}

impl Dot {
    pub(crate) fn of(session: &Session, me: SessionId, now: Timestamp) -> Self {
        if session.id == me {
            Self::Here
        } else if now.since(session.activity.latest) < DAY {
            Self::Recent
        } else {
            Self::Quiet
        }
    }

    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Here => "dot here",
            Self::Recent => "dot",
            Self::Quiet => "dot off",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::pages::samples;

    #[test]
    fn dots() {
        let now = samples::NOW;
        let dot = |quiet| Dot::of(&samples::session(2, samples::windows(), now, DAY * 3, quiet), samples::me(), now);
        assert_eq!(Dot::of(&samples::current(now), samples::me(), now), Dot::Here);
        assert_eq!(dot(Duration::ZERO), Dot::Recent);
        assert_eq!(dot(Duration::from_secs(24 * 60 * 60 - 1)), Dot::Recent);
        assert_eq!(dot(DAY), Dot::Quiet);
    }
}
