//! Forms that are sent twice: a double click acts once, whichever process hears of it first.
//!
//! A form carries a token that only we can make, for one browser, one use and an hour. Whoever sends the form claims the
//! submission in the store before it acts; a second one with the same content waits for the first, and acts no more. Of an
//! answer nothing is kept: what it needs to say again can be derived from what was sent.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tracing::warn;

use super::{AttemptCounter, CallerClass, CountResult, ThrottleStore};
use crate::{
    clock::{Clock, Timestamp},
    id::SessionId,
    secret::{SecretKey, Token},
    store_error::StoreError,
};

/// How long a token is good. A claim is kept for as long, so that none is used again when its claim is forgotten.
const TOKEN_LIFETIME: Duration = Duration::from_hours(1);
/// Claims of one session in an hour: far above a person, and a bound for what the store keeps of forms.
const MAX_CLAIMS: u32 = 60;
/// A claim outlives each token that made it, whatever the clocks of several processes say.
const CLAIM_LIFETIME: Duration = Duration::from_hours(2);
/// How long the claim of a form holds that goes to an app, until it is noted as sent.
const PENDING_LIFETIME: Duration = Duration::from_mins(1);
/// How long after its claim a note is removed that may stand though nothing was sent: while no other press can have claimed.
const REMOVAL_WINDOW: Duration = Duration::from_secs(30);
/// How far the clocks of two processes may be apart.
const TOKEN_CLOCK_SKEW: Duration = Duration::from_mins(1);
/// Waits between looks whether another submission acts within a moment: as long as a password takes.
const SOON_WAITS: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(100), Duration::from_millis(200), Duration::from_millis(400)];
/// How long a second submission waits for the first, and how often it looks.
const MAX_POLLS: u32 = 100;
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Makes the tokens of forms, and tells first submissions from repeats.
#[derive(Clone)]
pub struct FormGuard {
    store: Arc<dyn ThrottleStore>,
    key: SecretKey,
    clock: Clock,
    unsent: Arc<Mutex<Vec<UnsentForm>>>,
}

/// Counters that the store may hold of a submission that was not sent: the store's answer was lost.
#[derive(Debug)]
struct UnsentForm {
    /// Names of counters.
    names: Vec<String>,
    claimed: Timestamp,
    caller: CallerClass,
}

/// A form as one browser sent it: the same content with the same token is the same submission.
#[derive(Clone, Debug)]
pub struct FormSubmission {
    /// Told to the store.
    name: String,
    /// Told to nobody. Neither leads to the other: who reads the store and the key derives no secret from them.
    seed: String,
    key: SecretKey,
    /// The session whose claims are counted.
    session: Option<SessionId>,
    /// How long its claim holds where nobody says how it ended.
    claim_lifetime: Duration,
}

/// Order of a submission among those of the same form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormClaim {
    /// The first: say how it ends ([`FormGuard::finish`]).
    Claimed,
    /// Another one, and the first is done.
    Repeated,
    /// Another one, and nobody knows what became of the first.
    Unresolved,
    /// One more than the session may claim in an hour: nothing is claimed.
    TooManyClaims {
        /// When it may claim again.
        until: Timestamp,
    },
}

impl FormSubmission {
    /// A secret that this submission alone leads to: each process of ours derives the same one.
    ///
    /// # Panics
    /// Never: a keyed digest has the length of a token.
    #[must_use]
    pub fn derive_token(&self, purpose: &str) -> Token {
        let text = self.key.keyed_digest(&format!("form-{purpose}"), &self.seed);
        Token::parse(text.as_bytes()).expect("a keyed digest has the length of a token")
    }

    /// The same, counted among those of this session.
    #[must_use]
    pub fn with_session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// The session that it is counted by.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// The same, whose claim lapses soon: it goes to an app, and [`FormGuard::mark_sent`] decides whether it does.
    #[must_use]
    pub const fn with_pending_claim(mut self) -> Self {
        self.claim_lifetime = PENDING_LIFETIME;
        self
    }

    const fn caller(&self) -> CallerClass {
        if self.session.is_some() { CallerClass::SignedIn } else { CallerClass::Stranger }
    }

    fn claim_counter(&self) -> AttemptCounter {
        AttemptCounter {
            name: format!("form:{}", self.name),
            limit: 1,
            window: self.claim_lifetime,
            cool_off: self.claim_lifetime,
        }
    }

