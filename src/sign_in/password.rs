//! Signing in with a name and a password.
//!
//! The order is the security: count the try, read the generation, check the password (at the same cost for a name that
//! nobody has), and only then open. Every way out is in the journal.

use std::{net::IpAddr, ops::Deref, sync::Arc, time::Duration};

use moka::sync::Cache;
use tracing::warn;

use crate::{
    account::{Account, AccountStore, Busy, Hasher, PasswordHash, Verdict, fold},
    audit::{Actor, Fact, Journal, Refusal},
    clock::{Clock, Timestamp},
    guard::{Attempt as Try, Target, Throttle, Verdict as Gate},
    id::{SessionId, UserId},
    metrics::{Metrics, Tried},
    outage::StoreError,
    secret::{Digest, Password, Token},
    session::{EndedBy, Ending, Kind, Method, Opening, Proof, Session, SessionToken, Sessions, Which},
    visitor::{Visitor, network_of},
};

/// A try to sign in.
#[derive(Debug)]
pub struct Attempt {
    /// A name or an e-mail address, as typed.
    pub login: String,
    /// As typed.
    pub password: Password,
    /// "Keep me signed in" was ticked.
    pub remember: bool,
    /// A browser or an installed app.
    pub kind: Kind,
    /// Digest of the device cookie that came with it.
    pub device: Option<Digest>,
    /// The session that this browser holds already: it ends, so that none is left behind.
    pub replaces: Option<SessionId>,
}

/// What became of a try.
#[derive(Debug)]
pub enum Outcome {
    /// They are in.
    Complete(Box<SignedIn>),
    /// The name or the password is wrong; which, is not said.
    Refused,
    /// Too many tries; the password was not looked at.
    TooMany {
        /// When the next one is looked at.
        until: Timestamp,
    },
}

/// Somebody who is in.
#[derive(Debug)]
pub struct SignedIn {
    /// Who.
    pub account: Account,
    /// Their new session.
    pub session: Session,
    /// Its key, for the one answer that hands it over.
    pub token: SessionToken,
    /// A key for a device that was met for the first time.
    pub device: Option<Token>,
}

/// Why nobody could look at it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Too many passwords are waiting.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The store is away.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How long further tries on a closed counter are not told again.
const TOLD_AGAIN: Duration = Duration::from_mins(1);

/// Signs people in.
#[derive(Clone)]
pub struct SignIn(Arc<Inner>);

struct Inner {
    parts: SignInParts,
    /// Whose tries were turned away from where, and when that was last told.
    turned_away: Cache<(Option<UserId>, IpAddr), Timestamp>,
}

impl Deref for Inner {
    type Target = SignInParts;

    fn deref(&self) -> &SignInParts {
        &self.parts
    }
}

/// What signing in is made of.
pub struct SignInParts {
    /// Where accounts are kept.
    pub accounts: Arc<dyn AccountStore>,
    /// What opens and ends sessions.
    pub sessions: Sessions,
    /// What checks passwords.
    pub hasher: Hasher,
    /// What counts tries.
    pub throttle: Throttle,
    /// What remembers.
    pub journal: Journal,
    /// What time it is.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// A counted try whose password has not been looked at.
struct PasswordStep {
    folded: String,
    account: Option<Account>,
    hash: Option<PasswordHash>,
    generation: u64,
    counted: Try,
}

impl PasswordStep {
    fn target(&self) -> Target<'_> {
        target(self.account.as_ref(), &self.folded)
    }

    fn user(&self) -> Option<UserId> {
        self.account.as_ref().map(|account| account.id)
    }
}

fn target<'a>(account: Option<&Account>, folded: &'a str) -> Target<'a> {
    account.map_or(Target::Nobody(folded), |account| Target::User(account.id))
}

impl SignIn {
    /// Signing in over these parts.
    #[must_use]
    pub fn new(parts: SignInParts) -> Self {
        Self(Arc::new(Inner { parts, turned_away: Cache::new(10_000) }))
    }

    /// Tries to sign somebody in.
    ///
    /// # Errors
    /// When nobody could look at it: too many are waiting, or the store is away.
    pub async fn with_password(&self, attempt: Attempt, from: &Visitor) -> Result<Outcome, Failure> {
        let outcome = self.attempt(attempt, from).await;
        if matches!(outcome, Err(Failure::Busy(_))) {
            self.0.metrics.tried(Tried::Overloaded);
        }
        outcome
    }

    async fn attempt(&self, attempt: Attempt, from: &Visitor) -> Result<Outcome, Failure> {
        let Attempt { login, password, remember, kind, device, replaces } = attempt;
        let step = match self.begin(&login, from).await? {
            Ok(step) => step,
            Err(until) => return Ok(Outcome::TooMany { until }),
        };
        let verdict = match self.0.hasher.check(password.clone(), step.hash.as_ref()).await {
            Ok(verdict) => verdict,
            Err(busy) => {
                self.0.throttle.take_back(step.target(), from.ip).await?;
                return Err(busy.into());
            }
        };
        let account = match self.judge(step, verdict, from).await? {
            Ok(proven) => proven,
            Err(outcome) => return Ok(outcome),
        };
        if verdict == Verdict::RightButOld {
            self.rehash(&account, password).await;
        }
        let Proven { account, generation, .. } = account;
        let fresh = Token::mint();
        let met = self.0.accounts.meet_device(account.id, device, fresh.digest(), self.0.clock.now()).await?;
        let opening = Opening {
            owner: account.id,
            generation,
            proof: Proof { assurance: 1, methods: vec![Method::Password], at: self.0.clock.now() },
            remember,
            kind,
            device: from.device.clone(),
            ip: from.ip,
            sign_ins: met.sign_ins,
        };
        let Some((session, token)) = self.0.sessions.open(opening).await? else {
            return Ok(self.refuse(Some(account.id), Refusal::Superseded, from).await?);
        };
        if let Err(away) = self.welcome(&session, replaces, from).await {
            self.withdraw(&session).await;
            return Err(away.into());
        }
        let device = (!met.recognised).then_some(fresh);
        Ok(Outcome::Complete(Box::new(SignedIn { account, session, token, device })))
    }

