//! Changing the password: what the page and the API share.

use std::time::Duration;

use super::{AfterChange, Answer, Call, Error};
use crate::{
    account::{Problem, Weakness},
    guard::{Target, Verdict},
    secret::Password,
    session::{Kind, SessionToken},
};

/// How long a session's old secret lives on beside the new one, for requests that are under way.
const GRACE: Duration = Duration::from_secs(10);

/// A change that was asked for.
pub(super) struct Change {
    /// The password of now, as typed.
    pub(super) current: Password,
    /// The password from now on, as typed.
    pub(super) new: Password,
    /// The box was ticked.
    pub(super) end_others: bool,
}

/// A change that was made.
pub(super) struct Changed {
    /// Other sessions that ended with it.
    pub(super) ended: usize,
    token: Option<SessionToken>,
    keeps_the_window: bool,
}

impl Changed {
    /// Gives the session's new secret to the browser.
    pub(super) fn hand_over(&self, call: &Call, answer: Answer) -> Answer {
        match &self.token {
            Some(token) => answer.with_session(&call.desk().cookies, token, self.keeps_the_window),
            None => answer,
        }
    }
}

/// Changes the password. A wrong current one counts as a try to sign in does.
///
/// # Errors
/// When somebody must sign in, tried too often, was wrong, or chose a password that breaks the rules.
pub(super) async fn change_password(call: &Call, change: Change) -> Result<Changed, Error> {
    let me = call.me()?;
    let desk = call.desk();
    let visitor = call.visitor();
    let account = desk.accounts.get(me.owner.id).await?.ok_or(Error::SignInRequired)?;
    if change.current.expose() == change.new.expose() {
        return Err(Error::PasswordPolicy(vec![Weakness::SameAsBefore]));
    }
    desk.accounts.acceptable(&account, change.new.clone())?;
    let target = Target::User(account.id);
    let counted = match desk.throttle.attempt(target, visitor.ip).await? {
        Verdict::Allowed(counted) => counted,
        Verdict::Refused { until } => return Err(Error::TooMany { until }),
    };
    match desk.accounts.change_password(&account, change.current, change.new, &visitor).await {
        Ok(()) => desk.throttle.succeeded(target, visitor.ip).await?,
        Err(Problem::WrongPassword) => {
            desk.throttle.failed(counted);
            return Err(Error::WrongPassword);
        }
        Err(other) => {
            desk.throttle.take_back(target, visitor.ip).await?;
            return Err(other.into());
        }
    }
    let ends_others = match call.house().after_change {
        AfterChange::Ask => change.end_others,
        AfterChange::Keep => false,
        AfterChange::EndOthers => true,
    };
    let ended = if ends_others {
        desk.accounts.end_others_after_change(account.id, me.session, &visitor).await?.len()
    } else {
        0
    };
    let token = desk.sessions.renew(me.session, me.shown, desk.clock.now().plus(GRACE)).await?;
    let keeps_the_window = me.terms.remembered || me.terms.kind == Kind::App;
    Ok(Changed { ended, token, keeps_the_window })
}
