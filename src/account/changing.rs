//! Setting and changing passwords. Each is one step of the store: the hash, the sessions that end, the one that is
//! renewed, the journal.

use std::time::Duration;

use super::{Account, Accounts, Changed, NewHash, PasswordHash, Problem, Queue, Verdict, Weakness};
use crate::{
    audit::{Actor, Fact, Story},
    guard::{Leave, Try},
    id::{SessionId, UserId},
    outage::StoreError,
    secret::{Digest, Password, Token},
    session::{Renewal, Session, SessionToken},
    visitor::Visitor,
};

/// How long a session's old secret lives on beside the new one, for requests that are under way.
const GRACE: Duration = Duration::from_secs(10);

/// A change that somebody who is signed in asks for.
#[derive(Debug)]
pub struct PasswordChange {
    /// The password of now, as typed.
    pub current: Password,
    /// The password from now on, as typed.
    pub new: Password,
    /// Whether the other sessions end with it.
    pub end_others: bool,
    /// The session that asks: it stays, under a new secret.
    pub session: SessionId,
    /// The digest that it showed.
    pub shown: Digest,
    /// Digest of the device cookie that came with it.
    pub device: Option<Digest>,
    /// The secret of the session from now on.
    pub secret: Token,
}

/// A change that was made.
#[derive(Debug)]
pub struct PasswordChanged {
    /// Other sessions that ended with it.
    pub ended: Vec<Session>,
    /// The new secret of the session that asked; none when it has been renewed meanwhile.
    pub token: Option<SessionToken>,
}

impl Accounts {
    /// Uses a one-time link up to set the password, and ends the sessions that the old one opened. Whoever holds the link
    /// is whom the account belongs to: it is open again if too many tries had closed it.
    ///
    /// # Errors
    /// When the link is not good any more, the password breaks the rules, or the store is away.
    pub async fn redeem(&self, link: &Token, typed: Password, from: &Visitor) -> Result<Account, Problem> {
        let account = self.holder_of(link).await?;
        let hash = self.hash(&account, typed).await?;
        self.forgive(&account).await?;
        let story = self.0.journal.story(Actor::Visitor, Some(from));
        let set = self.0.store.redeem_link(link.digest(), &hash, &story).await;
        self.tell(&set, &story, &Fact::PasswordSet, Some(&NewHash::parting(&story)));
        Ok(set?.ok_or(Problem::DeadLink)?.account)
    }

    /// Sets a password without the old one, and ends the sessions that the old one opened: the operator's command line.
    ///
    /// # Errors
    /// When the password breaks the rules, there is no such account any more, or the store is away.
    pub async fn set_password(&self, account: &Account, typed: Password, by: Actor) -> Result<Vec<Session>, Problem> {
        let new = NewHash::Set(self.hash(account, typed).await?);
        let set = self.replace(account.id, &new, &self.0.journal.story(by, None)).await?;
        Ok(set.ok_or(Problem::NoSuchUser)?.ended)
    }

    /// Changes the password for whoever knows the current one. Wrong ones close the session's own counter, and no stranger's
    /// do; they count for the account, too.
    ///
    /// # Errors
    /// When the new password breaks the rules, the current one is wrong, too many were, or the store is away.
    pub async fn change_password(
        &self,
        account: &Account,
        change: PasswordChange,
        from: &Visitor,
    ) -> Result<PasswordChanged, Problem> {
        let PasswordChange { current, new, end_others, session, shown, device: shown_device, secret } = change;
        if current.is_same(&new) {
            return Err(Problem::Weak(vec![Weakness::SameAsBefore]));
        }
        let new = self.acceptable(account, new)?;
        let slot = self.0.hasher.reserve(Queue::Known)?;
        let login = account.name.folded();
        let tried = Try { login: &login, user: Some(account.id), device: None, session: Some(session), ip: from.ip };
        let counted = match self.0.throttle.attempt(tried).await? {
            Leave::Granted(counted) => counted,
            // Whoever is signed in may know that too many of their own were wrong.
            Leave::Refused { until } | Leave::Withheld { until } => return Err(Problem::TooMany { until }),
        };
        let known = self.0.store.password(account.id).await?;
        let actor = Actor::User(account.id);
        if slot.check(current, known.as_ref()).await == Verdict::Wrong {
            self.0.throttle.failed(&counted);
            self.0.journal.record(Some(account.id), actor, Some(from), Fact::PasswordChangeFailed).await?;
            return Err(Problem::WrongPassword);
        }
        self.0.throttle.succeeded(&counted).await?;
        let token = SessionToken::new(session, secret);
        let story = self.0.journal.story(actor, Some(from));
        let renewal = Renewal { id: session, from: shown, to: token.digest(), grace_until: story.at.plus(GRACE) };
        let new = NewHash::Changed {
            hash: slot.hash(new.into_inner()).await,
            was: known,
            renewal,
            device: shown_device,
            end_others,
        };
        // None: somebody else has changed it meanwhile, so that what was typed is not the password any more.
        let changed = self.replace(account.id, &new, &story).await?.ok_or(Problem::WrongPassword)?;
        Ok(PasswordChanged { ended: changed.ended, token: changed.renewed.then_some(token) })
    }

    async fn hash(&self, account: &Account, typed: Password) -> Result<PasswordHash, Problem> {
        let new = self.acceptable(account, typed)?;
        Ok(self.0.hasher.reserve(Queue::Known)?.hash(new.into_inner()).await)
    }

    async fn replace(&self, id: UserId, new: &NewHash, story: &Story) -> Result<Option<Changed>, StoreError> {
        let replaced = self.0.store.set_password(id, new, story).await;
        self.tell(&replaced, story, &new.fact(), Some(&NewHash::parting(story)));
        replaced
    }
}
