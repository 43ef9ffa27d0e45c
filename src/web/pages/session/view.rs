//! What is known of one session, in full.

use askama::Template;

use crate::{
    clock::Timestamp,
    id::SessionId,
    session::{Kind, Session, SessionPolicy},
    web::{
        look::{Frame, Icon, Tab},
        pages::sessions::{Dot, signs_out},
        paths,
        words::{When, inert},
    },
};

/// The details.
#[derive(Debug, Template)]
#[template(path = "pages/session/session.html")]
pub struct SessionPage {
    frame: Frame,
    icon: Icon,
    title: String,
    dot: Dot,
    seen: When,
    signs_out: When,
    groups: Vec<Group>,
    end: String,
}

#[derive(Debug)]
struct Group {
    title: String,
    facts: Vec<Fact>,
}

#[derive(Debug)]
struct Fact {
    name: String,
    value: Value,
    /// What it means, where its name does not say it.
    note: Option<String>,
}

#[derive(Debug)]
enum Value {
    Text(String),
    Code(String),
    When(When),
    Page { label: String, path: String },
}

impl SessionPage {
    /// The page. `label` is what the operator calls the last page.
    #[must_use]
    pub fn new(
        frame: Frame,
        session: &Session,
        me: SessionId,
        policy: &SessionPolicy,
        label: Option<&str>,
        now: Timestamp,
    ) -> Self {
        let words = frame.words;
        Self {
            icon: Icon::Device(session.device.kind),
            title: words.session(session, &frame.app_name),
            dot: Dot::of(session, me, now),
            seen: words.past("last-active", session.activity.latest, now),
            signs_out: signs_out(words, session, policy, now),
            groups: vec![
                Group { title: frame.say("details-device"), facts: device(&frame, session) },
                Group { title: frame.say("details-network"), facts: network(&frame, session) },
                Group { title: frame.say("details-session"), facts: terms(&frame, session, policy) },
                Group { title: frame.say("details-activity"), facts: activity(&frame, session, label) },
            ],
            end: paths::end_session(session.id),
            frame: frame.on(Tab::Sessions),
        }
    }
}

fn device(frame: &Frame, session: &Session) -> Vec<Fact> {
    let words = frame.words;
    let device = &session.device;
    let mut facts = Vec::new();
    if let Some(browser) = &device.browser {
        facts.push(text(frame, "details-browser", words.software(browser)));
    }
    if let Some(os) = &device.os {
        facts.push(text(frame, "details-os", words.software(os)));
    }
    if let Some(model) = &device.model {
        facts.push(text(frame, "details-model", inert(model).into_owned()));
    }
    if facts.is_empty() {
        facts.push(text(frame, "details-browser", words.say("device-unknown")));
    }
    facts
}

fn network(frame: &Frame, session: &Session) -> Vec<Fact> {
    let mut facts = vec![code(frame, "details-ip", session.activity.ip.to_string())];
    if session.first_ip != session.activity.ip {
        facts.push(code(frame, "details-first-ip", session.first_ip.to_string()));
    }
    facts
}

fn terms(frame: &Frame, session: &Session, policy: &SessionPolicy) -> Vec<Fact> {
    let words = frame.words;
    let kept = match (session.terms.kind, session.terms.remembered) {
        (Kind::App, _) => "details-kept-app",
        (Kind::Web, true) => "details-kept-remembered",
        (Kind::Web, false) => "details-kept-browser",
    };
    let mut facts = vec![
        when(frame, "details-created", words.absolute(session.terms.opened)),
        when(frame, "details-last-active", words.absolute(session.activity.latest)),
    ];
    let end = policy.ends_at(session.terms);
    match policy.idles_at(session.terms, session.activity.latest) {
        // Who has so long does not sign out for want of use.
        Some(at) if at >= end => {}
        Some(at) => facts.push(when(frame, "details-idle-end", words.absolute(at))),
        None => facts.push(text(frame, "details-idle-end", words.say("details-never"))),
    }
    facts.push(when(frame, "details-end", words.absolute(end)));
    facts.push(text(frame, "details-kept", words.say(kept)));
    facts.push(code(frame, "details-id", session.id.to_string()));
    facts
}

fn activity(frame: &Frame, session: &Session, label: Option<&str>) -> Vec<Fact> {
    let words = frame.words;
    let mut facts = vec![
        text(frame, "details-sign-ins", words.number(session.sign_ins.into())),
        Fact {
            note: Some(words.say("details-actions-note")),
            ..text(frame, "details-actions", words.number(session.activity.actions))
        },
    ];
    if let Some(path) = session.activity.last_page.as_deref().map(inert) {
        let value = match label {
            Some(label) => Value::Page { label: inert(label).into_owned(), path: path.into_owned() },
            None => Value::Code(path.into_owned()),
        };
        facts.push(Fact { name: frame.say("details-last-page"), value, note: None });
    }
    facts
}

fn text(frame: &Frame, key: &str, text: String) -> Fact {
    Fact { name: frame.say(key), value: Value::Text(text), note: None }
}

fn code(frame: &Frame, key: &str, code: String) -> Fact {
    Fact { name: frame.say(key), value: Value::Code(code), note: None }
}

fn when(frame: &Frame, key: &str, when: When) -> Fact {
    Fact { name: frame.say(key), value: Value::When(when), note: None }
}
