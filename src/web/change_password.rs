//! Changing the password: what the page and the API share.

use super::{Error, OtherSessionsPolicy, WebRequest, WebResponse};
use crate::{
    account::{PasswordChangeOutcome, PasswordChangeRequest},
    secret::{Password, Token},
    session::SessionToken,
};

/// A change that was asked for.
pub(super) struct PasswordChangeInput {
    /// The password of now, as typed.
    pub(super) current: Password,
    /// The password from now on, as typed.
    pub(super) new: Password,
    /// The same, as a form has it typed once more.
    pub(super) repeat: Option<Password>,
    /// The box was ticked.
    pub(super) end_others: bool,
    /// The secret of the session from now on.
    pub(super) secret: Token,
}

/// A change that was made.
pub(super) struct PasswordChangeResult {
    /// Other sessions that ended with it.
    pub(super) ended_sessions: usize,
    token: Option<SessionToken>,
    remembered: bool,
}

impl PasswordChangeResult {
    /// Gives the session's new secret to the browser.
    pub(super) fn set_session_cookie(&self, request: &WebRequest, answer: WebResponse) -> WebResponse {
        match &self.token {
            Some(token) => answer.with_session(&request.state().cookies, token, self.remembered),
            None => answer,
        }
    }
}

/// Changes the password.
///
/// # Errors
/// When somebody must sign in, tried too often, was wrong, or sent a form with faults.
pub(super) async fn change_password(
    request: &WebRequest,
    input: PasswordChangeInput,
) -> Result<PasswordChangeResult, Error> {
    let me = request.require_principal()?;
    let accounts = &request.state().accounts;
    let account = accounts.get(me.subject.id).await?.ok_or(Error::SignInRequired)?;
    let end_others = match request.site_settings().other_sessions {
        OtherSessionsPolicy::Ask => input.end_others,
        OtherSessionsPolicy::Keep => false,
        OtherSessionsPolicy::EndOthers => true,
    };
    let asked = PasswordChangeRequest {
        current: input.current,
        new: input.new,
        repeat: input.repeat,
        end_others,
        session: me.session().id,
        presented_digest: me.session().presented_digest,
        device: request.device_digest(),
        secret: input.secret,
    };
    let PasswordChangeOutcome { ended, token } = accounts.change_password(&account, asked, &request.visitor()).await?;
    Ok(PasswordChangeResult {
        ended_sessions: ended.len(),
        token,
        remembered: request.state().sessions.policy().is_persistent(me.session().terms),
    })
}
