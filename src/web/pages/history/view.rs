//! What the sign-in history says: each attempt, how it went, from where and with what.

use askama::Template;

use crate::{
    audit::{Entry, Fact, Outcome, Page, Refusal},
    id::EventId,
    session::Method,
    web::{
        look::{Frame, Icon, Tab},
        paths,
        words::{Sentence, When, Words},
    },
};

/// The history, a page of it.
#[derive(Debug, Template)]
#[template(path = "pages/history/history.html")]
pub struct HistoryPage {
    frame: Frame,
    filters: Vec<Choice>,
    rows: Vec<Row>,
    empty: String,
    newest: Option<String>,
    older: Option<String>,
    csv: String,
}

#[derive(Debug)]
struct Choice {
    text: String,
    href: String,
    current: bool,
}

#[derive(Debug)]
struct Row {
    icon: Icon,
    failed: bool,
    status: String,
    detail: String,
    at: When,
    /// Of several attempts, the last.
    last: Option<Sentence>,
    ip: Option<String>,
    device: Option<String>,
}

impl HistoryPage {
    /// The page. `after` is where it begins, unless it is the first one.
    #[must_use]
    pub fn new(frame: Frame, page: &Page, outcome: Option<Outcome>, after: Option<EventId>) -> Self {
        let words = frame.words;
        let all = [None, Some(Outcome::Succeeded), Some(Outcome::Failed)];
        Self {
            filters: all.into_iter().map(|it| Choice::of(words, it, it == outcome)).collect(),
            rows: page.entries.iter().filter_map(|entry| Row::of(words, entry)).collect(),
            empty: words.say(match outcome {
                None => "history-empty",
                Some(Outcome::Succeeded) => "history-empty-succeeded",
                Some(Outcome::Failed) => "history-empty-failed",
            }),
            newest: after.map(|_| address(paths::HISTORY, outcome, None)),
            older: page.next.map(|next| address(paths::HISTORY, outcome, Some(next))),
            csv: address(paths::HISTORY_CSV, outcome, None),
            frame: frame.on(Tab::History),
        }
    }
}

impl Choice {
    fn of(words: &Words, outcome: Option<Outcome>, current: bool) -> Self {
        let text = words.say(match outcome {
            None => "history-all",
            Some(Outcome::Succeeded) => "history-succeeded",
            Some(Outcome::Failed) => "history-failed",
        });
        Self { text, href: address(paths::HISTORY, outcome, None), current }
    }
}

impl Row {
    /// None for what is no sign-in.
    fn of(words: &Words, entry: &Entry) -> Option<Self> {
        let (failed, detail) = match &entry.fact {
            Fact::SignedIn { method, .. } => (false, step(words, *method)),
            Fact::SignInFailed { why, step: at } => (true, refusal(words, *why, *at)),
            Fact::SignInsFailed { count, .. } => {
                let args = [("count", (*count).into()), ("number", words.number(*count).into())];
                (true, words.say_with("history-more", &args))
            }
            Fact::PasswordChangeFailed => (true, words.say("history-password-change")),
            _ => return None,
        };
        Some(Self {
            icon: if failed { Icon::Warning } else { Icon::Check },
            failed,
            status: words.say(if failed { "history-row-failed" } else { "history-row-succeeded" }),
            detail,
            at: words.absolute(entry.at),
            last: (entry.last() > entry.at)
                .then(|| words.sentence("history-last", "when", words.absolute(entry.last()), &[])),
            ip: entry.ip.map(|ip| ip.to_string()),
            device: entry.device.as_ref().map(|device| words.device(device)),
        })
    }
}

/// The address of a page of the history.
fn address(path: &str, outcome: Option<Outcome>, after: Option<EventId>) -> String {
    let outcome = outcome.map(|outcome| match outcome {
        Outcome::Succeeded => "outcome=succeeded".to_owned(),
        Outcome::Failed => "outcome=failed".to_owned(),
    });
    let after = after.map(|after| format!("after={after}"));
    let query: Vec<String> = outcome.into_iter().chain(after).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

fn step(words: &Words, method: Method) -> String {
    match method {
        Method::Password => words.say("history-with-password"),
    }
}

fn refusal(words: &Words, why: Refusal, step: Method) -> String {
    match (why, step) {
        (Refusal::UnknownUser | Refusal::WrongPassword, Method::Password) => words.say("history-wrong-password"),
        (Refusal::NoPassword, Method::Password) => words.say("history-no-password"),
        (Refusal::Disabled, Method::Password) => words.say("history-disabled"),
        (Refusal::Throttled, Method::Password) => words.say("history-throttled"),
        (Refusal::Superseded, Method::Password) => words.say("history-superseded"),
    }
}
