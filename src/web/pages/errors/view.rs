//! What is said when a page cannot be shown: what happened, and what to do now.

use askama::Template;

use crate::{
    clock::Timestamp,
    gate::InvalidPath,
    web::{
        i18n::RichText,
        paths,
        theme::{Icon, Layout},
    },
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "pages/errors/error.html")]
pub struct ErrorPage {
    layout: Layout,
    title: String,
    lead: RichText,
    primary_action: Option<ErrorAction>,
    secondary_action: Option<ErrorAction>,
    request_id: String,
}

#[derive(Debug)]
struct ErrorAction {
    href: String,
    text: String,
}

/// What went wrong. Which status that is, is known elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorPageKind {
    /// The request made no sense (400).
    BadRequest,
    /// The path could be read in two ways, or in none (400).
    BadPath(InvalidPath),
    /// The visitor may not see this (403).
    NotAllowed,
    /// The request came from another site (403).
    CrossSite,
    /// There is no such page (404).
    NotFound,
    /// The page does not take that (405).
    MethodNotAllowed,
    /// The form was too large (413).
    BodyTooLarge,
    /// This host is not ours; the right address (421).
    WrongHost(String),
    /// Too many requests or attempts (429).
    TooManyAttempts {
        /// When one may try again.
        until: Timestamp,
    },
    /// Our own fault (500).
    Internal,
    /// The app cannot be reached (502).
    AppUnreachable,
    /// The store does not answer (503).
    StoreUnavailable {
        /// Whether the visitor showed a session, which nobody can look at now.
        has_session: bool,
    },
    /// An end could not be written yet (503).
    EndNotConfirmed,
    /// Too much to do at once (503).
    Overloaded,
    /// The app did not answer in time (504).
    AppTimeout,
}

impl ErrorPage {
    /// The page. `request_id` finds the request in the log.
    #[must_use]
    pub fn new(layout: Layout, kind: &ErrorPageKind, request_id: &str, now: Timestamp) -> Self {
        let (title, lead) = title_and_lead(&layout, kind, now);
        let way_out = match kind {
            ErrorPageKind::WrongHost(right) => Some(ErrorAction { href: right.clone(), text: right.clone() }),
            ErrorPageKind::StoreUnavailable { .. }
            | ErrorPageKind::EndNotConfirmed
            | ErrorPageKind::AppUnreachable
            | ErrorPageKind::AppTimeout
            | ErrorPageKind::Overloaded => Some(ErrorAction { href: String::new(), text: layout.text("error-again") }),
            _ => Some(ErrorAction { href: layout.home_url.clone(), text: layout.text_with_app("back-to-app") }),
        };
        // Where the whole app is for others, the way to it leads here again.
        let may_sign_out = matches!(kind, ErrorPageKind::NotAllowed);
        let other_way =
            may_sign_out.then(|| ErrorAction { href: paths::SIGN_OUT.to_owned(), text: layout.text("sign-out") });
        Self {
            title,
            lead,
            primary_action: way_out,
            secondary_action: other_way,
            request_id: request_id.to_owned(),
            layout,
        }
    }

    fn request_label(&self) -> String {
        self.layout.text("error-request")
    }
}

fn title_and_lead(layout: &Layout, kind: &ErrorPageKind, now: Timestamp) -> (String, RichText) {
    let localizer = layout.localizer;
    let (title, lead) = match kind {
        ErrorPageKind::BadRequest => (localizer.text("error-bad-request"), localizer.text("error-bad-request-lead")),
        ErrorPageKind::BadPath(why) => (localizer.text("error-bad-path"), bad_path_lead(layout, *why)),
        ErrorPageKind::NotAllowed => (localizer.text("error-not-allowed"), localizer.text("error-not-allowed-lead")),
        ErrorPageKind::CrossSite => (localizer.text("error-cross-site"), localizer.text("error-cross-site-lead")),
        ErrorPageKind::NotFound => (localizer.text("error-not-found"), localizer.text("error-not-found-lead")),
        ErrorPageKind::MethodNotAllowed => {
            (localizer.text("error-wrong-method"), localizer.text("error-wrong-method-lead"))
        }
        ErrorPageKind::BodyTooLarge => (localizer.text("error-too-large"), localizer.text("error-too-large-lead")),
        ErrorPageKind::WrongHost(_) => {
            (localizer.text("error-wrong-host"), layout.text_with_app("error-wrong-host-lead"))
        }
        ErrorPageKind::TooManyAttempts { until } => {
            let left = localizer.duration(until.since(now));
            let lead =
                localizer.text_with_time("try-again", "time", localizer.time_of_day(*until), &[("span", left.into())]);
            return (localizer.text("error-too-many"), lead);
        }
        ErrorPageKind::Internal => (localizer.text("error-internal"), localizer.text("error-internal-lead")),
        ErrorPageKind::AppUnreachable => (layout.text_with_app("error-app-away"), app_lead(layout)),
        ErrorPageKind::StoreUnavailable { has_session: true } => {
            (localizer.text("error-store-away"), localizer.text("error-store-away-lead-signed-in"))
        }
        ErrorPageKind::StoreUnavailable { has_session: false } => {
            (localizer.text("error-store-away-nobody"), localizer.text("error-store-away-lead"))
        }
        ErrorPageKind::EndNotConfirmed => {
            (localizer.text("error-end-not-confirmed"), localizer.text("error-end-not-confirmed-lead"))
        }
        ErrorPageKind::Overloaded => (localizer.text("error-overloaded"), localizer.text("error-overloaded-lead")),
        ErrorPageKind::AppTimeout => (layout.text_with_app("error-app-slow"), app_lead(layout)),
    };
    (title, lead.into())
}

/// Which character is at fault, and what an operator could do about it.
fn bad_path_lead(layout: &Layout, why: InvalidPath) -> String {
    let localizer = layout.localizer;
    let lead = match why.character() {
        Some(character) => {
            let spelling = character.spelling();
            let character = localizer.text_with("error-character", &[("character", character.label().into())]);
            let args = [("character", character.as_str().into()), ("spelling", spelling.as_str().into())];
            localizer.text_with("error-bad-path-character", &args)
        }
        None => localizer.text(match why {
            InvalidPath::TooLong | InvalidPath::TooManyReadings => "error-bad-path-too-long",
            InvalidPath::DotSegment | InvalidPath::AboveRoot => "error-bad-path-dots",
            _ => "error-bad-path-broken",
        }),
    };
    match why.key() {
        Some(key) => format!("{lead} {}", localizer.text_with("error-bad-path-key", &[("key", key.into())])),
        None => lead,
    }
}

/// Whoever is signed in is told that they still are.
fn app_lead(layout: &Layout) -> String {
    layout.text(if layout.user.is_some() { "error-app-lead-signed-in" } else { "error-app-lead" })
}
