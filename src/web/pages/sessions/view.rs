//! What the list of sessions says, row by row, the current one first.

use std::time::Duration;

use askama::Template;

use crate::{
    clock::Timestamp,
    id::SessionId,
    session::{Session, SessionPolicy},
    web::{
        i18n::{Localizer, TimeElement},
        paths,
        theme::{Icon, Layout, Tab},
    },
};

const DAY: Duration = Duration::from_hours(24);

/// The list.
#[derive(Debug, Template)]
#[template(path = "pages/sessions/sessions.html")]
pub struct SessionsPage {
    layout: Layout,
    rows: Vec<SessionListRow>,
    count: String,
    end_others: Option<String>,
}

#[derive(Debug)]
struct SessionListRow {
    icon: Icon,
    title: String,
    dot: ActivityDot,
    versions: Vec<String>,
    ip: String,
    last_active: TimeElement,
    signed_in: TimeElement,
    signs_out: TimeElement,
    details: String,
    end: String,
    end_label: String,
    details_label: String,
}

/// The dot before a session's last activity. The words beside it say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActivityDot {
    /// This device: green.
    Current,
    /// Active within 24 hours: filled.
    Recent,
    /// Quiet for longer: hollow.
    Idle,
}

impl SessionsPage {
    /// The page.
    #[must_use]
    pub fn new(layout: Layout, sessions: &[Session], me: SessionId, policy: &SessionPolicy, now: Timestamp) -> Self {
        let (here, others): (Vec<_>, Vec<_>) = sessions.iter().partition(|session| session.id == me);
        let localizer = layout.localizer;
        Self {
            count: localizer.text_with("sessions-count", &[("count", sessions.len().into())]),
            end_others: (!others.is_empty())
                .then(|| localizer.text_with("sessions-end-others", &[("count", others.len().into())])),
            rows: here
                .into_iter()
                .chain(others)
                .map(|session| SessionListRow::new(&layout, session, me, policy, now))
                .collect(),
            layout: layout.with_tab(Tab::Sessions),
        }
    }
}

impl SessionListRow {
    fn new(layout: &Layout, session: &Session, me: SessionId, policy: &SessionPolicy, now: Timestamp) -> Self {
        let localizer = layout.localizer;
        let title = localizer.session_name(session, &layout.app_name);
        Self {
            icon: Icon::Device(session.device.kind),
            dot: ActivityDot::for_session(session, me, now),
            versions: localizer.versions(&session.device),
            ip: session.activity.ip.to_string(),
            last_active: localizer.time_ago("last-active", session.activity.last_seen, now),
            signed_in: localizer.time_ago("signed-in", session.terms.opened, now),
            signs_out: signs_out_time(localizer, session, policy, now),
            details: paths::session(session.id),
            end: paths::end_session(session.id),
            end_label: localizer.text_with("sign-out-of", &[("device", (&title).into())]),
            details_label: localizer.text_with("details-of", &[("device", (&title).into())]),
            title,
        }
    }
}

/// When a session ends by itself; "if not used", where using it moves that moment.
pub(crate) fn signs_out_time(
    localizer: &Localizer,
    session: &Session,
    policy: &SessionPolicy,
    now: Timestamp,
) -> TimeElement {
    let end = policy.next_expiry(session.terms, session.activity.last_seen);
    let key = if end < policy.absolute_expiry(session.terms) { "signs-out-idle" } else { "signs-out" };
    localizer.time_until(key, end, now)
}

impl ActivityDot {
    pub(crate) fn for_session(session: &Session, me: SessionId, now: Timestamp) -> Self {
        if session.id == me {
            Self::Current
        } else if now.since(session.activity.last_seen) < DAY {
            Self::Recent
        } else {
            Self::Idle
        }
    }

    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Current => "dot here",
            Self::Recent => "dot",
            Self::Idle => "dot off",
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
        let dot = |quiet| {
            ActivityDot::for_session(
                &samples::session(2, samples::windows(), now, DAY * 3, quiet),
                samples::current_id(),
                now,
            )
        };
        assert_eq!(
            ActivityDot::for_session(&samples::current_session(now), samples::current_id(), now),
            ActivityDot::Current
        );
        assert_eq!(dot(Duration::ZERO), ActivityDot::Recent);
        assert_eq!(dot(Duration::from_secs(24 * 60 * 60 - 1)), ActivityDot::Recent);
        assert_eq!(dot(DAY), ActivityDot::Idle);
    }
}
