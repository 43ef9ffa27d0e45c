//! What the first page says: three cards, calm, each with the one fact that would tell of trouble.

use askama::Template;

use crate::{
    audit::AuditEntry,
    clock::Timestamp,
    id::SessionId,
    session::Session,
    web::{
        i18n::RichText,
        paths,
        theme::{Icon, Layout, Tab},
    },
};

/// The first page.
#[derive(Debug, Template)]
#[template(path = "pages/hub/hub.html")]
pub struct HubPage {
    layout: Layout,
    count: String,
    current_device: Option<String>,
    hints: Vec<RichText>,
    end_others: Option<String>,
    failures: Vec<RichText>,
    failed: bool,
    password: RichText,
}

/// What the cards are made of.
#[derive(Clone, Copy, Debug)]
pub struct HubData<'a> {
    /// All live sessions of the visitor.
    pub sessions: &'a [Session],
    /// The one in use.
    pub current: SessionId,
    /// Failed sign-ins of the last 30 days, newest first.
    pub failed: &'a [AuditEntry],
    /// Whether there may be more of them.
    pub more_failed: bool,
    /// When the password was last set.
    pub password_set: Option<Timestamp>,
}

impl HubPage {
    /// The page.
    #[must_use]
    pub fn new(layout: Layout, data: HubData<'_>, now: Timestamp) -> Self {
        let others: Vec<&Session> = data.sessions.iter().filter(|session| session.id != data.current).collect();
        let localizer = layout.localizer;
        Self {
            count: localizer.text_with("hub-sessions", &[("count", data.sessions.len().into())]),
            current_device: data
                .sessions
                .iter()
                .find(|session| session.id == data.current)
                .map(|session| localizer.session_name(session, &layout.app_name)),
            hints: hints(&layout, &others, now),
            end_others: (!others.is_empty())
                .then(|| localizer.text_with("sessions-end-others", &[("count", others.len().into())])),
            failures: failures(&layout, &data, now),
            failed: !data.failed.is_empty(),
            password: match data.password_set {
                Some(at) => {
                    localizer.text_with_time("hub-password-age", "ago", localizer.time_ago("ago", at, now), &[])
                }
                None => localizer.text("hub-password-none").into(),
            },
            layout: layout.with_tab(Tab::Overview),
        }
    }
}

/// The newest and the oldest of the other sessions: the newest may be a stranger's, the oldest may be forgotten.
fn hints(layout: &Layout, others: &[&Session], now: Timestamp) -> Vec<RichText> {
    let localizer = layout.localizer;
    let hint_text = |key, session: &Session| {
        let device = localizer.session_name(session, &layout.app_name);
        localizer.text_with_time(
            key,
            "ago",
            localizer.time_ago("ago", session.terms.opened, now),
            &[("device", device.into())],
        )
    };
    let newest = others.iter().max_by_key(|session| session.terms.opened);
    let oldest = others.iter().min_by_key(|session| session.terms.opened);
    match (newest, oldest) {
        (Some(newest), Some(oldest)) if newest.id != oldest.id => {
            vec![hint_text("hub-newest", newest), hint_text("hub-oldest", oldest)]
        }
        (Some(only), _) => vec![hint_text("hub-other", only)],
        (None, _) => vec![localizer.text("sessions-only-this").into()],
    }
}

fn failures(layout: &Layout, data: &HubData<'_>, now: Timestamp) -> Vec<RichText> {
    let localizer = layout.localizer;
    let Some(last) = data.failed.iter().max_by_key(|entry| entry.last_at()) else {
        return vec![localizer.text("hub-failed-none").into()];
    };
    let ago = localizer.time_ago("ago", last.last_at(), now);
    let tries: u64 = data.failed.iter().map(|entry| entry.event.attempts()).sum();
    let count = localizer
        .text_with(
            if data.more_failed { "hub-failed-or-more" } else { "hub-failed" },
            &[("count", tries.into()), ("number", localizer.number(tries).into())],
        )
        .into();
    match last.device.as_ref() {
        Some(device) => {
            let device = localizer.device_name(device);
            vec![count, localizer.text_with_time("hub-failed-last-from", "ago", ago, &[("device", device.into())])]
        }
        None => vec![count, localizer.text_with_time("hub-failed-last", "ago", ago, &[])],
    }
}
