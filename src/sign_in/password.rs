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
    account::{Account, AccountStore, HashPermit, HashPriority, Hasher, HasherBusy, PasswordHash, PasswordMatch, fold},
    audit::{AuditLog, Dedup, FailedSignIn, SignInFailure},
    auth_method::Assurance,
    clock::{Clock, Timestamp},
    guard::{CountedAttempt, FormClaim, FormGuard, FormSubmission, Throttle, ThrottleDecision, ThrottledAttempt},
    id::{SessionId, UserId},
    metrics::{Metrics, SignInResult},
    secret::{Digest, Password, Token},
    session::{AuthMethod, ClientKind, OpenRequest, Proof, Session, SessionService, SessionToken},
    store_error::StoreError,
    visitor::{Visitor, ip_network},
};

/// A try to sign in.
#[derive(Debug)]
pub struct SignInAttempt {
    /// A name or an e-mail address, as typed.
    pub login: String,
    /// As typed.
    pub password: Password,
    /// "Keep me signed in" was ticked.
    pub remember: bool,
    /// A browser or an installed app.
    pub kind: ClientKind,
    /// Digest of the device cookie that came with it.
    pub device: Option<Digest>,
    /// The session that this browser holds already: it ends, so that none is left behind.
    pub replaces: Option<SessionId>,
    /// The form that it came with, where that may come again.
    pub form: Option<FormSubmission>,
}

/// Outcome of a try.
#[derive(Debug)]
pub enum SignInOutcome {
    /// They are in.
    Complete(Box<SignedIn>),
    /// The name or the password is wrong; which, is not said.
    InvalidCredentials,
    /// Too many tries; the password was not looked at.
    TooManyAttempts {
        /// When the next one is looked at.
        until: Timestamp,
    },
}

