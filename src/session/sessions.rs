//! What can be done with sessions: open, list, end. The gate's own look-up is in `gate`.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tracing::{error, warn};

use super::{
    Activity, EndError, Ended, Ending, Kind, NewSession, Opened, Owner, Parting, Proof, Session, SessionPolicy,
    SessionStore, SessionToken, Standing, Terms, UnconfirmedEnds, Which,
};
use crate::{
    audit::{Actor, Fact, Journal, Seldom, Story},
    clock::Clock,
    id::{SessionId, UserId},
    metrics::Metrics,
    outage::StoreError,
    secret::{Digest, Token},
    visitor::Visitor,
};

/// How many reaches for sessions of others the journal takes of one user in a minute.
const REACHES_TOLD: u8 = 10;

/// The use cases of sessions. Each deed returns its story, is in the journal before it is acknowledged, and is counted.
#[derive(Clone)]
pub struct Sessions {
    store: Arc<dyn SessionStore>,
    journal: Journal,
    policy: Arc<ArcSwap<SessionPolicy>>,
    clock: Clock,
    metrics: Arc<Metrics>,
    /// Who reached for another's session lately.
    reaches: Seldom,
    /// Ends that the store could not write.
    unconfirmed: Arc<UnconfirmedEnds>,
}

/// A session that is about to be opened for somebody who has proved who they are.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Who.
    pub owner: UserId,
    /// Their generation, read before the proof was checked.
    pub generation: u64,
    /// How they proved it.
    pub proof: Proof,
    /// "Keep me signed in" was ticked.
    pub remember: bool,
    /// A browser or an installed app.
    pub kind: Kind,
    /// From where, with what.
    pub from: Visitor,
    /// How often they have signed in from this device, this time included.
    pub sign_ins: u32,
    /// The session that this browser holds already: it ends, so that none is left behind.
    pub replaces: Option<SessionId>,
    /// The secret that it shall have, where the form that opens it may be sent again; else a random one.
    pub secret: Option<Token>,
}

/// Who ends sessions, and for what.
#[derive(Clone, Debug)]
pub struct EndedBy {
    /// Who.
    pub actor: Actor,
    /// How it counts.
    pub ending: Ending,
    /// The session that asks for it: to that one it is a sign-out.
    pub own: Option<SessionId>,
    /// Why, where somebody had to say.
    pub reason: Option<String>,
}

impl EndedBy {
    fn from_another_device(owner: UserId, from: &Visitor) -> Self {
        let ending = Ending::FromAnotherDevice { device: from.device.clone() };
        Self { actor: Actor::User(owner), ending, own: None, reason: None }
    }
}

impl Sessions {
    /// The use cases over one store.
    #[must_use]
    pub fn new(
        store: Arc<dyn SessionStore>,
        journal: Journal,
        policy: Arc<ArcSwap<SessionPolicy>>,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        metrics.register_end_reasons(&Ending::LABELS);
        Self { store, journal, policy, clock, metrics, reaches: Seldom::default(), unconfirmed: Arc::default() }
    }