    fn session_counter(&self) -> Option<AttemptCounter> {
        let name = format!("forms:{}", self.session?.bare());
        Some(AttemptCounter { name, limit: MAX_CLAIMS, window: TOKEN_LIFETIME, cool_off: TOKEN_LIFETIME })
    }

    fn done_counter(&self) -> AttemptCounter {
        AttemptCounter {
            name: format!("form-done:{}", self.name),
            limit: 1,
            window: CLAIM_LIFETIME,
            cool_off: CLAIM_LIFETIME,
        }
    }
}

impl FormGuard {
    /// Over one store; processes that share it share the key.
    #[must_use]
    pub fn new(store: Arc<dyn ThrottleStore>, key: SecretKey, clock: Clock) -> Self {
        Self { store, key, clock, unsent: Arc::default() }
    }

    /// The browser that a form is shown to of which no cookie came, and whose cookies must stay as they are.
    ///
    /// # Panics
    /// Never: a keyed digest has the length of a token.
    #[must_use]
    pub fn anonymous_browser(&self) -> Token {
        let text = self.key.keyed_digest("form-any-browser", "");
        Token::parse(text.as_bytes()).expect("a keyed digest has the length of a token")
    }

    /// A new token for a form that is shown to `browser`, good for one `place`.
    #[must_use]
    pub fn token(&self, scope: &str, browser: &Token) -> String {
        let made = self.clock.now().as_millis();
        let random = Token::mint().expose();
        let proof = self.proof(scope, browser, made, &random);
        format!("{made}.{random}.{proof}")
    }

    /// Reads the token of a form that `browser` sent with this content, which the token is part of. None: it is none of
    /// ours, of another browser or place, or too old.
    #[must_use]
    pub fn verify(&self, token: &str, scope: &str, browser: &Token, content: &[u8]) -> Option<FormSubmission> {
        let (minted_at, rest) = token.split_once('.')?;
        let (random, proof) = rest.split_once('.')?;
        let at: i64 = minted_at.parse().ok()?;
        let (now, made_at) = (self.clock.now(), Timestamp::from_millis(at));
        // One of the future would outlive its claim. A number has one spelling: with another it would be another submission.
        let is_fresh = now.since(made_at) <= TOKEN_LIFETIME
            && made_at.since(now) <= TOKEN_CLOCK_SKEW
            && minted_at == at.to_string();
        let proof_matches = Token::parse(proof.as_bytes())?.digest()
            == Token::parse(self.proof(scope, browser, at, random).as_bytes())?.digest();
        if !(is_fresh && proof_matches) {
            return None;
        }
        let content = String::from_utf8_lossy(content);
        let sent = format!("{scope}\n{}\n{content}", browser.expose());
        let (name, seed) = (self.key.keyed_digest("form-content", &sent), self.key.keyed_digest("form-seed", &sent));
        Some(FormSubmission { name, seed, key: self.key.clone(), session: None, claim_lifetime: CLAIM_LIFETIME })
    }