    /// Counts the try and reads what the check needs; `Err` tells when the next try is looked at.
    async fn begin(&self, login: &str, from: &Visitor) -> Result<Result<PasswordStep, Timestamp>, StoreError> {
        let folded = fold(login);
        let account = self.0.accounts.by_login(&folded).await?;
        let counted = match self.0.throttle.attempt(target(account.as_ref(), &folded), from.ip).await? {
            Gate::Allowed(counted) => counted,
            Gate::Refused { until } => {
                self.turn_away(account.map(|account| account.id), from).await?;
                return Ok(Err(until));
            }
        };
        let (generation, hash) = match &account {
            Some(account) => {
                (self.0.sessions.admit(&account.as_owner()).await?, self.0.accounts.password(account.id).await?)
            }
            None => (0, None),
        };
        Ok(Ok(PasswordStep { folded, account, hash, generation, counted }))
    }

    /// Turns the step into somebody who has proved who they are, or into the refusal.
    async fn judge(
        &self,
        step: PasswordStep,
        verdict: Verdict,
        from: &Visitor,
    ) -> Result<Result<Proven, Outcome>, StoreError> {
        let why = match (&step.account, &step.hash, verdict) {
            (None, ..) => Refusal::UnknownUser,
            (Some(_), None, _) => Refusal::NoPassword,
            (Some(_), Some(_), Verdict::Wrong) => Refusal::WrongPassword,
            (Some(account), ..) if account.disabled => Refusal::Disabled,
            (Some(account), Some(hash), Verdict::Right | Verdict::RightButOld) => {
                self.0.throttle.succeeded(step.target(), from.ip).await?;
                return Ok(Ok(Proven { account: account.clone(), hash: hash.clone(), generation: step.generation }));
            }
        };
        self.0.throttle.failed(step.counted);
        self.refuse(step.user(), why, from).await.map(Err)
    }

    /// Counts a try that nobody looked at. Of those that come in one minute one is in the journal: whoever floods a closed
    /// account must not fill the store.
    async fn turn_away(&self, user: Option<UserId>, from: &Visitor) -> Result<(), StoreError> {
        let now = self.0.clock.now();
        let whom = (user, network_of(from.ip));
        let told = self.0.turned_away.get(&whom).is_some_and(|last| now.since(last) < TOLD_AGAIN);
        if told {
            self.0.metrics.tried(Tried::Throttled);
            return Ok(());
        }
        self.0.turned_away.insert(whom, now);
        self.refuse(user, Refusal::Throttled, from).await.map(drop)
    }

    async fn refuse(&self, user: Option<UserId>, why: Refusal, from: &Visitor) -> Result<Outcome, StoreError> {
        self.0.metrics.tried(if why == Refusal::Throttled { Tried::Throttled } else { Tried::Failed });
        let fact = Fact::SignInFailed { step: Method::Password, why };
        self.0.journal.record(user, Actor::Visitor, Some(from), fact).await?;
        Ok(Outcome::Refused)
    }

    /// Ends the session that the browser held before, and records the new one.
    async fn welcome(&self, session: &Session, replaces: Option<SessionId>, from: &Visitor) -> Result<(), StoreError> {
        if let Some(old) = replaces {
            self.replace(old, from).await?;
        }
        let owner = session.owner();
        let fact = Fact::SignedIn { session: session.id, method: Method::Password };
        self.0.journal.record(Some(owner), Actor::User(owner), Some(from), fact).await?;
        self.0.metrics.tried(Tried::Succeeded);
        self.0.metrics.session_created("password");
        Ok(())
    }

    /// Ends the session that the browser held before. A session id always is a new one, and the old one ends.
    async fn replace(&self, old: SessionId, from: &Visitor) -> Result<(), StoreError> {
        let by = EndedBy { actor: Actor::User(old.owner()), ending: Ending::SignedOut, reason: None };
        self.0.sessions.end(Which::One { owner: old.owner(), id: old }, &by, Some(from)).await?;
        Ok(())
    }

    /// A session that is in no journal must not live: nobody was handed its key.
    async fn withdraw(&self, session: &Session) {
        let by = EndedBy { actor: Actor::System, ending: Ending::SignedOut, reason: None };
        let which = Which::One { owner: session.owner(), id: session.id };
        if let Err(away) = self.0.sessions.end(which, &by, None).await {
            warn!(session.id = %session.id, "Could not withdraw session {} whose sign-in could not be recorded: {away}", session.id);
        }
    }

    async fn rehash(&self, proven: &Proven, password: Password) {
        let at = proven.account.password_set.unwrap_or(proven.account.created);
        let Ok(hash) = self.0.hasher.hash(password).await else { return };
        if let Err(away) = self.0.accounts.set_password(proven.account.id, &hash, at, Some(&proven.hash)).await {
            warn!(user.id = %proven.account.id, "Could not renew the password hash of {}: {away}", proven.account.id);
        }
    }
}

/// Somebody who has given the right password.
struct Proven {
    account: Account,
    hash: PasswordHash,
    generation: u64,
}
