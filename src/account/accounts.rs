//! What can be done with accounts. Each deed that takes a right away ends the sessions that had it.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;

use super::{
    Account, AccountStore, Added, Busy, Change, Changed, DisplayName, Email, Hasher, NewPassword, PasswordPolicy, Role,
    UserName, Weakness, unicode::looks_like,
};
use crate::{
    audit::{Actor, Fact, Journal, Story},
    clock::{Clock, Timestamp},
    guard::Throttle,
    id::UserId,
    outage::StoreError,
    secret::{Password, Token},
    session::{Parting, Session, Sessions},
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
    /// The name or address may be mistaken for this one.
    #[error("it may be mistaken for {0:?}, which somebody has already; choose one that looks different")]
    LooksLike(String),
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
    /// Too many passwords were wrong.
    #[error("too many passwords were wrong")]
    TooMany {
        /// When the next one is looked at.
        until: Timestamp,
    },
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
    pub display_name: Option<DisplayName>,
    /// What they may do.
    pub roles: Vec<Role>,
}

/// The use cases of accounts.
#[derive(Clone)]
pub struct Accounts(pub(super) AccountsParts);

/// What they are made of.
#[derive(Clone)]
pub struct AccountsParts {
    /// Where accounts are kept.
    pub store: Arc<dyn AccountStore>,
    /// What counts the sessions that end.
    pub sessions: Sessions,
    /// What tells the log.
    pub journal: Journal,
    /// What hashes passwords.
    pub hasher: Hasher,
    /// What counts tries.
    pub throttle: Throttle,
    /// The rules for new passwords.
    pub policy: Arc<ArcSwap<PasswordPolicy>>,
    /// What time it is.
    pub clock: Clock,
}

impl Accounts {
    /// The use cases over these parts.
    #[must_use]
    pub const fn new(parts: AccountsParts) -> Self {
        Self(parts)
    }

    /// Adds an account. It has no password yet.
    ///
    /// # Errors
    /// When its name or address is taken or may be mistaken for another's, or the store is away.
    pub async fn add(&self, new: NewUser, by: Actor) -> Result<Account, Problem> {
        distinct(&new, &self.0.store.list().await?)?;
        let account = Account {
            id: UserId::mint(),
            name: new.name,
            display_name: new.display_name.map(|name| name.to_string()),
            email: new.email,
            roles: sorted(new.roles),
            disabled: false,
            created: self.0.clock.now(),
            password_set: None,
            version: 1,
        };
        let story = self.0.journal.story(by, None);
        let added = self.0.store.add(&account, &story).await;
        self.0.journal.tell(&added, |added| match added {
            Added::Yes => vec![story.told(Some(account.id), Fact::UserAdded)],
            Added::NameTaken | Added::EmailTaken => Vec::new(),
        });
        match added? {
            Added::Yes => Ok(account),
            Added::NameTaken => Err(Problem::NameTaken),
            Added::EmailTaken => Err(Problem::EmailTaken),
        }
    }

    /// The account that signs in with this name or address, however it is written.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn by_login(&self, login: &str) -> Result<Option<Account>, StoreError> {
        self.0.store.by_typed(login).await
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
    pub async fn disable(&self, id: UserId, by: Actor, reason: Option<String>) -> Result<Vec<Session>, Problem> {
        Ok(self.change(id, Change::Disable { reason }, by).await?.ended)
    }

    /// Lets a disabled account sign in again.
    ///
    /// # Errors
    /// When there is no such account, or the store is away.
    pub async fn enable(&self, id: UserId, by: Actor, reason: Option<String>) -> Result<Account, Problem> {
        Ok(self.change(id, Change::Enable { reason }, by).await?.account)
    }

