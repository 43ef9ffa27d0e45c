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

/// What an error page says; [`crate::web::Error`] has the table from errors to these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// This host is not ours (421).
    WrongHost,
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
    StoreUnavailable,
    /// An end could not be written yet (503).
    EndNotConfirmed,
    /// Too much to do at once (503).
    Overloaded,
    /// The app did not answer in time (504).
    AppTimeout,
}

/// What an error page says of the request itself.
#[derive(Clone, Copy, Debug)]
pub struct ErrorContext<'r> {
    /// Id that finds the request in the log.
    pub request_id: &'r str,
    /// The right address, for a request that came to another one.
    pub origin: &'r str,
    /// Whether a session was presented, good or not: nobody can look at it while the store is away.
    pub has_session: bool,
}

impl ErrorPage {
    /// The page.
    #[must_use]
    pub fn new(layout: Layout, kind: ErrorPageKind, context: ErrorContext<'_>, now: Timestamp) -> Self {
        let (title, lead) = title_and_lead(&layout, kind, context.has_session, now);
        let way_out = match kind {
            ErrorPageKind::WrongHost => {
                Some(ErrorAction { href: context.origin.to_owned(), text: context.origin.to_owned() })
            }
            ErrorPageKind::StoreUnavailable
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
            request_id: context.request_id.to_owned(),
            layout,
        }
    }

    fn request_label(&self) -> String {
        self.layout.text("error-request")
    }
}

fn title_and_lead(layout: &Layout, kind: ErrorPageKind, has_session: bool, now: Timestamp) -> (String, RichText) {
    let localizer = layout.localizer;
    let (title, lead) = match kind {
        ErrorPageKind::BadRequest => (localizer.text("error-bad-request"), localizer.text("error-bad-request-lead")),
        ErrorPageKind::BadPath(why) => (localizer.text("error-bad-path"), bad_path_lead(layout, why)),
        ErrorPageKind::NotAllowed => (localizer.text("error-not-allowed"), localizer.text("error-not-allowed-lead")),
        ErrorPageKind::CrossSite => (localizer.text("error-cross-site"), localizer.text("error-cross-site-lead")),
        ErrorPageKind::NotFound => (localizer.text("error-not-found"), localizer.text("error-not-found-lead")),
        ErrorPageKind::MethodNotAllowed => {
            (localizer.text("error-wrong-method"), localizer.text("error-wrong-method-lead"))
        }
        ErrorPageKind::BodyTooLarge => (localizer.text("error-too-large"), localizer.text("error-too-large-lead")),
        ErrorPageKind::WrongHost => (localizer.text("error-wrong-host"), layout.text_with_app("error-wrong-host-lead")),
        ErrorPageKind::TooManyAttempts { until } => {
            let left = localizer.duration(until.since(now));
            let lead =
                localizer.text_with_time("try-again", "time", localizer.time_of_day(until), &[("span", left.into())]);
            return (localizer.text("error-too-many"), lead);
        }
        ErrorPageKind::Internal => (localizer.text("error-internal"), localizer.text("error-internal-lead")),
        ErrorPageKind::AppUnreachable => (layout.text_with_app("error-app-away"), app_lead(layout)),
        ErrorPageKind::StoreUnavailable if has_session => {
            (localizer.text("error-store-away"), localizer.text("error-store-away-lead-signed-in"))
        }
        ErrorPageKind::StoreUnavailable => {
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
