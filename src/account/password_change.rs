//! Setting and changing passwords. Each is one step of the store: the hash, the sessions that end, the one that is
//! renewed, the journal.

use std::time::Duration;

use super::{
    Account, AccountError, AccountService, ChangeOutcome, HashPriority, HasherBusy, NewPassword, PasswordHash,
    PasswordMatch, PasswordUpdate, Weakness,
};
use crate::{
    audit::{Actor, AuditContext, AuditEvent},
    guard::{ThrottleDecision, ThrottledAttempt},
    id::{SessionId, UserId},
    secret::{Digest, Password, Token},
    session::{SecretRenewal, Session, SessionToken},
    store_error::StoreError,
    visitor::Visitor,
};

/// How long a session's old secret lives on beside the new one, for requests that are under way.
const SECRET_GRACE: Duration = Duration::from_secs(10);

/// A change that somebody who is signed in asks for.
#[derive(Debug)]
pub struct PasswordChangeRequest {
    /// The password of now, as typed.
    pub current: Password,
    /// The password from now on, as typed.
    pub new: Password,
    /// The same, as a form has it typed once more. None: no form was filled in, and nothing is said of its fields.
    pub repeat: Option<Password>,
    /// Whether the other sessions end with it.
    pub end_others: bool,
    /// The session that asks: it stays, under a new secret.
    pub session: SessionId,
    /// The digest that it showed.
    pub presented_digest: Digest,
    /// Digest of the device cookie that came with it.
    pub device: Option<Digest>,
    /// The secret of the session from now on.
    pub secret: Token,
}

/// A change that was made.
#[derive(Debug)]
pub struct PasswordChangeOutcome {
    /// Other sessions that ended with it.
    pub ended: Vec<Session>,
    /// The new secret of the session that asked; none when it has been renewed meanwhile.
    pub token: Option<SessionToken>,
}

/// Fault of a form that asks for a new password. All of a form are found at once, and none of them is counted as an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordFault {
    /// The current password was left empty.
    CurrentMissing,
    /// The current password is another one, as [`AccountError::WrongPassword`] says: the one fault that is counted.
    CurrentWrong,
    /// The new password was left empty.
    NewMissing,
    /// The new password was not typed again.
    RepeatMissing,
    /// The two new ones differ.
    RepeatDiffers,
    /// The new one breaks a rule.
    Weak(Weakness),
}

/// Reason why a password was not set.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The form has these faults.
    #[error("the form for a new password has faults")]
    Faults(Vec<PasswordFault>),
    /// Any other reason.
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl From<StoreError> for PasswordError {
    fn from(error: StoreError) -> Self {
        Self::Account(error.into())
    }
}

impl From<HasherBusy> for PasswordError {
    fn from(error: HasherBusy) -> Self {
        Self::Account(error.into())
    }
}

/// One-time link that was good when it was looked up, and the account that it belongs to.
#[derive(Debug)]
pub struct PasswordLink {
    token: Token,
    account: Account,
}

impl PasswordLink {
    /// Account whose password it sets.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }
}

impl AccountService {
    /// Looks a one-time link up. It is not used up.
    ///
    /// # Errors
    /// When it is not good any more, or the store is away.
    pub async fn open_link(&self, token: Token) -> Result<PasswordLink, AccountError> {
        let account = self.link_owner(&token).await?;
        Ok(PasswordLink { token, account })
    }

    /// Uses a one-time link up to set the password, and ends the sessions that the old one opened. Whoever holds the link
    /// is whom the account belongs to: it is open again if too many tries had closed it.
    ///
    /// # Errors
    /// When the form has faults, the link is not good any more, or the store is away.
    pub async fn redeem_link(
        &self,
        link: PasswordLink,
        new: Password,
        repeat: &Password,
        from: &Visitor,
    ) -> Result<Account, PasswordError> {
        let PasswordLink { token, account } = link;
        let new = self.check_typed_twice(&account, new, repeat)?;
        let hash = self.hash(new).await?;
        self.reset_attempts(&account).await?;
        let context = self.0.audit_log.context(Actor::Visitor, Some(from));
        let set = self.0.store.redeem_link(token.digest(), &hash, &context).await;
        Ok(self.0.audit_log.publish(set)?.ok_or(AccountError::InvalidLink)?.account)
    }

    /// Sets a password without the old one, and ends the sessions that the old one opened: the operator's command line.
    ///
    /// # Errors
    /// When the password breaks the rules, there is no such account any more, or the store is away.
    pub async fn set_password(
        &self,
        account: &Account,
        typed: Password,
        by: Actor,
    ) -> Result<Vec<Session>, AccountError> {
        let new = PasswordUpdate::Set(self.hash(self.check_password(account, typed)?).await?);
        let set = self.update_password(account.id, &new, &self.0.audit_log.context(by, None)).await?;
        Ok(set.ok_or(AccountError::NoSuchUser)?.ended)
    }

