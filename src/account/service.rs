//! Use cases of accounts. Each that takes a right away ends the sessions that had it.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;

use super::{
    Account, AccountChange, AccountStore, AddResult, ChangeOutcome, DisplayName, Email, Hasher, HasherBusy,
    NewPassword, PasswordPolicy, Role, UserName, Weakness, unicode::is_confusable,
};
use crate::{
    audit::{Actor, AuditEvent, AuditLog, Reason},
    clock::{Clock, Timestamp},
    guard::Throttle,
    id::UserId,
    secret::{Password, Token},
    session::{Admin, Session, SessionService},
    store_error::StoreError,
};

/// How long a one-time link is good.
pub const LINK_LIFETIME: Duration = Duration::from_hours(24);

/// Why something was not done with an account.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The name signs in somebody already.
    #[error("somebody has that name already")]
    NameTaken,
    /// The address signs in somebody already.
    #[error("somebody has that e-mail address already")]
    EmailTaken,
    /// The name or address may be mistaken for this one.
    #[error("it may be mistaken for {0:?}, which somebody has already; choose one that looks different")]
    Confusable(String),
    /// There is no such account.
    #[error("there is no such user")]
    NoSuchUser,
    /// The link is used up, too old, or never was one.
    #[error("the link is not good any more")]
    InvalidLink,
    /// The new password breaks these rules.
    #[error("the new password breaks the rules")]
    WeakPassword(Vec<Weakness>),
    /// The current password was wrong.
    #[error("the current password is wrong")]
    WrongPassword,
    /// Too many passwords were wrong.
    #[error("too many passwords were wrong")]
    TooManyAttempts {
        /// When the next one is looked at.
        until: Timestamp,
    },
    /// Too many passwords are waiting.
    #[error(transparent)]
    Busy(#[from] HasherBusy),
    /// The store is away.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An account that is about to be added.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Name to sign in with.
    pub name: UserName,
    /// Signs in too.
    pub email: Option<Email>,
    /// How they are shown.
    pub display_name: Option<DisplayName>,
    /// Their roles.
    pub roles: Vec<Role>,
}

/// The use cases of accounts.
#[derive(Clone)]
pub struct AccountService(pub(super) AccountServiceParts);

/// Parts of the use cases of accounts.
#[derive(Clone)]
pub struct AccountServiceParts {
    /// Store of the accounts.
    pub store: Arc<dyn AccountStore>,
    /// Sessions, for their throttle counters.
    pub sessions: SessionService,
    /// Audit log.
    pub audit_log: AuditLog,
    /// Hasher of passwords.
    pub hasher: Hasher,
    /// Throttle of tries.
    pub throttle: Throttle,
    /// The rules for new passwords.
    pub policy: Arc<ArcSwap<PasswordPolicy>>,
    /// Clock.
    pub clock: Clock,
}

impl AccountService {
    /// The use cases over these parts.
    #[must_use]
    pub const fn new(parts: AccountServiceParts) -> Self {
        Self(parts)
    }

    /// Adds an account. It has no password yet.
    ///
    /// # Errors
    /// When its name or address is taken or may be mistaken for another's, or the store is away.
    pub async fn add(&self, new: NewUser, by: Actor) -> Result<Account, AccountError> {
        check_distinct(&new, &self.0.store.list().await?)?;
        let account = Account {
            id: UserId::mint(),
            name: new.name,
            display_name: new.display_name.map(|name| name.to_string()),
            email: new.email,
            roles: sort_roles(new.roles),
            disabled: false,
            created: self.0.clock.now(),
            password_set: None,
            version: 1,
        };
        let context = self.0.audit_log.context(by, None);
        match self.0.audit_log.publish(self.0.store.add(&account, &context).await)? {
            AddResult::Added => Ok(account),
            AddResult::NameTaken => Err(AccountError::NameTaken),
            AddResult::EmailTaken => Err(AccountError::EmailTaken),
        }
    }

