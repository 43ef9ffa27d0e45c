//! `POST /sign-in` and `POST /sign-out`

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Error, Json, WebRequest, WebResponse, resources::SessionResource};
use crate::{
    secret::Password,
    session::ClientKind,
    sign_in::SignInAttempt,
    web::{problem::Problem, sign_in, sign_out},
};

/// A name and a password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    /// A name or an e-mail address.
    username: String,
    /// The password.
    #[schema(value_type = String, format = Password)]
    password: Password,
    /// Keep me signed in on this device.
    #[serde(default)]
    remember_me: bool,
    /// What holds the session.
    #[serde(default)]
    client: Client,
}

/// What holds a session.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Client {
    /// A browser.
    #[default]
    Cookie,
    /// An installed app.
    App,
}

/// How far a sign-in has come.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SignInState {
    /// `complete`
    state: &'static str,
    /// The new session; its key is in the cookie.
    session: SessionResource,
}

/// Signs in. The session's key is in the cookie of the answer.
#[utoipa::path(post, path = "/sign-in", request_body = Credentials, responses(
    (status = 200, body = SignInState, description = "Signed in"),
    (status = 401, body = Problem, description = "invalid-credentials"),
    (status = 429, body = Problem, description = "too-many-attempts, with Retry-After; the same for unknown names"),
    (status = 503, body = Problem, description = "store-unavailable or overloaded, with Retry-After"),
))]
pub(super) async fn sign_in(request: WebRequest, Json(form): Json<Credentials>) -> Result<WebResponse, Error> {
    let attempt = SignInAttempt {
        login: form.username,
        password: form.password,
        remember: form.remember_me,
        kind: match form.client {
            Client::Cookie => ClientKind::Web,
            Client::App => ClientKind::App,
        },
        device: request.device_digest(),
        replaces: request.principal().map(|me| me.session().id),
        form: None,
    };
    let signed_in = sign_in::sign_in(&request, attempt).await?;
    let session = &signed_in.session;
    let policy = request.state().sessions.policy();
    let session = SessionResource::from_session(session, Some(session.id), &policy, &request.site_settings());
    let answer = WebResponse::json(&SignInState { state: "complete", session });
    Ok(request.sign_in_response(answer, &signed_in))
}

/// Signs out: ends the session that asks. Nobody signed in is signed out, too.
#[utoipa::path(post, path = "/sign-out", responses((status = 204, description = "Nobody is signed in any more"),
        (status = 503, body = Problem, description = "store-unavailable; or end-not-confirmed: the store takes no writes, so that the end holds in this process alone and is lost when it restarts")))]
pub(super) async fn sign_out(request: WebRequest) -> Result<WebResponse, Error> {
    sign_out::sign_out(&request).await?;
    Ok(request.sign_out_response(WebResponse::no_content()))
}
