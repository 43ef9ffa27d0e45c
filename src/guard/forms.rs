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

use super::{Caller, Counter, Tally, ThrottleStore};
use crate::{
    clock::{Clock, Timestamp},
    id::SessionId,
    outage::StoreError,
    secret::{Key, Token},
};

/// How long a token is good. A claim is kept for as long, so that none is used again when its claim is forgotten.
const GOOD_FOR: Duration = Duration::from_hours(1);
/// Claims of one session in an hour: far above a person, and a bound for what the store keeps of forms.
const CLAIMS: u32 = 60;
/// A claim outlives each token that made it, whatever the clocks of several processes say.
const KEPT: Duration = Duration::from_hours(2);
/// How long the claim of a form holds that goes to an app, until it is noted as sent.
const PENDING: Duration = Duration::from_mins(1);
/// How long after its claim a note is removed that may stand though nothing was sent: while no other press can have claimed.
const REMOVABLE: Duration = Duration::from_secs(30);
/// How far the clocks of two processes may be apart.
const SKEW: Duration = Duration::from_mins(1);
/// Waits between looks whether another submission acts within a moment: as long as a password takes.
const SOON: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(100), Duration::from_millis(200), Duration::from_millis(400)];
/// How long a second submission waits for the first, and how often it looks.
const PATIENCE: u32 = 100;
const LOOK: Duration = Duration::from_millis(50);

/// Makes the tokens of forms, and tells first submissions from repeats.
#[derive(Clone)]
pub struct Forms {
    store: Arc<dyn ThrottleStore>,
    key: Key,
    clock: Clock,
    unsent: Arc<Mutex<Vec<Unsent>>>,
}

/// Counters that the store may hold of a submission that was not sent: the store's answer was lost.
#[derive(Debug)]
struct Unsent {
    /// Names of counters.
    names: Vec<String>,
    claimed: Timestamp,
    caller: Caller,
}

/// A form as one browser sent it: the same content with the same token is the same submission.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Told to the store.
    name: String,
    /// Told to nobody. Neither leads to the other: who reads the store and the key derives no secret from them.
    seed: String,
    key: Key,
    /// The session whose claims are counted.
    session: Option<SessionId>,
    /// How long its claim holds where nobody says how it ended.
    held: Duration,
}

/// Which submission of the same form this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// The first: say how it ends ([`Forms::settle`]).
    First,
    /// Another one, and the first is done.
    Repeat,
    /// Another one, and nobody knows what became of the first.
    Unknown,
    /// One more than the session may claim in an hour: nothing is claimed.
    TooMany {
        /// When it may claim again.
        until: Timestamp,
    },
}

impl Submission {
    /// A secret that this submission alone leads to: each process of ours derives the same one.
    ///
    /// # Panics
    /// Never: a keyed digest has the length of a token.
    #[must_use]
    pub fn secret(&self, purpose: &str) -> Token {
        let text = self.key.blind(&format!("form-{purpose}"), &self.seed);
        Token::parse(text.as_bytes()).expect("a keyed digest has the length of a token")
    }

    /// The same, counted among those of this session.
    #[must_use]
    pub fn counted_by(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// The session that it is counted by.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// The same, whose claim lapses soon: it goes to an app, and [`Forms::note_sent`] decides whether it does.
    #[must_use]
    pub const fn pending(mut self) -> Self {
        self.held = PENDING;
        self
    }

    const fn caller(&self) -> Caller {
        if self.session.is_some() { Caller::SignedIn } else { Caller::Anybody }
    }

    fn claim(&self) -> Counter {
        Counter { name: format!("form:{}", self.name), tries: 1, within: self.held, cool_off: self.held }
    }

    fn of_session(&self) -> Option<Counter> {
        let name = format!("forms:{}", self.session?.bare());
        Some(Counter { name, tries: CLAIMS, within: GOOD_FOR, cool_off: GOOD_FOR })
    }

    fn done(&self) -> Counter {
        Counter { name: format!("form-done:{}", self.name), tries: 1, within: KEPT, cool_off: KEPT }
    }
}

impl Forms {
    /// Over one store; processes that share it share the key.
    #[must_use]
    pub fn new(store: Arc<dyn ThrottleStore>, key: Key, clock: Clock) -> Self {
        Self { store, key, clock, unsent: Arc::default() }
    }

    /// The browser that a form is shown to of which no cookie came, and whose cookies must stay as they are.
    ///
    /// # Panics
    /// Never: a keyed digest has the length of a token.
    #[must_use]
    pub fn any_browser(&self) -> Token {
        let text = self.key.blind("form-any-browser", "");
        Token::parse(text.as_bytes()).expect("a keyed digest has the length of a token")
    }

    /// A new token for a form that is shown to `browser`, good for one `place`.
    #[must_use]
    pub fn token(&self, place: &str, browser: &Token) -> String {
        let made = self.clock.now().as_millis();
        let random = Token::mint().hand_over();
        let proof = self.proof(place, browser, made, &random);
        format!("{made}.{random}.{proof}")
    }

    /// Reads the token of a form that `browser` sent with this content, which the token is part of. None: it is none of
    /// ours, of another browser or place, or too old.
    #[must_use]
    pub fn read(&self, token: &str, place: &str, browser: &Token, content: &[u8]) -> Option<Submission> {
        let (made, rest) = token.split_once('.')?;
        let (random, proof) = rest.split_once('.')?;
        let at: i64 = made.parse().ok()?;
        let (now, made_at) = (self.clock.now(), Timestamp::from_millis(at));
        // One of the future would outlive its claim. A number has one spelling: with another it would be another submission.
        let good = now.since(made_at) <= GOOD_FOR && made_at.since(now) <= SKEW && made == at.to_string();
        let ours = Token::parse(proof.as_bytes())?.digest()
            == Token::parse(self.proof(place, browser, at, random).as_bytes())?.digest();
        if !(good && ours) {
            return None;
        }
        let content = String::from_utf8_lossy(content);
        let sent = format!("{place}\n{}\n{content}", browser.hand_over());
        let (name, seed) = (self.key.blind("form-content", &sent), self.key.blind("form-seed", &sent));
        Some(Submission { name, seed, key: self.key.clone(), session: None, held: KEPT })
    }

