//! Signing in with a name and a password.
//!
//! The order is the security: take a place among those that are hashed, count the try, read the generation, check the
//! password (at the same cost for a name that nobody has), and only then open. Every failed try is in the journal: within its
//! budget with a line of its own, of those that were turned away one a minute; beyond that it is counted.

use std::{
    ops::{
        ControlFlow::{self, Break, Continue},
        Deref,
    },
    sync::Arc,
};

use tracing::warn;

use crate::{
    account::{Account, AccountStore, Busy, Hasher, PasswordHash, Queue, Slot, Verdict, fold},
    audit::{FailedSignIn, Journal, Refusal, Seldom},
    clock::{Clock, Timestamp},
    guard::{Begun, Counted, Forms, Leave, Submission, Throttle, Try},
    id::{SessionId, UserId},
    metrics::{Metrics, SignInResult},
    outage::StoreError,
    secret::{Digest, Password, Token},
    session::{Kind, Method, Opening, Proof, Session, SessionToken, Sessions},
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
    /// The form that it came with, where that may come again.
    pub form: Option<Submission>,
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

/// Devices that an account may have: each has tries of its own, so they must not be without number.
const DEVICES: usize = 20;
/// Signs people in.
#[derive(Clone)]
pub struct SignIn(Arc<Inner>);

struct Inner {
    parts: SignInParts,
    /// Which tries were turned away lately.
    turned_away: Seldom,
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
    /// What tells a form from its repeat.
    pub forms: Forms,
    /// What remembers.
    pub journal: Journal,
    /// What time it is.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// A counted try whose password has not been looked at.
struct PasswordStep {
    slot: Slot,
    /// Folded.
    login: String,
    /// None: the password is looked at, but whatever it is, it is refused.
    counted: Option<Counted>,
    account: Option<Account>,
    hash: Option<PasswordHash>,
    generation: u64,
}

impl SignIn {
    /// Signing in over these parts.
    #[must_use]
    pub fn new(parts: SignInParts) -> Self {
        Self(Arc::new(Inner { parts, turned_away: Seldom::default() }))
    }

    /// Tries to sign somebody in.
    ///
    /// # Errors
    /// When nobody could look at it: too many are waiting, or the store is away.
    pub async fn with_password(&self, attempt: Attempt, from: &Visitor) -> Result<Outcome, Failure> {
        let Attempt { login, password, remember, kind, device, replaces, form } = attempt;
        let step = match self.begin(&login, device, form.as_ref(), from).await? {
            Continue(step) => step,
            Break(outcome) => return Ok(outcome),
        };
        let proven = match step.answer(self, password, from).await? {
            Continue(proven) => proven,
            Break(outcome) => return Ok(outcome),
        };
        let Some(form) = form else {
            return self.open(proven, (remember, kind), device, replaces, None, from).await;
        };
        let secret = form.secret("sign-in");
        let begun = self.0.forms.begin(&form).await?;
        if begun != Begun::First {
            if let Some(signed_in) = self.opened_before(&proven.account, secret, from).await? {
                return Ok(Outcome::Complete(Box::new(signed_in)));
            }
            if begun == Begun::Unknown {
                return Err(Busy.into());
            }
            // It has ended since: this is another sign-in.
            return self.open(proven, (remember, kind), device, replaces, None, from).await;
        }
        let opened = self.open(proven, (remember, kind), device, replaces, Some(secret), from).await;
        let done = matches!(opened, Ok(Outcome::Complete(_)));
        // What was done is done, whether its repeat will be told or not.
        if let Err(why) = self.0.forms.settle(&form, done).await {
            warn!("Sign-in form not settled: {why}");
        }
        opened
    }

    /// The session that the same form, sent at the same moment, opens with the last try that was left. Whether anybody has the name or
    /// not, it takes as long.
    async fn opened_by_twin(
        &self,
        account: Option<&Account>,
        form: Option<&Submission>,
        from: &Visitor,
    ) -> Result<Option<SignedIn>, StoreError> {
        let Some(form) = form else { return Ok(None) };
        match (self.0.forms.acts_soon(form).await?, account) {
            (true, Some(account)) => self.opened_before(account, form.secret("sign-in"), from).await,
            _ => Ok(None),
        }
    }

    /// The session that the same form has opened already. It is told and counted once.
    async fn opened_before(
        &self,
        account: &Account,
        secret: Token,
        from: &Visitor,
    ) -> Result<Option<SignedIn>, StoreError> {
        let token = SessionToken::led_to_by(account.id, secret);
        let session = self.0.sessions.own(account.id, token.id(), from).await?;
        Ok(session.map(|session| SignedIn { account: account.clone(), session, token, device: None }))
    }

    async fn open(
        &self,
        Proven { account, login, generation }: Proven,
        (remember, kind): (bool, Kind),
        device: Option<Digest>,
        replaces: Option<SessionId>,
        secret: Option<Token>,
        from: &Visitor,
    ) -> Result<Outcome, Failure> {
        let fresh = Token::mint();
        let met = self.0.accounts.meet_device(account.id, device, fresh.digest(), DEVICES, self.0.clock.now()).await?;
        let opening = Opening {
            owner: account.id,
            generation,
            proof: Proof { assurance: 1, methods: vec![Method::Password], at: self.0.clock.now() },
            remember,
            kind,
            from: from.clone(),
            sign_ins: met.sign_ins,
            replaces,
            secret,
        };
        let Some((session, token)) = self.0.sessions.open(opening).await? else {
            return Ok(self.refuse(&login, Some(account.id), Refusal::Superseded, from).await?);
        };
        self.0.metrics.sign_in_attempted(SignInResult::Succeeded);
        self.0.metrics.session_created("password");
        let device = (!met.recognised).then_some(fresh);
        Ok(Outcome::Complete(Box::new(SignedIn { account, session, token, device })))
    }

    /// Counts the try and reads what the check needs.
    async fn begin(
        &self,
        login: &str,
        shown: Option<Digest>,
        form: Option<&Submission>,
        from: &Visitor,
    ) -> Result<ControlFlow<Outcome, PasswordStep>, Failure> {
        let account = self.0.accounts.by_typed(login).await?;
        let login = fold(login);
        let user = account.as_ref().map(|account| account.id);
        let device = match (user, shown) {
            (Some(user), Some(shown)) => self.0.accounts.known_device(user, shown).await?,
            _ => None,
        };
        // Before anything is counted or written: whoever cannot be served costs two look-ups.
        let queue = if device.is_some() { Queue::Known } else { Queue::Anybody };
        let slot = self
            .0
            .hasher
            .reserve(queue)
            .inspect_err(|Busy| self.0.metrics.sign_in_attempted(SignInResult::Overloaded))?;
        let counted =
            match self.0.throttle.attempt(Try { login: &login, user, device, session: None, ip: from.ip }).await? {
                Leave::Granted(counted) => Some(counted),
                Leave::Withheld { .. } => None,
                Leave::Refused { until } => {
                    drop(slot);
                    if let Some(signed_in) = self.opened_by_twin(account.as_ref(), form, from).await? {
                        return Ok(Break(Outcome::Complete(Box::new(signed_in))));
                    }
                    self.turn_away(&login, user, from).await?;
                    return Ok(Break(Outcome::TooMany { until }));
                }
            };
        let (generation, hash) = match &account {
            Some(account) => {
                (self.0.sessions.admit(&account.as_owner()).await?, self.0.accounts.password(account.id).await?)
            }
            None => (0, None),
        };
        Ok(Continue(PasswordStep { slot, login, counted, account, hash, generation }))
    }

    /// Counts a try that nobody looked at. Of those that come in one minute one has a line of its own, whether anybody has that
    /// name or not: whoever floods a closed account must not fill the store, nor learn by the time it takes who is known.
    async fn turn_away(&self, login: &str, user: Option<UserId>, from: &Visitor) -> Result<(), StoreError> {
        if self.0.turned_away.is_news((login, network_of(from.ip)), self.0.clock.now()) {
            return self.refuse(login, user, Refusal::Throttled, from).await.map(drop);
        }
        self.0.journal.count_failed(FailedSignIn { login, user, from, step: Method::Password });
        self.0.metrics.sign_in_attempted(SignInResult::Throttled);
        Ok(())
    }

    async fn rehash(&self, user: UserId, from: &PasswordHash, to: &PasswordHash) {
        if let Err(away) = self.0.accounts.rehash(user, from, to).await {
            warn!(user.id = %user, "Could not renew the password hash of {user}: {away}");
        }
    }

    async fn refuse(
        &self,
        login: &str,
        user: Option<UserId>,
        why: Refusal,
        from: &Visitor,
    ) -> Result<Outcome, StoreError> {
        self.0.metrics.sign_in_attempted(if why == Refusal::Throttled {
            SignInResult::Throttled
        } else {
            SignInResult::Failed
        });
        self.0.journal.record_failed(FailedSignIn { login, user, from, step: Method::Password }, why).await?;
        Ok(Outcome::Refused)
    }
}

impl PasswordStep {
    /// Turns the step into somebody who has proved who they are, or into the refusal.
    async fn answer(
        self,
        sign_in: &SignIn,
        password: Password,
        from: &Visitor,
    ) -> Result<ControlFlow<Outcome, Proven>, StoreError> {
        let Self { slot, login, counted, account, hash, generation } = self;
        let verdict = slot.check(password.clone(), hash.as_ref()).await;
        let user = account.as_ref().map(|account| account.id);
        let Some(counted) = counted else {
            return sign_in.refuse(&login, user, Refusal::Throttled, from).await.map(Break);
        };
        let why = match (account, hash, verdict) {
            (None, ..) => Refusal::UnknownUser,
            (Some(_), None, _) => Refusal::NoPassword,
            (Some(_), Some(_), Verdict::Wrong) => Refusal::WrongPassword,
            (Some(account), ..) if account.disabled => Refusal::Disabled,
            (Some(account), Some(hash), Verdict::Right | Verdict::RightButOld) => {
                sign_in.0.throttle.succeeded(&counted).await?;
                if verdict == Verdict::RightButOld {
                    sign_in.rehash(account.id, &hash, &slot.hash(password).await).await;
                }
                return Ok(Continue(Proven { account, login, generation }));
            }
        };
        sign_in.0.throttle.failed(&counted);
        sign_in.refuse(&login, user, why, from).await.map(Break)
    }
}

/// Somebody who has given the right password.
struct Proven {
    account: Account,
    login: String,
    generation: u64,
}
