//! What the sign-in history says: each attempt, how it went, from where and with what.

use askama::Template;

use crate::{
    audit::{AuditEntry, AuditEvent, AuditPage, LoginOutcome, SignInFailure},
    id::EventId,
    session::AuthMethod,
    web::{
        i18n::{Localizer, RichText, TimeElement},
        paths,
        theme::{Icon, Layout, Tab},
    },
};

/// The history, a page of it.
#[derive(Debug, Template)]
#[template(path = "pages/history/history.html")]
pub struct HistoryPage {
    layout: Layout,
    filters: Vec<FilterLink>,
    rows: Vec<HistoryRow>,
    empty: String,
    newest: Option<String>,
    older: Option<String>,
    csv: String,
}

#[derive(Debug)]
struct FilterLink {
    text: String,
    href: String,
    current: bool,
}

#[derive(Debug)]
struct HistoryRow {
    icon: Icon,
    failed: bool,
    status: String,
    detail: String,
    at: TimeElement,
    /// Of several attempts, the last.
    last: Option<RichText>,
    ip: Option<String>,
    device: Option<String>,
}

impl HistoryPage {
    /// The page. `after` is where it begins, unless it is the first one.
    #[must_use]
    pub fn new(layout: Layout, page: &AuditPage, outcome: Option<LoginOutcome>, after: Option<EventId>) -> Self {
        let localizer = layout.localizer;
        let all = [None, Some(LoginOutcome::Succeeded), Some(LoginOutcome::Failed)];
        Self {
            filters: all.into_iter().map(|it| FilterLink::new(localizer, it, it == outcome)).collect(),
            rows: page.entries.iter().filter_map(|entry| HistoryRow::from_entry(localizer, entry)).collect(),
            empty: localizer.text(match outcome {
                None => "history-empty",
                Some(LoginOutcome::Succeeded) => "history-empty-succeeded",
                Some(LoginOutcome::Failed) => "history-empty-failed",
            }),
            newest: after.map(|_| page_url(paths::HISTORY, outcome, None)),
            older: page.next.map(|next| page_url(paths::HISTORY, outcome, Some(next))),
            csv: page_url(paths::HISTORY_CSV, outcome, None),
            layout: layout.with_tab(Tab::History),
        }
    }
}

impl FilterLink {
    fn new(localizer: &Localizer, outcome: Option<LoginOutcome>, current: bool) -> Self {
        let text = localizer.text(match outcome {
            None => "history-all",
            Some(LoginOutcome::Succeeded) => "history-succeeded",
            Some(LoginOutcome::Failed) => "history-failed",
        });
        Self { text, href: page_url(paths::HISTORY, outcome, None), current }
    }
}

impl HistoryRow {
    /// None for what is no sign-in.
    fn from_entry(localizer: &Localizer, entry: &AuditEntry) -> Option<Self> {
        let (failed, detail) = match &entry.event {
            AuditEvent::SignedIn { method, .. } => (false, method_text(localizer, *method)),
            AuditEvent::SignInFailed { reason: why, step: at } => (true, failure_text(localizer, *why, *at)),
            AuditEvent::SignInsFailed { count, .. } => {
                let args = [("count", (*count).into()), ("number", localizer.number(*count).into())];
                (true, localizer.text_with("history-more", &args))
            }
            AuditEvent::PasswordChangeFailed => (true, localizer.text("history-password-change")),
            _ => return None,
        };
        Some(Self {
            icon: if failed { Icon::Warning } else { Icon::Check },
            failed,
            status: localizer.text(if failed { "history-row-failed" } else { "history-row-succeeded" }),
            detail,
            at: localizer.absolute(entry.at),
            last: (entry.last_at() > entry.at)
                .then(|| localizer.text_with_time("history-last", "when", localizer.absolute(entry.last_at()), &[])),
            ip: entry.ip.map(|ip| ip.to_string()),
            device: entry.device.as_ref().map(|device| localizer.device_name(device)),
        })
    }
}

/// The address of a page of the history.
fn page_url(path: &str, outcome: Option<LoginOutcome>, after: Option<EventId>) -> String {
    let outcome = outcome.map(|outcome| match outcome {
        LoginOutcome::Succeeded => "outcome=succeeded".to_owned(),
        LoginOutcome::Failed => "outcome=failed".to_owned(),
    });
    let after = after.map(|after| format!("after={after}"));
    let query: Vec<String> = outcome.into_iter().chain(after).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

fn method_text(localizer: &Localizer, method: AuthMethod) -> String {
    match method {
        AuthMethod::Password => localizer.text("history-with-password"),
    }
}

fn failure_text(localizer: &Localizer, why: SignInFailure, step: AuthMethod) -> String {
    match (why, step) {
        (SignInFailure::UnknownUser | SignInFailure::WrongPassword, AuthMethod::Password) => {
            localizer.text("history-wrong-password")
        }
        (SignInFailure::NoPassword, AuthMethod::Password) => localizer.text("history-no-password"),
        (SignInFailure::Disabled, AuthMethod::Password) => localizer.text("history-disabled"),
        (SignInFailure::Throttled, AuthMethod::Password) => localizer.text("history-throttled"),
        (SignInFailure::Superseded, AuthMethod::Password) => localizer.text("history-superseded"),
    }
}