    /// Opens an account that too many tries have closed.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn unlock(&self, account: &Account, by: Actor, reason: Option<String>) -> Result<(), StoreError> {
        self.0.journal.record(Some(account.id), by, None, Fact::UserUnlocked { reason }).await?;
        self.forgive(account).await
    }

    /// Gives an account these roles and no others; they count from the next request on.
    ///
    /// # Errors
    /// When there is no such account, or the store is away.
    pub async fn set_roles(&self, id: UserId, roles: Vec<Role>, by: Actor) -> Result<Account, Problem> {
        Ok(self.change(id, Change::Roles(sorted(roles)), by).await?.account)
    }

    /// Removes an account and ends its sessions.
    ///
    /// # Errors
    /// When there is no such account, or the store is away.
    pub async fn remove(&self, id: UserId, by: Actor) -> Result<Vec<Session>, Problem> {
        Ok(self.change(id, Change::Remove, by).await?.ended)
    }

    /// Makes a one-time link that sets the password; earlier ones die.
    ///
    /// # Errors
    /// When there is no such account, or the store is away.
    pub async fn make_link(&self, id: UserId, by: Actor) -> Result<(Token, Timestamp), Problem> {
        let link = Token::mint();
        let story = self.0.journal.story(by, None);
        let expires = story.at.plus(LINK_LIFETIME);
        let kept = self.0.store.put_link(id, link.digest(), expires, &story).await;
        self.0.journal.tell(&kept, |kept| kept.then(|| story.told(Some(id), Fact::LinkMade)).into_iter().collect());
        if kept? { Ok((link, expires)) } else { Err(Problem::NoSuchUser) }
    }

    /// Whose link this is, while it is good.
    ///
    /// # Errors
    /// When it is not good any more, or the store is away.
    pub async fn holder_of(&self, link: &Token) -> Result<Account, Problem> {
        let id = self.0.store.link(link.digest(), self.0.clock.now()).await?.ok_or(Problem::DeadLink)?;
        self.0.store.get(id).await?.ok_or(Problem::DeadLink)
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
        self.check(typed, &new.name, new.email.as_ref(), new.display_name.as_ref().map(DisplayName::as_str))
    }

    /// The rules for new passwords, as of now.
    #[must_use]
    pub fn password_policy(&self) -> PasswordPolicy {
        **self.0.policy.load()
    }

    fn check(
        &self,
        typed: Password,
        name: &UserName,
        email: Option<&Email>,
        shown: Option<&str>,
    ) -> Result<NewPassword, Problem> {
        let known: Vec<&str> = [Some(name.as_str()), email.map(Email::as_str), shown].into_iter().flatten().collect();
        self.0.policy.load().check(typed, &known).map_err(Problem::Weak)
    }

    async fn change(&self, id: UserId, change: Change, by: Actor) -> Result<Changed, Problem> {
        let story = self.0.journal.story(by, None);
        let changed = self.0.store.change(id, &change, &story).await;
        self.tell(&changed, &story, &change.fact(), change.parting(&story).as_ref());
        changed?.ok_or(Problem::NoSuchUser)
    }

    /// The tries that were made on an account are forgotten, under whichever name, from whichever device and in whichever session.
    pub(super) async fn forgive(&self, account: &Account) -> Result<(), StoreError> {
        let logins: Vec<String> =
            std::iter::once(account.name.folded()).chain(account.email.as_ref().map(Email::folded)).collect();
        let devices = self.0.store.devices(account.id).await?;
        let sessions: Vec<_> = self.0.sessions.list(account.id, None).await?.iter().map(|session| session.id).collect();
        self.0.throttle.forgive(account.id, &logins, &devices, &sessions).await
    }

    /// Logs and counts what a store has changed, and the sessions that ended with it.
    pub(super) fn tell(
        &self,
        done: &Result<Option<Changed>, StoreError>,
        story: &Story,
        fact: &Fact,
        parting: Option<&Parting>,
    ) {
        self.0.journal.tell(done, |done| {
            let Some(changed) = done else { return Vec::new() };
            let mut told = vec![story.told(Some(changed.account.id), fact.clone())];
            told.extend(parting.into_iter().flat_map(|parting| parting.told(&changed.ended)));
            told
        });
        if let (Ok(Some(changed)), Some(parting)) = (done, parting) {
            self.0.sessions.count(&changed.ended, parting);
        }
    }
}

/// Whether nobody can take a new name or address for one of these accounts'.
pub(super) fn distinct(new: &NewUser, others: &[Account]) -> Result<(), Problem> {
    let (name, email) = (&new.name, new.email.as_ref());
    for other in others {
        if other.name.folded() == name.folded() {
            return Err(Problem::NameTaken);
        }
        if looks_like(name.as_str(), other.name.as_str()) {
            return Err(Problem::LooksLike(other.name.to_string()));
        }
        let (Some(email), Some(its)) = (email, &other.email) else { continue };
        if email.folded() == its.folded() {
            return Err(Problem::EmailTaken);
        }
        if looks_like(email.as_str(), its.as_str()) {
            return Err(Problem::LooksLike(its.to_string()));
        }
    }
    Ok(())
}

fn sorted(mut roles: Vec<Role>) -> Vec<Role> {
    roles.sort();
    roles.dedup();
    roles
}