/// Somebody who is in.
#[derive(Debug)]
pub struct SignedIn {
    /// Their account.
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
pub enum SignInError {
    /// Too many passwords are waiting.
    #[error(transparent)]
    Busy(#[from] HasherBusy),
    /// The store is away.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Devices that an account may have: each has tries of its own, so they must not be without number.
const MAX_DEVICES: usize = 20;
/// Signs people in.
#[derive(Clone)]
pub struct SignIn(Arc<SignInInner>);

struct SignInInner {
    parts: SignInParts,
    /// Tries that were throttled lately.
    throttle_log: Dedup,
}

impl Deref for SignInInner {
    type Target = SignInParts;

    fn deref(&self) -> &SignInParts {
        &self.parts
    }
}

/// Parts of signing in.
pub struct SignInParts {
    /// Store of the accounts.
    pub accounts: Arc<dyn AccountStore>,
    /// Use cases of sessions.
    pub sessions: SessionService,
    /// Hasher of passwords.
    pub hasher: Hasher,
    /// Throttle of tries.
    pub throttle: Throttle,
    /// Guard of repeated forms.
    pub forms: FormGuard,
    /// Audit log.
    pub audit_log: AuditLog,
    /// Clock.
    pub clock: Clock,
    /// Metrics.
    pub metrics: Arc<Metrics>,
}

/// A counted try whose password has not been looked at.
struct PasswordStep {
    permit: HashPermit,
    /// Folded.
    login: String,
    /// None: the password is looked at, but whatever it is, it is refused.
    counted: Option<CountedAttempt>,
    account: Option<Account>,
    hash: Option<PasswordHash>,
    generation: u64,
}

impl SignIn {
    /// Signing in over these parts.
    #[must_use]
    pub fn new(parts: SignInParts) -> Self {
        Self(Arc::new(SignInInner { parts, throttle_log: Dedup::default() }))
    }

    /// Tries to sign somebody in.
    ///
    /// # Errors
    /// When nobody could look at it: too many are waiting, or the store is away.
    pub async fn with_password(&self, attempt: SignInAttempt, from: &Visitor) -> Result<SignInOutcome, SignInError> {
        let SignInAttempt { login, password, remember, kind, device, replaces, form } = attempt;
        let step = match self.begin(&login, device, form.as_ref(), from).await? {
            Continue(step) => step,
            Break(outcome) => return Ok(outcome),
        };
        let proven = match step.verify(self, password, from).await? {
            Continue(proven) => proven,
            Break(outcome) => return Ok(outcome),
        };
        let Some(form) = form else {
            return self.open(proven, (remember, kind), device, replaces, None, from).await;
        };
        let secret = form.derive_token("sign-in");
        let claim = self.0.forms.claim(&form).await?;
        if claim != FormClaim::Claimed {
            if let Some(signed_in) = self.existing_session(&proven.account, secret, from).await? {
                return Ok(SignInOutcome::Complete(Box::new(signed_in)));
            }
            if claim == FormClaim::Unresolved {
                return Err(HasherBusy.into());
            }
            // It has ended since: this is another sign-in.
            return self.open(proven, (remember, kind), device, replaces, None, from).await;
        }
        let opened = self.open(proven, (remember, kind), device, replaces, Some(secret), from).await;
        let done = matches!(opened, Ok(SignInOutcome::Complete(_)));
        // What was done is done, whether its repeat will be told or not.
        if let Err(why) = self.0.forms.finish(&form, done).await {
            warn!(error = %why, "Sign-in form not settled");
        }
        opened
    }

    /// The session that the same form, sent at the same moment, opens with the last try that was left. Whether anybody has the name or
    /// not, it takes as long.
    async fn session_of_repeat(
        &self,
        account: Option<&Account>,
        form: Option<&FormSubmission>,
        from: &Visitor,
    ) -> Result<Option<SignedIn>, StoreError> {
        let Some(form) = form else { return Ok(None) };
        match (self.0.forms.acted_soon(form).await?, account) {
            (true, Some(account)) => self.existing_session(account, form.derive_token("sign-in"), from).await,
            _ => Ok(None),
        }
    }

    /// The session that the same form has opened already. It is told and counted once.
    async fn existing_session(
        &self,
        account: &Account,
        secret: Token,
        from: &Visitor,
    ) -> Result<Option<SignedIn>, StoreError> {
        let token = SessionToken::from_form_secret(account.id, secret);
        let session = self.0.sessions.find_own(account.id, token.id(), from).await?;
        Ok(session.map(|session| SignedIn { account: account.clone(), session, token, device: None }))
    }

    async fn open(
        &self,
        Authenticated { account, login, generation }: Authenticated,
        (remember, kind): (bool, ClientKind),
        device: Option<Digest>,
        replaces: Option<SessionId>,
        secret: Option<Token>,
        from: &Visitor,
    ) -> Result<SignInOutcome, SignInError> {
        let new_token = Token::mint();
        let registration = self
            .0
            .accounts
            .register_device(account.id, device, new_token.digest(), MAX_DEVICES, self.0.clock.now())
            .await?;
        let opening = OpenRequest {
            owner: account.id,
            generation,
            proof: Proof {
                assurance: Assurance::OneFactor,
                methods: vec![AuthMethod::Password],
                at: self.0.clock.now(),
            },
            remember,
            kind,
            visitor: from.clone(),
            sign_ins: registration.sign_ins,
            replaces,
            secret,
        };
        let Some((session, token)) = self.0.sessions.open(opening).await? else {
            return Ok(self.reject(&login, Some(account.id), SignInFailure::Superseded, from).await?);
        };
        self.0.metrics.sign_in_attempted(SignInResult::Succeeded);
        self.0.metrics.session_created("password");
        let device = (!registration.was_known).then_some(new_token);
        Ok(SignInOutcome::Complete(Box::new(SignedIn { account, session, token, device })))
    }

    /// Counts the try and reads what the check needs.
    async fn begin(
        &self,
        login: &str,
        shown: Option<Digest>,
        form: Option<&FormSubmission>,
        from: &Visitor,
    ) -> Result<ControlFlow<SignInOutcome, PasswordStep>, SignInError> {
        let account = self.0.accounts.by_login(login).await?;
        let login = fold(login);
        let user = account.as_ref().map(|account| account.id);
        let device = match (user, shown) {
            (Some(user), Some(shown)) => self.0.accounts.known_device(user, shown).await?,
            _ => None,
        };
        // Before anything is counted or written: whoever cannot be served costs two look-ups.
        let priority = if device.is_some() { HashPriority::Known } else { HashPriority::Stranger };
        let permit = self
            .0
            .hasher
            .acquire(priority)
            .inspect_err(|HasherBusy| self.0.metrics.sign_in_attempted(SignInResult::Overloaded))?;
        let counted = match self
            .0
            .throttle
            .attempt(ThrottledAttempt { login: &login, user, device, session: None, ip: from.ip })
            .await?
        {
            ThrottleDecision::Allow(counted) => Some(counted),
            ThrottleDecision::DenySilently { .. } => None,
            ThrottleDecision::Deny { until } => {
                drop(permit);
                if let Some(signed_in) = self.session_of_repeat(account.as_ref(), form, from).await? {
                    return Ok(Break(SignInOutcome::Complete(Box::new(signed_in))));
                }
                self.reject_throttled(&login, user, from).await?;
                return Ok(Break(SignInOutcome::TooManyAttempts { until }));
            }
        };
        let (generation, hash) = match &account {
            Some(account) => (
                self.0.sessions.register_user(&account.snapshot()).await?,
                self.0.accounts.password_hash(account.id).await?,
            ),
            None => (0, None),
        };
        Ok(Continue(PasswordStep { permit, login, counted, account, hash, generation }))
    }

    /// Counts a try that nobody looked at. Of those that come in one minute one has a line of its own, whether anybody has that
    /// name or not: whoever floods a closed account must not fill the store, nor learn by the time it takes who is known.
    async fn reject_throttled(&self, login: &str, user: Option<UserId>, from: &Visitor) -> Result<(), StoreError> {
        if self.0.throttle_log.is_first_in_window((login, ip_network(from.ip)), self.0.clock.now()) {
            return self.reject(login, user, SignInFailure::Throttled, from).await.map(drop);
        }
        self.0.audit_log.count_failed(FailedSignIn { login, user, from, step: AuthMethod::Password });
        self.0.metrics.sign_in_attempted(SignInResult::Throttled);
        Ok(())
    }

    async fn rehash(&self, user: UserId, from: &PasswordHash, to: &PasswordHash) {
        if let Err(away) = self.0.accounts.rehash(user, from, to).await {
            warn!(user.id = %user, error = %away, "Password hash not renewed");
        }
    }

    async fn reject(
        &self,
        login: &str,
        user: Option<UserId>,
        reason: SignInFailure,
        from: &Visitor,
    ) -> Result<SignInOutcome, StoreError> {
        self.0.metrics.sign_in_attempted(if reason == SignInFailure::Throttled {
            SignInResult::Throttled
        } else {
            SignInResult::Failed
        });
        self.0.audit_log.record_failed(FailedSignIn { login, user, from, step: AuthMethod::Password }, reason).await?;
        Ok(SignInOutcome::InvalidCredentials)
    }
}

impl PasswordStep {
    /// Turns the step into somebody who has proved who they are, or into the refusal.
    async fn verify(
        self,
        sign_in: &SignIn,
        password: Password,
        from: &Visitor,
    ) -> Result<ControlFlow<SignInOutcome, Authenticated>, StoreError> {
        let Self { permit, login, counted, account, hash, generation } = self;
        let verdict = permit.check(password.clone(), hash.as_ref()).await;
        let user = account.as_ref().map(|account| account.id);
        let Some(counted) = counted else {
            return sign_in.reject(&login, user, SignInFailure::Throttled, from).await.map(Break);
        };
        let reason = match (account, hash, verdict) {
            (None, ..) => SignInFailure::UnknownUser,
            (Some(_), None, _) => SignInFailure::NoPassword,
            (Some(_), Some(_), PasswordMatch::Mismatch) => SignInFailure::WrongPassword,
            (Some(account), ..) if account.disabled => SignInFailure::Disabled,
            (Some(account), Some(hash), PasswordMatch::Match | PasswordMatch::NeedsRehash) => {
                sign_in.0.throttle.record_success(&counted).await?;
                if verdict == PasswordMatch::NeedsRehash {
                    sign_in.rehash(account.id, &hash, &permit.hash(password).await).await;
                }
                return Ok(Continue(Authenticated { account, login, generation }));
            }
        };
        sign_in.0.throttle.record_failure(&counted);
        sign_in.reject(&login, user, reason, from).await.map(Break)
    }
}

/// Somebody who has given the right password.
struct Authenticated {
    account: Account,
    login: String,
    generation: u64,
}