    /// The account that signs in with this name or address, however it is written.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn by_login(&self, login: &str) -> Result<Option<Account>, StoreError> {
        self.0.store.by_login(login).await
    }

    /// One account.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn get(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        self.0.store.get(id).await
    }

    /// All accounts, by name.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn list(&self) -> Result<Vec<Account>, StoreError> {
        self.0.store.list().await
    }

    /// Disables an account: it loses everything at once. Tells the sessions that ended.
    ///
    /// # Errors
    /// When there is no such account, or the store is away.
    pub async fn disable(&self, id: UserId, by: &Admin, reason: &Reason) -> Result<Vec<Session>, AccountError> {
        Ok(self.change(id, AccountChange::Disable { reason: Some(reason.to_string()) }, by).await?.ended)
    }

    /// Lets a disabled account sign in again.
    ///
    /// # Errors
    /// When there is no such account, or the store is away.
    pub async fn enable(&self, id: UserId, by: &Admin, reason: &Reason) -> Result<Account, AccountError> {
        Ok(self.change(id, AccountChange::Enable { reason: Some(reason.to_string()) }, by).await?.account)
    }

    /// Opens an account that too many tries have closed.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn unlock(&self, account: &Account, by: &Admin, reason: &Reason) -> Result<(), StoreError> {
        let event = AuditEvent::UserUnlocked { reason: Some(reason.to_string()) };
        self.0.audit_log.record(Some(account.id), by.actor(), None, event).await?;
        self.reset_attempts(account).await
    }

    /// Gives an account these roles and no others; they count from the next request on.
    ///
    /// # Errors
    /// When there is no such account, or the store is away.
    pub async fn set_roles(&self, id: UserId, roles: Vec<Role>, by: &Admin) -> Result<Account, AccountError> {
        Ok(self.change(id, AccountChange::SetRoles(sort_roles(roles)), by).await?.account)
    }

    /// Removes an account and ends its sessions.
    ///
    /// # Errors
    /// When there is no such account, or the store is away.
    pub async fn remove(&self, id: UserId, by: &Admin) -> Result<Vec<Session>, AccountError> {
        Ok(self.change(id, AccountChange::Remove, by).await?.ended)
    }

    /// Makes a one-time link that sets the password; earlier ones die.
    ///
    /// # Errors
    /// When there is no such account, or the store is away.
    pub async fn create_link(&self, id: UserId, by: Actor) -> Result<(Token, Timestamp), AccountError> {
        let link = Token::mint();
        let context = self.0.audit_log.context(by, None);
        let expires = context.at.plus(LINK_LIFETIME);
        let kept = self.0.store.put_link(id, link.digest(), expires, &context).await;
        if self.0.audit_log.publish(kept)? { Ok((link, expires)) } else { Err(AccountError::NoSuchUser) }
    }

    /// The account of this link, while it is good.
    ///
    /// # Errors
    /// When it is not good any more, or the store is away.
    pub async fn link_owner(&self, link: &Token) -> Result<Account, AccountError> {
        let id = self.0.store.link_user(link.digest(), self.0.clock.now()).await?.ok_or(AccountError::InvalidLink)?;
        self.0.store.get(id).await?.ok_or(AccountError::InvalidLink)
    }

    /// Whether `typed` may become the password of `account`.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn check_password(&self, account: &Account, typed: Password) -> Result<NewPassword, AccountError> {
        self.check_policy(typed, &account.name, account.email.as_ref(), account.display_name.as_deref())
    }

    /// Whether `typed` may become the password of an account that is about to be added.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn check_new_user_password(&self, new: &NewUser, typed: Password) -> Result<NewPassword, AccountError> {
        self.check_policy(typed, &new.name, new.email.as_ref(), new.display_name.as_ref().map(DisplayName::as_str))
    }

    /// The rules for new passwords, as of now.
    #[must_use]
    pub fn password_policy(&self) -> PasswordPolicy {
        **self.0.policy.load()
    }

    fn check_policy(
        &self,
        typed: Password,
        name: &UserName,
        email: Option<&Email>,
        shown: Option<&str>,
    ) -> Result<NewPassword, AccountError> {
        let known: Vec<&str> = [Some(name.as_str()), email.map(Email::as_str), shown].into_iter().flatten().collect();
        self.0.policy.load().check(typed, &known).map_err(AccountError::WeakPassword)
    }

    async fn change(&self, id: UserId, change: AccountChange, by: &Admin) -> Result<ChangeOutcome, AccountError> {
        let context = self.0.audit_log.context(by.actor(), None);
        let changed = self.0.store.change(id, &change, &context).await;
        self.0.audit_log.publish(changed)?.ok_or(AccountError::NoSuchUser)
    }

    /// The tries that were made on an account are forgotten, under whichever name, from whichever device and in whichever session.
    pub(super) async fn reset_attempts(&self, account: &Account) -> Result<(), StoreError> {
        let logins: Vec<String> =
            std::iter::once(account.name.folded()).chain(account.email.as_ref().map(Email::folded)).collect();
        let devices = self.0.store.device_ids(account.id).await?;
        let sessions: Vec<_> = self.0.sessions.list(account.id, None).await?.iter().map(|session| session.id).collect();
        self.0.throttle.reset(account.id, &logins, &devices, &sessions).await
    }
}

/// Whether nobody can take a new name or address for one of these accounts'.
pub(super) fn check_distinct(new: &NewUser, others: &[Account]) -> Result<(), AccountError> {
    let (name, email) = (&new.name, new.email.as_ref());
    for other in others {
        if other.name.folded() == name.folded() {
            return Err(AccountError::NameTaken);
        }
        if is_confusable(name.as_str(), other.name.as_str()) {
            return Err(AccountError::Confusable(other.name.to_string()));
        }
        let (Some(email), Some(its)) = (email, &other.email) else { continue };
        if email.folded() == its.folded() {
            return Err(AccountError::EmailTaken);
        }
        if is_confusable(email.as_str(), its.as_str()) {
            return Err(AccountError::Confusable(its.to_string()));
        }
    }
    Ok(())
}

fn sort_roles(mut roles: Vec<Role>) -> Vec<Role> {
    roles.sort();
    roles.dedup();
    roles
}
