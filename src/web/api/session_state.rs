//! `/session-state`: what an app's open page asks of the session that it was opened with.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::{Error, Json, WebRequest};
use crate::{
    clock::Timestamp,
    gate::Principal,
    session::TimeLimit,
    web::{end_note, pages::sign_in::end_note_text, paths, problem::Problem},
};

/// Time between the warning and the end of a session.
const WARN_BEFORE: Duration = Duration::from_mins(2);

/// Whether a session is alive, and until when. In `texts` stands what the page can say, in the visitor's language.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionState {
    /// `active` or `signed_out`.
    state: &'static str,
    /// The id of the session, `sess_…`; null when signed out.
    session: Option<String>,
    /// The id of its user, `usr_…`; null when signed out.
    user: Option<String>,
    /// When the session ends if nobody uses it; null when signed out.
    signs_out_at: Option<String>,
    /// The same in seconds from now.
    seconds_left: Option<u64>,
    /// So many seconds before that moment a page should warn: 120, or a quarter of a shorter idle time.
    warn_seconds: u64,
    /// Whether using the session moves that moment.
    extendable: bool,
    /// Where to sign in again, in a tab of its own.
    sign_in_url: String,
    texts: StateTexts,
}

/// What a page says of a session, in the visitor's language.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StateTexts {
    /// What there is to say now: why one was signed out, or that one soon will be.
    message: String,
    /// On the button that signs in.
    sign_in: String,
    /// On the button that keeps the session alive.
    stay: String,
    /// On the button that puts the message away.
    dismiss: String,
}

/// Whether the session that a page was opened with is alive, and until when. Not a use of the session.
#[utoipa::path(get, path = "/session-state",
    responses((status = 200, body = SessionState, description = "The state, of nobody's session too")))]
pub(super) async fn session_state(request: WebRequest) -> Result<Json<SessionState>, Error> {
    if let Some(me) = request.principal() {
        return Ok(Json(active_state(&request, me, me.session().last_seen)));
    }
    let localizer = request.localizer();
    let ended = end_note::find(&request).await?;
    let now = request.state().clock.now();
    let why = ended.map(|ended| end_note_text(localizer, &ended, &request.state().sessions.policy(), now).text());
    Ok(Json(SessionState {
        state: "signed_out",
        session: None,
        user: None,
        signs_out_at: None,
        seconds_left: None,
        warn_seconds: WARN_BEFORE.as_secs(),
        extendable: false,
        sign_in_url: sign_in_url(),
        texts: state_texts(&request, why.unwrap_or_else(|| localizer.text("watch-signed-out"))),
    }))
}

/// Uses the session that a page was opened with, so that it does not end from being idle.
#[utoipa::path(post, path = "/session-state/stay",
    responses((status = 200, body = SessionState, description = "The state after it"), (status = 401, body = Problem)))]
pub(super) async fn stay(request: WebRequest) -> Result<Json<SessionState>, Error> {
    // The request itself has counted as a use.
    Ok(Json(active_state(&request, request.require_principal()?, request.state().clock.now())))
}

fn active_state(request: &WebRequest, me: &Principal, latest: Timestamp) -> SessionState {
    let state = request.state();
    let policy = state.sessions.policy();
    let end = policy.next_expiry(me.session().terms, latest);
    let extendable = policy.absolute_expiry(me.session().terms) > end;
    let warning = match policy.idle_timeout_of(me.session().terms.kind) {
        TimeLimit::After(idle) if extendable => WARN_BEFORE.min(idle / 4),
        TimeLimit::After(_) | TimeLimit::Never => WARN_BEFORE,
    };
    SessionState {
        state: "active",
        session: Some(me.session().id.to_string()),
        user: Some(me.subject.id.to_string()),
        signs_out_at: Some(end.rfc3339()),
        seconds_left: Some(end.since(state.clock.now()).as_secs()),
        warn_seconds: warning.as_secs(),
        extendable,
        sign_in_url: sign_in_url(),
        texts: state_texts(request, request.localizer().text(if extendable { "watch-idle" } else { "watch-expires" })),
    }
}

fn state_texts(request: &WebRequest, message: String) -> StateTexts {
    let text = |key| request.localizer().text(key);
    StateTexts { message, sign_in: text("watch-sign-in"), stay: text("watch-stay"), dismiss: text("watch-dismiss") }
}

fn sign_in_url() -> String {
    format!("{}?rd={}", paths::SIGN_IN, paths::SIGNED_IN.replace('/', "%2F"))
}
