//! What can be done with accounts. Each deed that takes a right away ends the sessions that had it.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;

use super::{
    Account, AccountStore, Added, Busy, Change, Email, Hasher, NewPassword, PasswordPolicy, Role, UserName, Verdict,
    Weakness, fold,
};
use crate::{
    audit::{Actor, Fact, Journal},
    clock::{Clock, Timestamp},
    id::{SessionId, UserId},
    outage::StoreError,
    secret::{Password, Token},
    session::{EndedBy, Ending, Owner, Session, Sessions, Which},
    visitor::Visitor,
};

/// How long a one-time link is good.
pub const LINK_LIFETIME: Duration = Duration::from_hours(24);

/// Why something was not done with an account.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The name signs in somebody already.
    #[error("somebody has that name already")]
    NameTaken,
    /// The address signs in somebody already.
    #[error("somebody has that e-mail address already")]
    EmailTaken,
    /// There is no such account.
    #[error("there is no such user")]
    NoSuchUser,
    /// The link is used up, too old, or never was one.
    #[error("the link is not good any more")]
    DeadLink,
    /// The new password breaks these rules.
    #[error("the new password breaks the rules")]
    Weak(Vec<Weakness>),
    /// The current password was wrong.
    #[error("the current password is wrong")]
    WrongPassword,
    /// Too many passwords are waiting.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The store is away.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An account that is about to be added.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// What they sign in with.
    pub name: UserName,
    /// Signs in too.
    pub email: Option<Email>,
    /// How they are shown.
    pub display_name: Option<String>,
    /// What they may do.
    pub roles: Vec<Role>,
}

/// The use cases of accounts.
#[derive(Clone)]
pub struct Accounts {
    store: Arc<dyn AccountStore>,
    sessions: Sessions,
    journal: Journal,
    hasher: Hasher,
    policy: Arc<ArcSwap<PasswordPolicy>>,
    clock: Clock,
}

impl Accounts {
    /// The use cases over one store.
    #[must_use]
    pub const fn new(
        store: Arc<dyn AccountStore>,
        sessions: Sessions,
        journal: Journal,
        hasher: Hasher,
        policy: Arc<ArcSwap<PasswordPolicy>>,
        clock: Clock,
    ) -> Self {
        Self { store, sessions, journal, hasher, policy, clock }
    }

    /// Adds an account. It has no password yet.
    ///
    /// # Errors
    /// When its name or address is taken, or the store is away.
    pub async fn add(&self, new: NewUser, by: Actor) -> Result<Account, Problem> {
        let account = Account {
            id: UserId::mint(),
            name: new.name,
            display_name: new.display_name,
            email: new.email,
            roles: sorted(new.roles),
            disabled: false,
            created: self.clock.now(),
            password_set: None,
            version: 1,
        };
        match self.store.add(&account).await? {
            Added::Yes => {}
            Added::NameTaken => return Err(Problem::NameTaken),
            Added::EmailTaken => return Err(Problem::EmailTaken),
        }
        self.journal.record(Some(account.id), by, None, Fact::UserAdded).await?;
        Ok(account)
    }

