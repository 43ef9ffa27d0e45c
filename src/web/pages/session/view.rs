//! What is known of one session, in full.

use askama::Template;

use crate::{
    clock::Timestamp,
    id::SessionId,
    session::{ClientKind, Session, SessionPolicy},
    web::{
        i18n::{TimeElement, sanitize},
        pages::sessions::{ActivityDot, signs_out_time},
        paths,
        theme::{Icon, Layout, Tab},
    },
};

/// The details.
#[derive(Debug, Template)]
#[template(path = "pages/session/session.html")]
pub struct SessionPage {
    layout: Layout,
    icon: Icon,
    title: String,
    dot: ActivityDot,
    last_active: TimeElement,
    signs_out: TimeElement,
    groups: Vec<DetailGroup>,
    end: String,
}

#[derive(Debug)]
struct DetailGroup {
    title: String,
    rows: Vec<DetailRow>,
}

#[derive(Debug)]
struct DetailRow {
    name: String,
    value: DetailValue,
    /// What it means, where its name does not say it.
    note: Option<String>,
}

#[derive(Debug)]
enum DetailValue {
    Text(String),
    Code(String),
    Time(TimeElement),
    Page { label: String, path: String },
}

impl SessionPage {
    /// The page. `label` is what the operator calls the last page.
    #[must_use]
    pub fn new(
        layout: Layout,
        session: &Session,
        me: SessionId,
        policy: &SessionPolicy,
        label: Option<&str>,
        now: Timestamp,
    ) -> Self {
        let localizer = layout.localizer;
        Self {
            icon: Icon::Device(session.device.kind),
            title: localizer.session_name(session, &layout.app_name),
            dot: ActivityDot::for_session(session, me, now),
            last_active: localizer.time_ago("last-active", session.activity.last_seen, now),
            signs_out: signs_out_time(localizer, session, policy, now),
            groups: vec![
                DetailGroup { title: layout.text("details-device"), rows: device_rows(&layout, session) },
                DetailGroup { title: layout.text("details-network"), rows: network_rows(&layout, session) },
                DetailGroup { title: layout.text("details-session"), rows: session_rows(&layout, session, policy) },
                DetailGroup { title: layout.text("details-activity"), rows: activity_rows(&layout, session, label) },
            ],
            end: paths::end_session(session.id),
            layout: layout.with_tab(Tab::Sessions),
        }
    }
}

fn device_rows(layout: &Layout, session: &Session) -> Vec<DetailRow> {
    let localizer = layout.localizer;
    let device = &session.device;
    let mut facts = Vec::new();
    if let Some(browser) = &device.browser {
        facts.push(text_row(layout, "details-browser", localizer.software_name(browser)));
    }
    if let Some(os) = &device.os {
        facts.push(text_row(layout, "details-os", localizer.software_name(os)));
    }
    if let Some(model) = &device.model {
        facts.push(text_row(layout, "details-model", sanitize(model).into_owned()));
    }
    if facts.is_empty() {
        facts.push(text_row(layout, "details-browser", localizer.text("device-unknown")));
    }
    facts
}

fn network_rows(layout: &Layout, session: &Session) -> Vec<DetailRow> {
    let mut facts = vec![code_row(layout, "details-ip", session.activity.ip.to_string())];
    if session.first_ip != session.activity.ip {
        facts.push(code_row(layout, "details-first-ip", session.first_ip.to_string()));
    }
    facts
}

fn session_rows(layout: &Layout, session: &Session, policy: &SessionPolicy) -> Vec<DetailRow> {
    let localizer = layout.localizer;
    let kept = match (session.terms.kind, session.terms.remembered) {
        (ClientKind::App, _) => "details-kept-app",
        (ClientKind::Web, true) => "details-kept-remembered",
        (ClientKind::Web, false) => "details-kept-browser",
    };
    let mut facts = vec![
        time_row(layout, "details-created", localizer.absolute(session.terms.opened)),
        time_row(layout, "details-last-active", localizer.absolute(session.activity.last_seen)),
    ];
    let end = policy.absolute_expiry(session.terms);
    match policy.idle_expiry(session.terms, session.activity.last_seen) {
        // Who has so long does not sign out for want of use.
        Some(at) if at >= end => {}
        Some(at) => facts.push(time_row(layout, "details-idle-end", localizer.absolute(at))),
        None => facts.push(text_row(layout, "details-idle-end", localizer.text("details-never"))),
    }
    facts.push(time_row(layout, "details-end", localizer.absolute(end)));
    facts.push(text_row(layout, "details-kept", localizer.text(kept)));
    facts.push(code_row(layout, "details-id", session.id.to_string()));
    facts
}

fn activity_rows(layout: &Layout, session: &Session, label: Option<&str>) -> Vec<DetailRow> {
    let localizer = layout.localizer;
    let mut facts = vec![
        text_row(layout, "details-sign-ins", localizer.number(session.sign_ins.into())),
        DetailRow {
            note: Some(localizer.text("details-actions-note")),
            ..text_row(layout, "details-actions", localizer.number(session.activity.actions))
        },
    ];
    if let Some(path) = session.activity.last_path.as_deref().map(sanitize) {
        let value = match label {
            Some(label) => DetailValue::Page { label: sanitize(label).into_owned(), path: path.into_owned() },
            None => DetailValue::Code(path.into_owned()),
        };
        facts.push(DetailRow { name: layout.text("details-last-page"), value, note: None });
    }
    facts
}

fn text_row(layout: &Layout, key: &str, text: String) -> DetailRow {
    DetailRow { name: layout.text(key), value: DetailValue::Text(text), note: None }
}

fn code_row(layout: &Layout, key: &str, code: String) -> DetailRow {
    DetailRow { name: layout.text(key), value: DetailValue::Code(code), note: None }
}

fn time_row(layout: &Layout, key: &str, when: TimeElement) -> DetailRow {
    DetailRow { name: layout.text(key), value: DetailValue::Time(when), note: None }
}
