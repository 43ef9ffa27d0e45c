//! Changing the password: what the page and the API share.

use super::{AfterChange, Answer, Call, Error};
use crate::{
    account::{PasswordChange, PasswordChanged},
    secret::{Password, Token},
    session::SessionToken,
};

/// A change that was asked for.
pub(super) struct Change {
    /// The password of now, as typed.
    pub(super) current: Password,
    /// The password from now on, as typed.
    pub(super) new: Password,
    /// The box was ticked.
    pub(super) end_others: bool,
    /// The secret of the session from now on.
    pub(super) secret: Token,
}

/// A change that was made.
pub(super) struct Changed {
    /// Other sessions that ended with it.
    pub(super) ended: usize,
    token: Option<SessionToken>,
    kept: bool,
}

impl Changed {
    /// Gives the session's new secret to the browser.
    pub(super) fn hand_over(&self, call: &Call, answer: Answer) -> Answer {
        match &self.token {
            Some(token) => answer.with_session(&call.desk().cookies, token, self.kept),
            None => answer,
        }
    }
}

/// Changes the password.
///
/// # Errors
/// When somebody must sign in, tried too often, was wrong, or chose a password that breaks the rules.
pub(super) async fn change_password(call: &Call, change: Change) -> Result<Changed, Error> {
    let me = call.me()?;
    let accounts = &call.desk().accounts;
    let account = accounts.get(me.owner.id).await?.ok_or(Error::SignInRequired)?;
    let end_others = match call.house().after_change {
        AfterChange::Ask => change.end_others,
        AfterChange::Keep => false,
        AfterChange::EndOthers => true,
    };
    let asked = PasswordChange {
        current: change.current,
        new: change.new,
        end_others,
        session: me.session,
        shown: me.shown,
        device: call.device(),
        secret: change.secret,
    };
    let PasswordChanged { ended, token } = accounts.change_password(&account, asked, &call.visitor()).await?;
    Ok(Changed { ended: ended.len(), token, kept: call.desk().sessions.policy().is_kept(me.terms) })
}
