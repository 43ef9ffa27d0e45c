//! What is asked before sessions are ended. One page for all four acts: each names what it ends and what it leaves alone.

use askama::Template;

use crate::{
    clock::Timestamp,
    session::Session,
    web::{
        i18n::{Localizer, TimeElement},
        paths,
        theme::{Icon, Layout, Tab},
    },
};

/// So many sessions are named; the rest are counted.
const MAX_LISTED: usize = 10;

/// The page, whose form the script may show in a dialog.
#[derive(Debug, Template)]
#[template(path = "pages/confirmation/confirmation.html")]
pub struct ConfirmationPage {
    layout: Layout,
    title: String,
    sessions: Vec<ConfirmationRow>,
    more_text: Option<String>,
    paragraphs: Vec<String>,
    change_password: bool,
    action: String,
    button: String,
    danger: bool,
    cancel: String,
}

#[derive(Debug)]
struct ConfirmationRow {
    icon: Icon,
    device: String,
    this_device: bool,
    ip: String,
    last_active: TimeElement,
}

impl ConfirmationPage {
    /// Signing out here.
    #[must_use]
    pub fn sign_out(layout: Layout) -> Self {
        Self {
            title: layout.text_with_app("confirm-sign-out-title"),
            sessions: Vec::new(),
            more_text: None,
            paragraphs: vec![layout.text("confirm-sign-out-says")],
            change_password: false,
            action: paths::SIGN_OUT.to_owned(),
            button: layout.text("sign-out"),
            danger: false,
            cancel: paths::HUB.to_owned(),
            layout: layout.with_tab(Tab::Overview),
        }
    }

    /// Ending one session, which may be the one in use.
    #[must_use]
    pub fn end_one(layout: Layout, session: &Session, current: bool, now: Timestamp) -> Self {
        let localizer = layout.localizer;
        let (title, says) = if current {
            (localizer.text("confirm-this-title"), localizer.text("confirm-this-says"))
        } else {
            (localizer.text("confirm-one-title"), localizer.text("confirm-one-says"))
        };
        Self {
            title,
            sessions: vec![ConfirmationRow::new(&layout, session, current, now)],
            more_text: None,
            paragraphs: vec![says],
            change_password: !current,
            action: paths::end_session(session.id),
            button: localizer.text("sign-out"),
            danger: true,
            cancel: paths::SESSIONS.to_owned(),
            layout: layout.with_tab(Tab::Sessions),
        }
    }

    /// Ending all sessions but the one in use. `others` does not hold that one.
    #[must_use]
    pub fn end_others(layout: Layout, others: &[Session], now: Timestamp) -> Self {
        let localizer = layout.localizer;
        let count = [("count", others.len().into())];
        Self {
            title: localizer.text_with("confirm-others-title", &count),
            sessions: others
                .iter()
                .take(MAX_LISTED)
                .map(|session| ConfirmationRow::new(&layout, session, false, now))
                .collect(),
            more_text: more_text(localizer, others.len()),
            paragraphs: vec![localizer.text("confirm-others-stays"), localizer.text("confirm-colleagues")],
            change_password: true,
            action: paths::END_OTHERS.to_owned(),
            button: localizer.text_with("confirm-button", &count),
            danger: true,
            cancel: paths::SESSIONS.to_owned(),
            layout: layout.with_tab(Tab::Sessions),
        }
    }

    /// Ending all sessions, the one in use too. `current` is among `all`.
    #[must_use]
    pub fn end_all(layout: Layout, all: &[Session], current: crate::id::SessionId, now: Timestamp) -> Self {
        let localizer = layout.localizer;
        let count = [("count", all.len().into())];
        Self {
            title: localizer.text("confirm-all-title"),
            sessions: all
                .iter()
                .take(MAX_LISTED)
                .map(|it| ConfirmationRow::new(&layout, it, it.id == current, now))
                .collect(),
            more_text: more_text(localizer, all.len()),
            paragraphs: vec![localizer.text("confirm-all-says"), localizer.text("confirm-colleagues")],
            change_password: true,
            action: paths::END_ALL.to_owned(),
            button: localizer.text_with("confirm-button", &count),
            danger: true,
            cancel: paths::SESSIONS.to_owned(),
            layout: layout.with_tab(Tab::Sessions),
        }
    }
}

impl ConfirmationRow {
    fn new(layout: &Layout, session: &Session, this_device: bool, now: Timestamp) -> Self {
        Self {
            icon: Icon::Device(session.device.kind),
            device: layout.localizer.session_name(session, &layout.app_name),
            this_device,
            ip: session.activity.ip.to_string(),
            last_active: layout.localizer.time_ago("last-active", session.activity.last_seen, now),
        }
    }
}

fn more_text(localizer: &Localizer, count: usize) -> Option<String> {
    let rest = count.saturating_sub(MAX_LISTED);
    (rest > 0).then(|| localizer.text_with("confirm-more", &[("count", rest.into())]))
}
