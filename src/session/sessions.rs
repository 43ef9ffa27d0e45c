//! What can be done with sessions: open, list, end. The gate's own look-up is in `gate`.

use std::{net::IpAddr, sync::Arc};

use arc_swap::ArcSwap;

use super::{
    Activity, Ended, Ending, Kind, NewSession, Opened, Owner, Proof, Session, SessionPolicy, SessionStore,
    SessionToken, Standing, Terms, Which,
};
use crate::{
    audit::{Actor, Fact, Journal},
    clock::{Clock, Timestamp},
    id::{SessionId, UserId},
    metrics::Metrics,
    outage::StoreError,
    secret::Digest,
    visitor::{Device, Visitor},
};

/// The use cases of sessions. Each deed returns its story, is in the journal before it is acknowledged, and is counted.
#[derive(Clone)]
pub struct Sessions {
    store: Arc<dyn SessionStore>,
    journal: Journal,
    policy: Arc<ArcSwap<SessionPolicy>>,
    clock: Clock,
    metrics: Arc<Metrics>,
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
    /// What it is opened with.
    pub device: Device,
    /// From where.
    pub ip: IpAddr,
    /// How often they have signed in from this device, this time included.
    pub sign_ins: u32,
}

/// Who ends sessions, and for what.
#[derive(Clone, Debug)]
pub struct EndedBy {
    /// Who.
    pub actor: Actor,
    /// How it counts.
    pub ending: Ending,
    /// Why, where somebody had to say.
    pub reason: Option<String>,
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
        metrics.know_endings(&Ending::LABELS);
        Self { store, journal, policy, clock, metrics }
    }

    /// Writes what an owner may do now and tells the generation that an [`Opening`] must name.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn admit(&self, owner: &Owner) -> Result<u64, StoreError> {
        self.store.put_owner(owner).await
    }

    /// Opens a session. `None`: its owner was ended, disabled or removed since the generation was read.
    ///
    /// # Errors
    /// When the store is away; whether the session was opened is unknown then, and nobody holds its secret.
    pub async fn open(&self, opening: Opening) -> Result<Option<(Session, SessionToken)>, StoreError> {
        let now = self.clock.now();
        let policy = self.policy.load();
        let session = Session {
            id: SessionId::mint(opening.owner),
            terms: Terms {
                opened: now,
                remembered: opening.remember && policy.remember_me.allowed,
                kind: opening.kind,
            },
            proof: opening.proof,
            device: opening.device,
            first_ip: opening.ip,
            sign_ins: opening.sign_ins,
            activity: Activity { latest: now, ip: opening.ip, actions: 0, last_page: None },
        };
        let token = SessionToken::mint(session.id);
        let new = NewSession {
            session: session.clone(),
            secret: token.digest(),
            generation: opening.generation,
            max_per_user: policy.max_per_user,
        };
        match self.store.open(new).await? {
            Opened::Yes { evicted } => {
                let by = EndedBy { actor: Actor::System, ending: Ending::TooMany, reason: None };
                if let Err(away) = self.tell(&evicted, &by, None).await {
                    // Nobody will hold its secret: it must not stay.
                    let which = Which::One { owner: session.owner(), id: session.id };
                    self.store.end(which, &Ending::SignedOut, now).await?;
                    return Err(away);
                }
                Ok(Some((session, token)))
            }
            Opened::Superseded => Ok(None),
        }
    }

    /// A user's sessions that still count, the one that is asking first, then the longest unused last.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn list(&self, owner: UserId, current: Option<SessionId>) -> Result<Vec<Session>, StoreError> {
        let now = self.clock.now();
        let policy = self.policy.load();
        let mut sessions = self.store.list(owner).await?;
        sessions.retain(|session| policy.standing(session.terms, session.activity.latest, now) == Standing::Live);
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
        let session = self.store.get(id).await?;
        Ok(session.filter(|found| policy.standing(found.terms, found.activity.latest, now) == Standing::Live))
    }

    /// Ends one of a user's own sessions. None: there is no such session of theirs.
    ///
    /// # Errors
    /// When the store is away; whether it ended is unknown then.
    pub async fn end_own(
        &self,
        owner: UserId,
        id: SessionId,
        current: Option<SessionId>,
        from: &Visitor,
    ) -> Result<Option<Session>, StoreError> {
        if id.owner() != owner {
            self.note_reach(owner, id, from).await?;
            return Ok(None);
        }
        let ending = if current == Some(id) {
            Ending::SignedOut
        } else {
            Ending::FromAnotherDevice { device: from.device.clone() }
        };
        let by = EndedBy { actor: Actor::User(owner), ending, reason: None };
        Ok(self.end(Which::One { owner, id }, &by, Some(from)).await?.pop())
    }

    /// Ends all of a user's sessions but the one that asks.
    ///
    /// # Errors
    /// When the store is away; which of them ended is unknown then.
    pub async fn end_others(&self, owner: UserId, keep: SessionId, from: &Visitor) -> Result<Vec<Session>, StoreError> {
        let ending = Ending::FromAnotherDevice { device: from.device.clone() };
        let by = EndedBy { actor: Actor::User(owner), ending, reason: None };
        self.end(Which::AllBut { owner, keep }, &by, Some(from)).await
    }

    /// Ends all of a user's sessions, the one that asks too.
    ///
    /// # Errors
    /// When the store is away; which of them ended is unknown then.
    pub async fn end_all(&self, owner: UserId, from: &Visitor) -> Result<Vec<Session>, StoreError> {
        let ending = Ending::FromAnotherDevice { device: from.device.clone() };
        let by = EndedBy { actor: Actor::User(owner), ending, reason: None };
        self.end(Which::AllOf(owner), &by, Some(from)).await
    }

    /// Ends sessions, records and counts them.
    ///
    /// # Errors
    /// When the store is away; which of them ended is unknown then.
    pub async fn end(&self, which: Which, by: &EndedBy, from: Option<&Visitor>) -> Result<Vec<Session>, StoreError> {
        let ended = self.store.end(which, &by.ending, self.clock.now()).await?;
        self.tell(&ended, by, from).await?;
        Ok(ended)
    }

    /// Gives a session a new secret (same id); the old one lives on until `grace_until` for parallel requests.
    /// None: `shown` is not its secret any more.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn renew(
        &self,
        id: SessionId,
        shown: Digest,
        grace_until: Timestamp,
    ) -> Result<Option<SessionToken>, StoreError> {
        let token = SessionToken::mint(id);
        let renewed = self.store.renew(id, shown, token.digest(), grace_until).await?;
        Ok(renewed.then_some(token))
    }

    /// Why a session is gone, for whoever shows its secret.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn ended(&self, id: SessionId, shown: Digest) -> Result<Option<Ended>, StoreError> {
        self.store.ended(id, shown).await
    }

    /// When sessions end by themselves, as of now.
    #[must_use]
    pub fn policy(&self) -> Arc<SessionPolicy> {
        self.policy.load_full()
    }

    async fn tell(&self, ended: &[Session], by: &EndedBy, from: Option<&Visitor>) -> Result<(), StoreError> {
        for _ in ended {
            self.metrics.session_ended(by.ending.label());
        }
        let fact = |session: &Session| Fact::SessionEnded {
            session: session.id,
            ending: by.ending.clone(),
            reason: by.reason.clone(),
        };
        let facts: Vec<_> = ended.iter().map(|session| (Some(session.owner()), fact(session))).collect();
        self.journal.record_all(by.actor, from, facts).await
    }

    async fn note_reach(&self, who: UserId, id: SessionId, from: &Visitor) -> Result<(), StoreError> {
        let fact = Fact::SessionOfAnother { session: id };
        self.journal.record(Some(who), Actor::User(who), Some(from), fact).await
    }
}