    /// The account that signs in with this name or address, however it is written.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn by_login(&self, login: &str) -> Result<Option<Account>, StoreError> {
        self.store.by_login(&fold(login)).await
    }

    /// One account.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn get(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        self.store.get(id).await
    }

    /// All accounts, by name.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn list(&self) -> Result<Vec<Account>, StoreError> {
        self.store.list().await
    }

    /// Disables an account: it loses everything at once. Tells the sessions that ended.
    ///
    /// # Errors
    /// When there is no such account, or the store is away.
    pub async fn disable(&self, id: UserId, by: Actor, reason: Option<String>) -> Result<Vec<Session>, Problem> {
        let account = self.store.change(id, &Change::Disabled(true)).await?.ok_or(Problem::NoSuchUser)?;
        self.sessions.admit(&account.as_owner()).await?;
        self.journal.record(Some(id), by, None, Fact::UserDisabled).await?;
        self.end_all(id, by, reason).await
    }

    /// Lets a disabled account sign in again.
    ///
    /// # Errors
    /// When there is no such account, or the store is away.
    pub async fn enable(&self, id: UserId, by: Actor) -> Result<Account, Problem> {
        let account = self.store.change(id, &Change::Disabled(false)).await?.ok_or(Problem::NoSuchUser)?;
        self.sessions.admit(&account.as_owner()).await?;
        self.journal.record(Some(id), by, None, Fact::UserEnabled).await?;
        Ok(account)
    }

    /// Gives an account these roles and no others; they count from the next request on.
    ///
    /// # Errors
    /// When there is no such account, or the store is away.
    pub async fn set_roles(&self, id: UserId, roles: Vec<Role>, by: Actor) -> Result<Account, Problem> {
        let account = self.store.change(id, &Change::Roles(sorted(roles))).await?.ok_or(Problem::NoSuchUser)?;
        self.sessions.admit(&account.as_owner()).await?;
        let roles = account.roles.iter().map(ToString::to_string).collect();
        self.journal.record(Some(id), by, None, Fact::RolesChanged { roles }).await?;
        Ok(account)
    }

    /// Removes an account and ends its sessions.
    ///
    /// # Errors
    /// When there is no such account, or the store is away.
    pub async fn remove(&self, id: UserId, by: Actor) -> Result<Vec<Session>, Problem> {
        let gone = self.store.change(id, &Change::Disabled(true)).await?.ok_or(Problem::NoSuchUser)?;
        self.sessions.admit(&gone.as_owner()).await?;
        let ended = self.end_all(id, by, None).await?;
        self.store.remove(id).await?;
        // What stays says that nobody may come in under this id, and no longer who it was.
        let nobody = Owner {
            name: String::new(),
            display_name: None,
            email: None,
            roles: Vec::new(),
            version: gone.version + 1,
            ..gone.as_owner()
        };
        self.sessions.admit(&nobody).await?;
        self.journal.record(Some(id), by, None, Fact::UserRemoved).await?;
        Ok(ended)
    }

    /// Makes a one-time link that sets the password; earlier ones die.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn make_link(&self, id: UserId, by: Actor) -> Result<(Token, Timestamp), Problem> {
        let link = Token::mint();
        let expires = self.clock.now().plus(LINK_LIFETIME);
        self.store.put_link(id, link.digest(), expires).await?;
        self.journal.record(Some(id), by, None, Fact::LinkMade).await?;
        Ok((link, expires))
    }

    /// Whose link this is, while it is good.
    ///
    /// # Errors
    /// When it is not good any more, or the store is away.
    pub async fn holder_of(&self, link: &Token) -> Result<Account, Problem> {
        let id = self.store.link(link.digest(), self.clock.now()).await?.ok_or(Problem::DeadLink)?;
        self.store.get(id).await?.ok_or(Problem::DeadLink)
    }

    /// Uses a one-time link up to set the password, and ends the sessions that the old one opened.
    ///
    /// # Errors
    /// When the link is not good any more, the password breaks the rules, or the store is away.
    pub async fn redeem(&self, link: &Token, typed: Password, from: &Visitor) -> Result<Account, Problem> {
        let account = self.holder_of(link).await?;
        let hash = self.hasher.hash(self.acceptable(&account, typed)?.into_inner()).await?;
        let by = EndedBy { actor: Actor::Visitor, ending: Ending::PasswordChanged, reason: None };
        // Before: should the store go away between two steps, the link is still good and nobody is left inside. After: nobody
        // who signed in with the old password meanwhile is, either.
        self.sessions.end(Which::AllOf(account.id), &by, Some(from)).await?;
        let id = self.store.redeem_link(link.digest(), &hash, self.clock.now()).await?.ok_or(Problem::DeadLink)?;
        self.sessions.end(Which::AllOf(id), &by, Some(from)).await?;
        self.journal.record(Some(id), Actor::Visitor, Some(from), Fact::PasswordSet).await?;
        Ok(account)
    }

    /// Sets a password without the old one, and ends the sessions that the old one opened: the operator's command line.
    ///
    /// # Errors
    /// When the password breaks the rules, there is no such account any more, or the store is away.
    pub async fn set_password(&self, account: &Account, typed: Password, by: Actor) -> Result<Vec<Session>, Problem> {
        let hash = self.hasher.hash(self.acceptable(account, typed)?.into_inner()).await?;
        if !self.store.set_password(account.id, &hash, self.clock.now(), None).await? {
            return Err(Problem::NoSuchUser);
        }
        let ended_by = EndedBy { actor: by, ending: Ending::PasswordChanged, reason: None };
        let ended = self.sessions.end(Which::AllOf(account.id), &ended_by, None).await?;
        self.journal.record(Some(account.id), by, None, Fact::PasswordSet).await?;
        Ok(ended)
    }

    /// Whether `typed` may become the password of `account`.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn acceptable(&self, account: &Account, typed: Password) -> Result<NewPassword, Problem> {
        self.check(typed, &account.name, account.email.as_ref(), account.display_name.as_deref())
    }

    /// Whether `typed` may become the password of an account that is about to be added.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn acceptable_for(&self, new: &NewUser, typed: Password) -> Result<NewPassword, Problem> {
        self.check(typed, &new.name, new.email.as_ref(), new.display_name.as_deref())
    }

    /// Changes the password for whoever knows the current one. The tries are counted by whoever calls.
    ///
    /// # Errors
    /// When the current password is wrong, the new one breaks the rules, or the store is away.
    pub async fn change_password(
        &self,
        account: &Account,
        current: Password,
        new: Password,
        from: &Visitor,
    ) -> Result<(), Problem> {
        let known = self.store.password(account.id).await?;
        if self.hasher.check(current, known.as_ref()).await? == Verdict::Wrong {
            self.journal
                .record(Some(account.id), Actor::User(account.id), Some(from), Fact::PasswordChangeFailed)
                .await?;
            return Err(Problem::WrongPassword);
        }
        let hash = self.hasher.hash(self.acceptable(account, new)?.into_inner()).await?;
        if !self.store.set_password(account.id, &hash, self.clock.now(), known.as_ref()).await? {
            return Err(Problem::WrongPassword);
        }
        Ok(self.journal.record(Some(account.id), Actor::User(account.id), Some(from), Fact::PasswordChanged).await?)
    }

    /// Ends the other sessions after a password change.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn end_others_after_change(
        &self,
        owner: UserId,
        keep: SessionId,
        from: &Visitor,
    ) -> Result<Vec<Session>, StoreError> {
        let by = EndedBy { actor: Actor::User(owner), ending: Ending::PasswordChanged, reason: None };
        self.sessions.end(Which::AllBut { owner, keep }, &by, Some(from)).await
    }

    /// The rules for new passwords, as of now.
    #[must_use]
    pub fn password_policy(&self) -> PasswordPolicy {
        **self.policy.load()
    }

    fn check(
        &self,
        typed: Password,
        name: &UserName,
        email: Option<&Email>,
        shown: Option<&str>,
    ) -> Result<NewPassword, Problem> {
        let known: Vec<&str> = [Some(name.as_str()), email.map(Email::as_str), shown].into_iter().flatten().collect();
        self.policy.load().check(typed, &known).map_err(Problem::Weak)
    }

    async fn end_all(&self, id: UserId, by: Actor, reason: Option<String>) -> Result<Vec<Session>, Problem> {
        let by = EndedBy { actor: by, ending: Ending::AccountDisabled, reason };
        Ok(self.sessions.end(Which::AllOf(id), &by, None).await?)
    }
}

fn sorted(mut roles: Vec<Role>) -> Vec<Role> {
    roles.sort();
    roles.dedup();
    roles
}
