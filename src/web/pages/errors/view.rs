//! What is said when a page cannot be shown: what happened, and what to do now.

use askama::Template;

use crate::{
    clock::Timestamp,
    gate::BadPath,
    web::{
        look::{Frame, Icon},
        paths,
        words::Sentence,
    },
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/errors/error.html")]
pub struct ErrorPage {
    frame: Frame,
    title: String,
    lead: Sentence,
    way_out: Option<WayOut>,
    other_way: Option<WayOut>,
    request_id: String,
}

#[derive(Debug)]
struct WayOut {
    href: String,
    text: String,
}

/// What went wrong. Which status that is, is known elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The request made no sense (400).
    BadRequest,
    /// The path could be read in two ways, or in none (400).
    BadPath(BadPath),
    /// The visitor may not see this (403).
    NotAllowed,
    /// The request came from another site (403).
    CrossSite,
    /// There is no such page (404).
    NotFound,
    /// The page does not take that (405).
    WrongMethod,
    /// The form was too large (413).
    TooLarge,
    /// This host is not ours; the right address (421).
    WrongHost(String),
    /// Too many requests or attempts (429).
    TooMany {
        /// When one may try again.
        until: Timestamp,
    },
    /// Our own fault (500).
    Internal,
    /// The app cannot be reached (502).
    AppAway,
    /// The store does not answer (503).
    StoreAway {
        /// Whether the visitor showed a session, which nobody can look at now.
        session_shown: bool,
    },
    /// An end could not be written yet (503).
    EndNotConfirmed,
    /// Too much to do at once (503).
    Overloaded,
    /// The app did not answer in time (504).
    AppSlow,
}

impl ErrorPage {
    /// The page. `request_id` finds the request in the log.
    #[must_use]
    pub fn new(frame: Frame, trouble: &Trouble, request_id: &str, now: Timestamp) -> Self {
        let (title, lead) = say(&frame, trouble, now);
        let way_out = match trouble {
            Trouble::WrongHost(right) => Some(WayOut { href: right.clone(), text: right.clone() }),
            Trouble::StoreAway { .. }
            | Trouble::EndNotConfirmed
            | Trouble::AppAway
            | Trouble::AppSlow
            | Trouble::Overloaded => Some(WayOut { href: String::new(), text: frame.say("error-again") }),
            _ => Some(WayOut { href: frame.home_url.clone(), text: frame.say_app("back-to-app") }),
        };
        // Where the whole app is for others, the way to it leads here again.
        let may_sign_out = matches!(trouble, Trouble::NotAllowed);
        let other_way = may_sign_out.then(|| WayOut { href: paths::SIGN_OUT.to_owned(), text: frame.say("sign-out") });
        Self { title, lead, way_out, other_way, request_id: request_id.to_owned(), frame }
    }

    fn request(&self) -> String {
        self.frame.say("error-request")
    }
}

fn say(frame: &Frame, trouble: &Trouble, now: Timestamp) -> (String, Sentence) {
    let words = frame.words;
    let (title, lead) = match trouble {
        Trouble::BadRequest => (words.say("error-bad-request"), words.say("error-bad-request-lead")),
        Trouble::BadPath(why) => (words.say("error-bad-path"), bad_path_lead(frame, *why)),
        Trouble::NotAllowed => (words.say("error-not-allowed"), words.say("error-not-allowed-lead")),
        Trouble::CrossSite => (words.say("error-cross-site"), words.say("error-cross-site-lead")),
        Trouble::NotFound => (words.say("error-not-found"), words.say("error-not-found-lead")),
        Trouble::WrongMethod => (words.say("error-wrong-method"), words.say("error-wrong-method-lead")),
        Trouble::TooLarge => (words.say("error-too-large"), words.say("error-too-large-lead")),
        Trouble::WrongHost(_) => (words.say("error-wrong-host"), frame.say_app("error-wrong-host-lead")),
        Trouble::TooMany { until } => {
            let left = words.span(until.since(now));
            let lead = words.sentence("try-again", "time", words.time_of_day(*until), &[("span", left.into())]);
            return (words.say("error-too-many"), lead);
        }
        Trouble::Internal => (words.say("error-internal"), words.say("error-internal-lead")),
        Trouble::AppAway => (frame.say_app("error-app-away"), app_lead(frame)),
        Trouble::StoreAway { session_shown: true } => {
            (words.say("error-store-away"), words.say("error-store-away-lead-signed-in"))
        }
        Trouble::StoreAway { session_shown: false } => {
            (words.say("error-store-away-nobody"), words.say("error-store-away-lead"))
        }
        Trouble::EndNotConfirmed => (words.say("error-end-not-confirmed"), words.say("error-end-not-confirmed-lead")),
        Trouble::Overloaded => (words.say("error-overloaded"), words.say("error-overloaded-lead")),
        Trouble::AppSlow => (frame.say_app("error-app-slow"), app_lead(frame)),
    };
    (title, lead.into())
}

/// Which character is at fault, and what an operator could do about it.
fn bad_path_lead(frame: &Frame, why: BadPath) -> String {
    let words = frame.words;
    let lead = match why.character() {
        Some(character) => {
            let spelling = character.spelling();
            let character = words.say_with("error-character", &[("character", character.label().into())]);
            let args = [("character", character.as_str().into()), ("spelling", spelling.as_str().into())];
            words.say_with("error-bad-path-character", &args)
        }
        None => words.say(match why {
            BadPath::TooLong | BadPath::TooManyReadings => "error-bad-path-too-long",
            BadPath::DotSegment | BadPath::AboveRoot => "error-bad-path-dots",
            _ => "error-bad-path-broken",
        }),
    };
    match why.key() {
        Some(key) => format!("{lead} {}", words.say_with("error-bad-path-key", &[("key", key.into())])),
        None => lead,
    }
}

/// Whoever is signed in is told that they still are.
fn app_lead(frame: &Frame) -> String {
    frame.say(if frame.person.is_some() { "error-app-lead-signed-in" } else { "error-app-lead" })
}
