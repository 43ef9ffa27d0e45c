//! `/session-state`: what an app's open page asks of the session that it was opened with.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, Error, Json};
use crate::{
    clock::Timestamp,
    gate::Principal,
    session::Span,
    web::{pages::sign_in::ended_sentence, paths, problem::Problem, why_ended},
};

/// Time between the warning and the end of a session.
const WARNING: Duration = Duration::from_mins(2);

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
pub(super) async fn session_state(call: Call) -> Result<Json<SessionState>, Error> {
    if let Some(me) = call.principal() {
        return Ok(Json(active(&call, me, me.latest)));
    }
    let words = call.words();
    let ended = why_ended::of(&call).await?;
    let now = call.desk().clock.now();
    let why = ended.map(|ended| ended_sentence(words, &ended, &call.desk().sessions.policy(), now).text());
    Ok(Json(SessionState {
        state: "signed_out",
        session: None,
        user: None,
        signs_out_at: None,
        seconds_left: None,
        warn_seconds: WARNING.as_secs(),
        extendable: false,
        sign_in_url: sign_in_url(),
        texts: texts(&call, why.unwrap_or_else(|| words.say("watch-signed-out"))),
    }))
}

/// Uses the session that a page was opened with, so that it does not end from being idle.
#[utoipa::path(post, path = "/session-state/stay",
    responses((status = 200, body = SessionState, description = "The state after it"), (status = 401, body = Problem)))]
pub(super) async fn stay(call: Call) -> Result<Json<SessionState>, Error> {
    // The request itself has counted as a use.
    Ok(Json(active(&call, call.me()?, call.desk().clock.now())))
}

fn active(call: &Call, me: &Principal, latest: Timestamp) -> SessionState {
    let desk = call.desk();
    let policy = desk.sessions.policy();
    let end = policy.signs_out_at(me.terms, latest);
    let extendable = policy.ends_at(me.terms) > end;
    let warning = match policy.idle_timeout_of(me.terms.kind) {
        Span::For(idle) if extendable => WARNING.min(idle / 4),
        Span::For(_) | Span::Never => WARNING,
    };
    SessionState {
        state: "active",
        session: Some(me.session.to_string()),
        user: Some(me.owner.id.to_string()),
        signs_out_at: Some(end.rfc3339()),
        seconds_left: Some(end.since(desk.clock.now()).as_secs()),
        warn_seconds: warning.as_secs(),
        extendable,
        sign_in_url: sign_in_url(),
        texts: texts(call, call.words().say(if extendable { "watch-idle" } else { "watch-expires" })),
    }
}

fn texts(call: &Call, message: String) -> StateTexts {
    let say = |key| call.words().say(key);
    StateTexts { message, sign_in: say("watch-sign-in"), stay: say("watch-stay"), dismiss: say("watch-dismiss") }
}

fn sign_in_url() -> String {
    format!("{}?rd={}", paths::SIGN_IN, paths::SIGNED_IN.replace('/', "%2F"))
}