    /// Writes what an owner may do now and tells the generation that an [`Opening`] must name.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn admit(&self, owner: &Owner) -> Result<u64, StoreError> {
        self.store.put_owner(owner).await
    }

    /// Opens a session; the one it replaces ends with it. `None`: its owner was ended, disabled or removed since the
    /// generation was read.
    ///
    /// # Errors
    /// When the store is away; whether the session was opened is unknown then, and nobody holds its secret.
    pub async fn open(&self, opening: Opening) -> Result<Option<(Session, SessionToken)>, StoreError> {
        let now = self.clock.now();
        let policy = self.policy.load();
        let token = self.unused(opening.owner, opening.secret).await?;
        let session = Session {
            id: token.id(),
            terms: Terms {
                opened: now,
                remembered: opening.remember && policy.remember_me.allowed,
                kind: opening.kind,
            },
            proof: opening.proof,
            device: opening.from.device.clone(),
            first_ip: opening.from.ip,
            sign_ins: opening.sign_ins,
            activity: Activity { latest: now, ip: opening.from.ip, actions: 0, last_page: None },
        };
        let new = NewSession {
            session: session.clone(),
            secret: token.digest(),
            generation: opening.generation,
            max_per_user: policy.max_per_user,
            replaces: opening.replaces,
            story: Story::of(Actor::User(opening.owner), Some(&opening.from), now),
        };
        let (replacing, evicting) = (new.replacing(), new.evicting());
        let opened = self.store.open(new.clone()).await;
        self.journal.tell(&opened, |opened| new.told(opened));
        let Opened::Yes { replaced, evicted } = opened? else { return Ok(None) };
        self.count(replaced.as_deref(), &replacing);
        self.count(&evicted, &evicting);
        Ok(Some((session, token)))
    }

    /// The token of a new session: of this secret, unless a session has had it before. One that has ended never lives again.
    async fn unused(&self, owner: UserId, secret: Option<Token>) -> Result<SessionToken, StoreError> {
        if let Some(secret) = secret {
            let token = SessionToken::led_to_by(owner, secret);
            let used = self.store.get(token.id()).await?.is_some()
                || self.store.ended(token.id(), token.digest()).await?.is_some();
            if !used {
                return Ok(token);
            }
        }
        Ok(SessionToken::mint(SessionId::mint(owner)))
    }

    /// A user's sessions that still count, the one that is asking first, then the longest unused last. One whose end is held lets
    /// nobody in, and is not among them.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn list(&self, owner: UserId, current: Option<SessionId>) -> Result<Vec<Session>, StoreError> {
        let now = self.clock.now();
        let policy = self.policy.load();
        let mut sessions: Vec<Session> =
            self.store.list(owner).await?.into_iter().map(|session| session.clamped(now)).collect();
        sessions.retain(|session| policy.standing(session.terms, session.activity.latest, now) == Standing::Live);
        sessions.retain(|session| !self.unconfirmed.holds(session.id));
        sessions.sort_by_key(|session| (Some(session.id) != current, std::cmp::Reverse(session.activity.latest)));
        Ok(sessions)
    }

    /// One of a user's own sessions. Another's is none, and the reach for it is recorded.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn own(&self, owner: UserId, id: SessionId, from: &Visitor) -> Result<Option<Session>, StoreError> {
        if id.owner() != owner {
            self.note_reach(owner, id, from).await?;
            return Ok(None);
        }
        let now = self.clock.now();
        let policy = self.policy.load();
        let session = self.store.get(id).await?.filter(|_| !self.unconfirmed.holds(id));
        Ok(session
            .map(|found| found.clamped(now))
            .filter(|found| policy.standing(found.terms, found.activity.latest, now) == Standing::Live))
    }

    /// The terms of the live session whose secret this is now.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn opened_by(&self, token: &SessionToken) -> Result<Option<Terms>, StoreError> {
        let now = self.clock.now();
        let Some(found) = self.store.find(token.id()).await? else { return Ok(None) };
        let found = found.clamped(now);
        let is_live = self.policy.load().standing(found.terms, found.latest, now) == Standing::Live
            && !self.unconfirmed.holds(token.id());
        Ok((is_live && found.secrets.current == token.digest()).then_some(found.terms))
    }

    /// Ends one of a user's own sessions. None: there is no such session of theirs.
    ///
    /// # Errors
    /// When the end is not written yet, or the store is away; whether it ended is unknown then.
    pub async fn end_own(
        &self,
        owner: UserId,
        id: SessionId,
        current: Option<SessionId>,
        from: &Visitor,
    ) -> Result<Option<Session>, EndError> {
        if id.owner() != owner {
            self.note_reach(owner, id, from).await?;
            return Ok(None);
        }
        let by = EndedBy { own: current, ..EndedBy::from_another_device(owner, from) };
        Ok(self.end_or_hold(Which::One { owner, id }, by, from).await?.pop())
    }

    /// Ends all of a user's sessions but the one that asks.
    ///
    /// # Errors
    /// When the ends are not written yet, or the store is away; which of them ended is unknown then.
    pub async fn end_others(&self, owner: UserId, keep: SessionId, from: &Visitor) -> Result<Vec<Session>, EndError> {
        let by = EndedBy::from_another_device(owner, from);
        self.end_or_hold(Which::AllBut { owner, keep }, by, from).await
    }

    /// Ends all of a user's sessions, the one that asks too.
    ///
    /// # Errors
    /// When the ends are not written yet, or the store is away; which of them ended is unknown then.
    pub async fn end_all(&self, owner: UserId, current: SessionId, from: &Visitor) -> Result<Vec<Session>, EndError> {
        let by = EndedBy { own: Some(current), ..EndedBy::from_another_device(owner, from) };
        self.end_or_hold(Which::AllOf(owner), by, from).await
    }

    /// Ends a session that has run out, once its browser is told so or what it has in flight is cut: a longer timeout must not
    /// bring it back after that. Tells how it ended; none where it had ended before, or was used meanwhile.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn run_out(&self, id: SessionId) -> Result<Option<Ending>, StoreError> {
        let now = self.clock.now();
        let Some(session) = self.store.get(id).await? else { return Ok(None) };
        let Some(ending) = self.policy.load().ran_out(&session, now) else { return Ok(None) };
        let parting = Parting::new(ending, Story::of_the_system(now));
        let gone = self.store.expire(id, session.activity.latest, &parting).await;
        self.journal.tell(&gone, |gone| parting.told(gone));
        let gone = gone?;
        self.count(&gone, &parting);
        Ok(gone.map(|_| parting.ending))
    }

    /// Ends sessions, records and counts them.
    ///
    /// # Errors
    /// When the store is away; which of them ended is unknown then.
    pub async fn end(&self, which: Which, by: EndedBy, from: Option<&Visitor>) -> Result<Vec<Session>, StoreError> {
        self.end_as(which, &self.parting(by, from)).await
    }

    /// Ends sessions. Where the store can be read and takes no writes, the end holds in this process until it does.
    async fn end_or_hold(&self, which: Which, by: EndedBy, from: &Visitor) -> Result<Vec<Session>, EndError> {
        let parting = self.parting(by, Some(from));
        match self.end_as(which, &parting).await {
            Err(StoreError::Away(why)) => {
                let refused = StoreError::Away(why);
                Err(if self.hold(which, parting, &refused).await? { EndError::Unconfirmed } else { refused.into() })
            }
            ended => Ok(ended?),
        }
    }

    /// Holds the ends of sessions that can be read. False: there is none of them any more, or no room.
    async fn hold(&self, which: Which, parting: Parting, refused: &StoreError) -> Result<bool, StoreError> {
        let sessions = match which {
            Which::One { owner, id } => self.store.get(id).await?.filter(|_| id.owner() == owner).into_iter().collect(),
            Which::AllBut { owner, .. } | Which::AllOf(owner) => self.store.list(owner).await?,
            Which::Everyone { .. } => Vec::new(),
        };
        let mut ids: Vec<SessionId> = sessions.into_iter().map(|session| session.id).collect();
        ids.retain(|id| !which.keeps(*id));
        if ids.is_empty() {
            return Ok(false);
        }
        let is_held = self.unconfirmed.hold(&ids, which, parting);
        self.metrics.set_ends_unconfirmed(self.unconfirmed.count());
        if is_held {
            warn!(sessions = ids.len(), "End not confirmed, held in memory and lost at a restart: {refused}");
        } else {
            error!(sessions = ids.len(), "End refused, too many are held in memory already: {refused}");
        }
        Ok(is_held)
    }

    /// Writes ends that are held, and lets go of them; tells how many.
    ///
    /// # Errors
    /// When the store takes no writes; those that are left are held on.
    pub async fn confirm_ends(&self) -> Result<usize, StoreError> {
        let mut written = 0;
        while let Some((id, parting)) = self.unconfirmed.next() {
            let ended = self.store.end(Which::One { owner: id.owner(), id }, &parting).await;
            if let Err(why) = ended {
                self.unconfirmed.put_off(id);
                return Err(why);
            }
            self.journal.tell(&ended, |ended| parting.told(ended));
            self.count(&ended?, &parting);
            // Once the store takes writes, and before the last is let go of.
            written += self.end_found_late().await?;
            self.unconfirmed.confirm(id);
            written += 1;
        }
        // One may have been added while the last was let go of.
        Ok(written + self.end_found_late().await?)
    }

    /// Ends sessions that were opened before an end of all, and that it did not see; tells how many. The store takes writes by
    /// now: they are not held, so that there is room for any number.
    async fn end_found_late(&self) -> Result<usize, StoreError> {
        let mut late = 0;
        for (owner, which, parting) in self.unconfirmed.of_all() {
            for session in self.store.list(owner).await? {
                let is_held = self.unconfirmed.holds(session.id);
                if session.terms.opened < parting.story.at && !which.keeps(session.id) && !is_held {
                    late += self.end_as(Which::One { owner, id: session.id }, &parting).await?.len();
                }
            }
            self.unconfirmed.looked_after(&parting);
        }
        Ok(late)
    }

    /// Ends that the store could not write.
    #[must_use]
    pub fn unconfirmed(&self) -> Arc<UnconfirmedEnds> {
        self.unconfirmed.clone()
    }

    fn parting(&self, by: EndedBy, from: Option<&Visitor>) -> Parting {
        let EndedBy { actor, ending, own, reason } = by;
        Parting { ending, own, reason, story: self.journal.story(actor, from) }
    }

    async fn end_as(&self, which: Which, parting: &Parting) -> Result<Vec<Session>, StoreError> {
        let ended = self.store.end(which, parting).await;
        self.journal.tell(&ended, |ended| parting.told(ended));
        let ended = ended?;
        self.count(&ended, parting);
        Ok(ended)
    }

    /// Counts sessions that a store has ended.
    pub fn count<'a>(&self, ended: impl IntoIterator<Item = &'a Session>, parting: &Parting) {
        for session in ended {
            self.metrics.session_ended(parting.ending(session.id).label());
        }
    }

    /// Why a session is gone, for whoever shows its secret.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn ended(&self, id: SessionId, shown: Digest) -> Result<Option<Ended>, StoreError> {
        if let Some(ended) = self.unconfirmed.ended(id)
            && let Some(found) = self.store.find(id).await?
            && found.secrets.accept(shown, self.clock.now())
        {
            return Ok(Some(ended));
        }
        self.store.ended(id, shown).await
    }

    /// When sessions end by themselves, as of now.
    #[must_use]
    pub fn policy(&self) -> Arc<SessionPolicy> {
        self.policy.load_full()
    }

    /// Of whoever reaches for many, some are told each minute: they must not fill the journal.
    async fn note_reach(&self, who: UserId, id: SessionId, from: &Visitor) -> Result<(), StoreError> {
        let now = self.clock.now();
        if !(0..REACHES_TOLD).any(|place| self.reaches.is_news((who, place), now)) {
            return Ok(());
        }
        let fact = Fact::SessionOfAnother { session: id };
        self.journal.record(Some(who), Actor::User(who), Some(from), fact).await
    }
}