    /// Claims a submission; where it is claimed already, waits for how it ends. A session that has claimed 60 in an
    /// hour claims no more.
    ///
    /// # Errors
    /// When the store is away: nothing is claimed then.
    pub async fn claim(&self, submission: &FormSubmission) -> Result<FormClaim, StoreError> {
        let session_counter = submission.session_counter();
        let required: Vec<AttemptCounter> =
            [submission.claim_counter()].into_iter().chain(session_counter.clone()).collect();
        for _ in 0..MAX_POLLS {
            let closed_until = match self.attempt(&required, submission.caller()).await? {
                CountResult::Counted { .. } => return Ok(FormClaim::Claimed),
                CountResult::Closed { until } => until,
            };
            if self.is_closed(&submission.done_counter()).await? {
                return Ok(FormClaim::Repeated);
            }
            if let Some(counter) = &session_counter
                && self.is_closed(counter).await?
            {
                // A claim may be closed for longer.
                return Ok(FormClaim::TooManyClaims { until: closed_until.min(self.clock.now().plus(TOKEN_LIFETIME)) });
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(FormClaim::Unresolved)
    }

    /// Whether another submission of the same form has acted; waits for one that is under way. Claims and writes nothing.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn has_acted(&self, submission: &FormSubmission) -> Result<bool, StoreError> {
        for _ in 0..MAX_POLLS {
            if self.is_closed(&submission.done_counter()).await? {
                return Ok(true);
            }
            if !self.is_closed(&submission.claim_counter()).await? {
                return Ok(false);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(false)
    }

    /// Whether another submission of the same form acts within a moment: what it proves may be looked at just now, before it is claimed.
    /// Claims and writes nothing.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn acted_soon(&self, submission: &FormSubmission) -> Result<bool, StoreError> {
        for wait in SOON_WAITS {
            if self.is_closed(&submission.done_counter()).await? {
                return Ok(true);
            }
            tokio::time::sleep(wait).await;
        }
        self.is_closed(&submission.done_counter()).await
    }

    async fn is_closed(&self, counter: &AttemptCounter) -> Result<bool, StoreError> {
        self.store.is_closed(&counter.name, self.clock.now()).await
    }

    /// How a first submission ended: `done`, or as if it had never been.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn finish(&self, submission: &FormSubmission, done: bool) -> Result<(), StoreError> {
        if done {
            self.attempt(&[submission.done_counter()], submission.caller()).await.map(drop)
        } else {
            self.store.finish(&[submission.claim_counter().name], &[], submission.caller()).await
        }
    }

    /// Claims a submission that goes to an app: [`FormGuard::claim`], whose claim lapses within a minute where neither
    /// [`FormGuard::mark_sent`] nor [`FormGuard::finish`] follows.
    ///
    /// # Errors
    /// When the store is away. A claim that stands all the same is removed by [`FormGuard::remove_unsent`].
    pub async fn claim_pending(&self, submission: &FormSubmission) -> Result<FormClaim, StoreError> {
        self.remove_unsent().await?;
        let claimed = self.claim(submission).await;
        if claimed.is_err() {
            self.unsent().push(UnsentForm {
                names: vec![submission.claim_counter().name],
                claimed: self.clock.now(),
                caller: submission.caller(),
            });
        }
        claimed
    }

    /// Notes that a submission which was claimed then goes to an app now. False: another press of the same form was faster.
    ///
    /// # Errors
    /// When the store is away: nothing may be sent then. A note that stands all the same is removed by
    /// [`FormGuard::remove_unsent`].
    pub async fn mark_sent(&self, submission: &FormSubmission, claimed: Timestamp) -> Result<bool, StoreError> {
        let noted = self.attempt(&[submission.done_counter()], submission.caller()).await;
        if noted.is_err() {
            let names = vec![submission.done_counter().name, submission.claim_counter().name];
            self.unsent().push(UnsentForm { names, claimed, caller: submission.caller() });
        }
        Ok(matches!(noted?, CountResult::Counted { .. }))
    }

    /// Removes what may be noted of submissions that were not sent. Nothing is asked where there are none.
    ///
    /// # Errors
    /// When the store is away; the next run does the rest.
    pub async fn remove_unsent(&self) -> Result<(), StoreError> {
        while let Some(unsent) = self.next_unsent() {
            if let Err(away) = self.store.finish(&unsent.names, &[], unsent.caller).await {
                self.unsent().push(unsent);
                return Err(away);
            }
        }
        Ok(())
    }

    /// Takes the next one, so that nobody removes it a second time, and drops those whose claim may have lapsed.
    fn next_unsent(&self) -> Option<UnsentForm> {
        let (mut all, now) = (self.unsent(), self.clock.now());
        let before = all.len();
        all.retain(|unsent| now.since(unsent.claimed) < REMOVAL_WINDOW);
        if all.len() < before {
            warn!(entries = before - all.len(), "Form claims not removed: the store was away");
        }
        all.pop()
    }

    async fn attempt(&self, required: &[AttemptCounter], caller: CallerClass) -> Result<CountResult, StoreError> {
        self.store.attempt(required, &[], caller, self.clock.now()).await
    }

    fn unsent(&self) -> MutexGuard<'_, Vec<UnsentForm>> {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn proof(&self, scope: &str, browser: &Token, made: i64, random: &str) -> String {
        self.key.keyed_digest("form-token", &format!("{scope}\n{}\n{made}\n{random}", browser.expose()))
    }
}