    /// Claims a submission; where it is claimed already, waits for how it ends. A session that has claimed 60 in an
    /// hour claims no more.
    ///
    /// # Errors
    /// When the store is away: nothing is claimed then.
    pub async fn begin(&self, submission: &Submission) -> Result<Begun, StoreError> {
        let of_session = submission.of_session();
        let asked: Vec<Counter> = [submission.claim()].into_iter().chain(of_session.clone()).collect();
        for _ in 0..PATIENCE {
            let closed_until = match self.attempt(&asked, submission.caller()).await? {
                Tally::Counted { .. } => return Ok(Begun::First),
                Tally::Closed { until } => until,
            };
            if self.is_closed(&submission.done()).await? {
                return Ok(Begun::Repeat);
            }
            if let Some(counter) = &of_session
                && self.is_closed(counter).await?
            {
                // A claim may be closed for longer.
                return Ok(Begun::TooMany { until: closed_until.min(self.clock.now().plus(GOOD_FOR)) });
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(Begun::Unknown)
    }

    /// Whether another submission of the same form has acted; waits for one that is under way. Claims and writes nothing.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn has_acted(&self, submission: &Submission) -> Result<bool, StoreError> {
        for _ in 0..PATIENCE {
            if self.is_closed(&submission.done()).await? {
                return Ok(true);
            }
            if !self.is_closed(&submission.claim()).await? {
                return Ok(false);
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(false)
    }

    /// Whether another submission of the same form acts within a moment: what it proves may be looked at just now, before it is claimed.
    /// Claims and writes nothing.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn acts_soon(&self, submission: &Submission) -> Result<bool, StoreError> {
        for wait in SOON {
            if self.is_closed(&submission.done()).await? {
                return Ok(true);
            }
            tokio::time::sleep(wait).await;
        }
        self.is_closed(&submission.done()).await
    }

    async fn is_closed(&self, counter: &Counter) -> Result<bool, StoreError> {
        self.store.is_closed(&counter.name, self.clock.now()).await
    }

    /// How a first submission ended: `done`, or as if it had never been.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn settle(&self, submission: &Submission, done: bool) -> Result<(), StoreError> {
        if done {
            self.attempt(&[submission.done()], submission.caller()).await.map(drop)
        } else {
            self.store.settle(&[submission.claim().name], &[], submission.caller()).await
        }
    }

    /// Claims a submission that goes to an app: [`Forms::begin`], whose claim lapses within a minute where neither
    /// [`Forms::note_sent`] nor [`Forms::settle`] follows.
    ///
    /// # Errors
    /// When the store is away. A claim that stands all the same is removed by [`Forms::remove_unsent`].
    pub async fn begin_pending(&self, submission: &Submission) -> Result<Begun, StoreError> {
        self.remove_unsent().await?;
        let begun = self.begin(submission).await;
        if begun.is_err() {
            self.unsent().push(Unsent {
                names: vec![submission.claim().name],
                claimed: self.clock.now(),
                caller: submission.caller(),
            });
        }
        begun
    }

    /// Notes that a submission which was claimed then goes to an app now. False: another press of the same form was faster.
    ///
    /// # Errors
    /// When the store is away: nothing may be sent then. A note that stands all the same is removed by
    /// [`Forms::remove_unsent`].
    pub async fn note_sent(&self, submission: &Submission, claimed: Timestamp) -> Result<bool, StoreError> {
        let noted = self.attempt(&[submission.done()], submission.caller()).await;
        if noted.is_err() {
            let names = vec![submission.done().name, submission.claim().name];
            self.unsent().push(Unsent { names, claimed, caller: submission.caller() });
        }
        Ok(matches!(noted?, Tally::Counted { .. }))
    }

    /// Removes what may be noted of submissions that were not sent. Nothing is asked where there are none.
    ///
    /// # Errors
    /// When the store is away; the next run does the rest.
    pub async fn remove_unsent(&self) -> Result<(), StoreError> {
        while let Some(unsent) = self.next_unsent() {
            if let Err(away) = self.store.settle(&unsent.names, &[], unsent.caller).await {
                self.unsent().push(unsent);
                return Err(away);
            }
        }
        Ok(())
    }

    /// Takes the next one, so that nobody removes it a second time, and drops those whose claim may have lapsed.
    fn next_unsent(&self) -> Option<Unsent> {
        let (mut all, now) = (self.unsent(), self.clock.now());
        let before = all.len();
        all.retain(|unsent| now.since(unsent.claimed) < REMOVABLE);
        if all.len() < before {
            warn!(entries = before - all.len(), "Form claims not removed: the store was away");
        }
        all.pop()
    }

    async fn attempt(&self, asked: &[Counter], caller: Caller) -> Result<Tally, StoreError> {
        self.store.attempt(asked, &[], caller, self.clock.now()).await
    }

    fn unsent(&self) -> MutexGuard<'_, Vec<Unsent>> {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn proof(&self, place: &str, browser: &Token, made: i64, random: &str) -> String {
        self.key.blind("form-token", &format!("{place}\n{}\n{made}\n{random}", browser.hand_over()))
    }
}