    /// Changes the password for whoever knows the current one. Wrong ones close the session's own counter, and no stranger's
    /// do; they count for the account, too.
    ///
    /// # Errors
    /// When the form has faults, the new password breaks the rules, the current one is wrong, too many were, or the store is
    /// away.
    pub async fn change_password(
        &self,
        account: &Account,
        change: PasswordChangeRequest,
        from: &Visitor,
    ) -> Result<PasswordChangeOutcome, PasswordError> {
        let PasswordChangeRequest {
            current,
            new,
            repeat,
            end_others,
            session,
            presented_digest: shown,
            device: shown_device,
            secret,
        } = change;
        let new = match repeat {
            Some(repeat) => self.check_change_form(account, &current, new, &repeat)?,
            None if current.is_same(&new) => {
                return Err(AccountError::WeakPassword(vec![Weakness::Unchanged]).into());
            }
            None => self.check_password(account, new)?,
        };
        let permit = self.0.hasher.acquire(HashPriority::Known)?;
        let login = account.name.folded();
        let tried = ThrottledAttempt {
            login: &login,
            user: Some(account.id),
            device: None,
            session: Some(session),
            ip: from.ip,
        };
        let counted = match self.0.throttle.attempt(tried).await? {
            ThrottleDecision::Allow(counted) => counted,
            // Whoever is signed in may know that too many of their own were wrong.
            ThrottleDecision::Deny { until } | ThrottleDecision::DenySilently { until } => {
                return Err(AccountError::TooManyAttempts { until }.into());
            }
        };
        let known = self.0.store.password_hash(account.id).await?;
        let actor = Actor::User(account.id);
        if permit.check(current, known.as_ref()).await == PasswordMatch::Mismatch {
            self.0.throttle.record_failure(&counted);
            self.0.audit_log.record(Some(account.id), actor, Some(from), AuditEvent::PasswordChangeFailed).await?;
            return Err(AccountError::WrongPassword.into());
        }
        self.0.throttle.record_success(&counted).await?;
        let token = SessionToken::new(session, secret);
        let context = self.0.audit_log.context(actor, Some(from));
        let renewal = SecretRenewal {
            id: session,
            current: shown,
            new: token.digest(),
            grace_until: context.at.plus(SECRET_GRACE),
        };
        let new = PasswordUpdate::Changed {
            hash: permit.hash(new.into_inner()).await,
            expected: known,
            renewal,
            keep_device: shown_device,
            end_others,
        };
        // None: somebody else has changed it meanwhile, so that what was typed is not the password any more.
        let changed = self.update_password(account.id, &new, &context).await?.ok_or(AccountError::WrongPassword)?;
        Ok(PasswordChangeOutcome { ended: changed.ended, token: changed.renewed.then_some(token) })
    }

    async fn hash(&self, new: NewPassword) -> Result<PasswordHash, HasherBusy> {
        Ok(self.0.hasher.acquire(HashPriority::Known)?.hash(new.into_inner()).await)
    }

    /// Checks the form of a change, but for whether the current password is right.
    fn check_change_form(
        &self,
        account: &Account,
        current: &Password,
        new: Password,
        repeat: &Password,
    ) -> Result<NewPassword, PasswordError> {
        let fault = if current.expose().is_empty() {
            Some(PasswordFault::CurrentMissing)
        } else {
            current.is_same(&new).then_some(PasswordFault::Weak(Weakness::Unchanged))
        };
        match (self.check_typed_twice(account, new, repeat), fault) {
            (Ok(_), Some(fault)) => Err(PasswordError::Faults(vec![fault])),
            (Err(PasswordError::Faults(others)), Some(fault)) => {
                Err(PasswordError::Faults(std::iter::once(fault).chain(others).collect()))
            }
            (checked, _) => checked,
        }
    }

    /// Checks a new password that was typed twice: the rules, once, and that both are the same.
    fn check_typed_twice(
        &self,
        account: &Account,
        new: Password,
        repeat: &Password,
    ) -> Result<NewPassword, PasswordError> {
        if new.expose().is_empty() {
            return Err(PasswordError::Faults(vec![PasswordFault::NewMissing]));
        }
        let fault = if repeat.expose().is_empty() {
            Some(PasswordFault::RepeatMissing)
        } else {
            (!repeat.is_same(&new)).then_some(PasswordFault::RepeatDiffers)
        };
        match (self.check_password(account, new), fault) {
            (Ok(_), Some(fault)) => Err(PasswordError::Faults(vec![fault])),
            (Err(AccountError::WeakPassword(broken)), fault) => {
                Err(PasswordError::Faults(broken.into_iter().map(PasswordFault::Weak).chain(fault).collect()))
            }
            (checked, _) => Ok(checked?),
        }
    }

    async fn update_password(
        &self,
        id: UserId,
        new: &PasswordUpdate,
        context: &AuditContext,
    ) -> Result<Option<ChangeOutcome>, StoreError> {
        self.0.audit_log.publish(self.0.store.set_password(id, new, context).await)
    }
}
