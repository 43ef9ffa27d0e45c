//! `PUT /password`

use serde::Deserialize;
use utoipa::ToSchema;

use super::{Error, Json, WebRequest, WebResponse};
use crate::{
    secret::{Password, Token},
    web::{
        change_password::{PasswordChangeInput, change_password},
        problem::Problem,
    },
};

/// The current password and a new one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordChange)]
pub(super) struct PasswordChangeBody {
    /// The password of now.
    #[schema(value_type = String, format = Password)]
    current_password: Password,
    /// The password from now on.
    #[schema(value_type = String, format = Password)]
    new_password: Password,
    /// Sign out everywhere else.
    #[serde(default)]
    end_other_sessions: bool,
}

/// Changes the password. The session keeps its id and gets a new secret in the cookie of the answer.
#[utoipa::path(put, path = "/password", request_body = PasswordChangeBody, responses(
    (status = 204, description = "It is changed"),
    (status = 401, body = Problem, description = "wrong-password, or sign-in-required: nobody is signed in"),
    (status = 422, body = Problem, description = "password-policy: the new password breaks rules; or invalid-request; see `errors`"),
    (status = 429, body = Problem, description = "too-many-attempts, with Retry-After"),
    (status = 503, body = Problem, description = "store-unavailable or overloaded, with Retry-After"),
))]
pub(super) async fn change(request: WebRequest, Json(form): Json<PasswordChangeBody>) -> Result<WebResponse, Error> {
    let PasswordChangeBody { current_password: current, new_password: new, end_other_sessions: end_others } = form;
    let changed = change_password(
        &request,
        PasswordChangeInput { current, new, repeat: None, end_others, secret: Token::mint() },
    )
    .await?;
    Ok(changed.set_session_cookie(&request, WebResponse::no_content()))
}
