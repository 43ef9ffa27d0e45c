//! What can be done with sessions: open, list, end. The gate's own look-up is in `gate`.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tracing::{error, warn};

use super::{
    Activity, ClientKind, EndError, EndNote, EndReason, EndRecord, EndTarget, NewSession, Opened, Proof, Session,
    SessionPolicy, SessionStatus, SessionStore, SessionTerms, SessionToken, UnconfirmedEnds, UserSnapshot,
};
use crate::{
    audit::{Actor, AuditContext, AuditEvent, AuditLog, Dedup},
    clock::Clock,
    id::{SessionId, UserId},
    metrics::Metrics,
    secret::{Digest, Token},
    store_error::StoreError,
    visitor::Visitor,
};

/// How many reaches for sessions of others the journal takes of one user in a minute.
const MAX_LOGGED_PER_MINUTE: u8 = 10;

/// The use cases of sessions. Each deed returns its story, is in the journal before it is acknowledged, and is counted.
#[derive(Clone)]
pub struct SessionService {
    store: Arc<dyn SessionStore>,
    audit_log: AuditLog,
    policy: Arc<ArcSwap<SessionPolicy>>,
    clock: Clock,
    metrics: Arc<Metrics>,
    /// Who reached for another's session lately.
    foreign_access: Dedup,
    /// Ends that the store could not write.
    unconfirmed_ends: Arc<UnconfirmedEnds>,
}

/// A session that is about to be opened for somebody who has proved who they are.
#[derive(Clone, Debug)]
pub struct OpenRequest {
    /// Who.
    pub owner: UserId,
    /// Their generation, read before the proof was checked.
    pub generation: u64,
    /// How they proved it.
    pub proof: Proof,
    /// "Keep me signed in" was ticked.
    pub remember: bool,
    /// A browser or an installed app.
    pub kind: ClientKind,
    /// From where, with what.
    pub visitor: Visitor,
    /// How often they have signed in from this device, this time included.
    pub sign_ins: u32,
    /// The session that this browser holds already: it ends, so that none is left behind.
    pub replaces: Option<SessionId>,
    /// The secret that it shall have, where the form that opens it may be sent again; else a random one.
    pub secret: Option<Token>,
}

/// Who ends sessions, and for what.
#[derive(Clone, Debug)]
pub struct EndCommand {
    /// Who.
    pub actor: Actor,
    /// How it counts.
    pub end_reason: EndReason,
    /// The session that asks for it: to that one it is a sign-out.
    pub requesting_session: Option<SessionId>,
    /// Why, where somebody had to say.
    pub reason: Option<String>,
}

impl EndCommand {
    fn from_another_device(owner: UserId, from: &Visitor) -> Self {
        let ending = EndReason::FromAnotherDevice { device: from.device.clone() };
        Self { actor: Actor::User(owner), end_reason: ending, requesting_session: None, reason: None }
    }
}

impl SessionService {
    /// The use cases over one store.
    #[must_use]
    pub fn new(
        store: Arc<dyn SessionStore>,
        journal: AuditLog,
        policy: Arc<ArcSwap<SessionPolicy>>,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        metrics.register_end_reasons(&EndReason::LABELS);
        Self {
            store,
            audit_log: journal,
            policy,
            clock,
            metrics,
            foreign_access: Dedup::default(),
            unconfirmed_ends: Arc::default(),
        }
    }

    /// Writes what an owner may do now and tells the generation that an [`Opening`] must name.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn register_user(&self, owner: &UserSnapshot) -> Result<u64, StoreError> {
        self.store.put_user_snapshot(owner).await
    }

    /// Opens a session; the one it replaces ends with it. `None`: its owner was ended, disabled or removed since the
    /// generation was read.
    ///
    /// # Errors
    /// When the store is away; whether the session was opened is unknown then, and nobody holds its secret.
    pub async fn open(&self, opening: OpenRequest) -> Result<Option<(Session, SessionToken)>, StoreError> {
        let now = self.clock.now();
        let policy = self.policy.load();
        let token = self.unused_token(opening.owner, opening.secret).await?;
        let session = Session {
            id: token.id(),
            terms: SessionTerms {
                opened: now,
                remembered: opening.remember && policy.remember_me.allowed,
                kind: opening.kind,
            },
            proof: opening.proof,
            device: opening.visitor.device.clone(),
            first_ip: opening.visitor.ip,
            sign_ins: opening.sign_ins,
            activity: Activity { last_seen: now, ip: opening.visitor.ip, actions: 0, last_path: None },
        };
        let new = NewSession {
            session: session.clone(),
            secret: token.digest(),
            generation: opening.generation,
            max_per_user: policy.max_per_user,
            replaces: opening.replaces,
            context: AuditContext::new(Actor::User(opening.owner), Some(&opening.visitor), now),
        };
        let (replacing, evicting) = (new.replace_record(), new.evict_record());
        let opened = self.store.open(new.clone()).await;
        self.audit_log.log_written(&opened, |opened| new.log_events(opened));
        let Opened::Yes { replaced, evicted } = opened? else { return Ok(None) };
        self.count_ended(replaced.as_deref(), &replacing);
        self.count_ended(&evicted, &evicting);
        Ok(Some((session, token)))
    }

    /// The token of a new session: of this secret, unless a session has had it before. One that has ended never lives again.
    async fn unused_token(&self, owner: UserId, secret: Option<Token>) -> Result<SessionToken, StoreError> {
        if let Some(secret) = secret {
            let token = SessionToken::from_form_secret(owner, secret);
            let used = self.store.get(token.id()).await?.is_some()
                || self.store.end_note(token.id(), token.digest()).await?.is_some();
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
        sessions
            .retain(|session| policy.status(session.terms, session.activity.last_seen, now) == SessionStatus::Active);
        sessions.retain(|session| !self.unconfirmed_ends.holds(session.id));
        sessions.sort_by_key(|session| (Some(session.id) != current, std::cmp::Reverse(session.activity.last_seen)));
        Ok(sessions)
    }

    /// One of a user's own sessions. Another's is none, and the reach for it is recorded.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn find_own(&self, owner: UserId, id: SessionId, from: &Visitor) -> Result<Option<Session>, StoreError> {
        if id.owner() != owner {
            self.record_foreign_access(owner, id, from).await?;
            return Ok(None);
        }
        let now = self.clock.now();
        let policy = self.policy.load();
        let session = self.store.get(id).await?.filter(|_| !self.unconfirmed_ends.holds(id));
        Ok(session
            .map(|found| found.clamped(now))
            .filter(|found| policy.status(found.terms, found.activity.last_seen, now) == SessionStatus::Active))
    }

    /// The terms of the live session whose secret this is now.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn live_terms(&self, token: &SessionToken) -> Result<Option<SessionTerms>, StoreError> {
        let now = self.clock.now();
        let Some(found) = self.store.find(token.id()).await? else { return Ok(None) };
        let found = found.clamped(now);
        let is_live = self.policy.load().status(found.terms, found.last_seen, now) == SessionStatus::Active
            && !self.unconfirmed_ends.holds(token.id());
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
            self.record_foreign_access(owner, id, from).await?;
            return Ok(None);
        }
        let by = EndCommand { requesting_session: current, ..EndCommand::from_another_device(owner, from) };
        Ok(self.end_or_hold(EndTarget::One { owner, id }, by, from).await?.pop())
    }

    /// Ends all of a user's sessions but the one that asks.
    ///
    /// # Errors
    /// When the ends are not written yet, or the store is away; which of them ended is unknown then.
    pub async fn end_others(&self, owner: UserId, keep: SessionId, from: &Visitor) -> Result<Vec<Session>, EndError> {
        let by = EndCommand::from_another_device(owner, from);
        self.end_or_hold(EndTarget::AllBut { owner, keep }, by, from).await
    }

    /// Ends all of a user's sessions, the one that asks too.
    ///
    /// # Errors
    /// When the ends are not written yet, or the store is away; which of them ended is unknown then.
    pub async fn end_all(&self, owner: UserId, current: SessionId, from: &Visitor) -> Result<Vec<Session>, EndError> {
        let by = EndCommand { requesting_session: Some(current), ..EndCommand::from_another_device(owner, from) };
        self.end_or_hold(EndTarget::AllOf(owner), by, from).await
    }

    /// Ends a session that has run out, once its browser is told so or what it has in flight is cut: a longer timeout must not
    /// bring it back after that. Tells how it ended; none where it had ended before, or was used meanwhile.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn end_if_expired(&self, id: SessionId) -> Result<Option<EndReason>, StoreError> {
        let now = self.clock.now();
        let Some(session) = self.store.get(id).await? else { return Ok(None) };
        let Some(ending) = self.policy.load().end_reason(&session, now) else { return Ok(None) };
        let end_record = EndRecord::new(ending, AuditContext::system(now));
        let ended = self.store.expire(id, session.activity.last_seen, &end_record).await;
        self.audit_log.log_written(&ended, |ended| end_record.log_events(ended));
        let ended = ended?;
        self.count_ended(&ended, &end_record);
        Ok(ended.map(|_| end_record.end_reason))
    }

    /// Ends sessions, records and counts them.
    ///
    /// # Errors
    /// When the store is away; which of them ended is unknown then.
    pub async fn end(
        &self,
        target: EndTarget,
        by: EndCommand,
        from: Option<&Visitor>,
    ) -> Result<Vec<Session>, StoreError> {
        self.end_with(target, &self.end_record(by, from)).await
    }

    /// Ends sessions. Where the store can be read and takes no writes, the end holds in this process until it does.
    async fn end_or_hold(&self, target: EndTarget, by: EndCommand, from: &Visitor) -> Result<Vec<Session>, EndError> {
        let end_record = self.end_record(by, Some(from));
        match self.end_with(target, &end_record).await {
            Err(StoreError::Unavailable(why)) => {
                let refused = StoreError::Unavailable(why);
                Err(if self.hold(target, end_record, &refused).await? { EndError::Unconfirmed } else { refused.into() })
            }
            ended => Ok(ended?),
        }
    }

    /// Holds the ends of sessions that can be read. False: there is none of them any more, or no room.
    async fn hold(&self, target: EndTarget, end_record: EndRecord, refused: &StoreError) -> Result<bool, StoreError> {
        let sessions = match target {
            EndTarget::One { owner, id } => {
                self.store.get(id).await?.filter(|_| id.owner() == owner).into_iter().collect()
            }
            EndTarget::AllBut { owner, .. } | EndTarget::AllOf(owner) => self.store.list(owner).await?,
            EndTarget::Everyone { .. } => Vec::new(),
        };
        let mut ids: Vec<SessionId> = sessions.into_iter().map(|session| session.id).collect();
        ids.retain(|id| !target.keeps(*id));
        if ids.is_empty() {
            return Ok(false);
        }
        let is_held = self.unconfirmed_ends.hold(&ids, target, end_record);
        self.metrics.set_ends_unconfirmed(self.unconfirmed_ends.count());
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
        while let Some((id, end_record)) = self.unconfirmed_ends.next() {
            let ended = self.store.end(EndTarget::One { owner: id.owner(), id }, &end_record).await;
            if let Err(why) = ended {
                self.unconfirmed_ends.requeue(id);
                return Err(why);
            }
            self.audit_log.log_written(&ended, |ended| end_record.log_events(ended));
            self.count_ended(&ended?, &end_record);
            // Once the store takes writes, and before the last is let go of.
            written += self.end_missed().await?;
            self.unconfirmed_ends.confirm(id);
            written += 1;
        }
        // One may have been added while the last was let go of.
        Ok(written + self.end_missed().await?)
    }

    /// Ends sessions that were opened before an end of all, and that it did not see; tells how many. The store takes writes by
    /// now: they are not held, so that there is room for any number.
    async fn end_missed(&self) -> Result<usize, StoreError> {
        let mut missed = 0;
        for (owner, target, end_record) in self.unconfirmed_ends.all_of_user() {
            for session in self.store.list(owner).await? {
                let is_held = self.unconfirmed_ends.holds(session.id);
                if session.terms.opened < end_record.context.at && !target.keeps(session.id) && !is_held {
                    missed += self.end_with(EndTarget::One { owner, id: session.id }, &end_record).await?.len();
                }
            }
            self.unconfirmed_ends.release_all_of_user(&end_record);
        }
        Ok(missed)
    }

    /// Ends that the store could not write.
    #[must_use]
    pub fn unconfirmed_ends(&self) -> Arc<UnconfirmedEnds> {
        self.unconfirmed_ends.clone()
    }

    fn end_record(&self, by: EndCommand, from: Option<&Visitor>) -> EndRecord {
        let EndCommand { actor, end_reason: ending, requesting_session: own, reason } = by;
        EndRecord { end_reason: ending, requesting_session: own, reason, context: self.audit_log.context(actor, from) }
    }

    async fn end_with(&self, target: EndTarget, end_record: &EndRecord) -> Result<Vec<Session>, StoreError> {
        let ended = self.store.end(target, end_record).await;
        self.audit_log.log_written(&ended, |ended| end_record.log_events(ended));
        let ended = ended?;
        self.count_ended(&ended, end_record);
        Ok(ended)
    }

    /// Counts sessions that a store has ended.
    pub fn count_ended<'a>(&self, ended: impl IntoIterator<Item = &'a Session>, end_record: &EndRecord) {
        for session in ended {
            self.metrics.session_ended(end_record.reason_for(session.id).label());
        }
    }

    /// Why a session is gone, for whoever shows its secret.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn end_note(&self, id: SessionId, shown: Digest) -> Result<Option<EndNote>, StoreError> {
        if let Some(ended) = self.unconfirmed_ends.end_note(id)
            && let Some(found) = self.store.find(id).await?
            && found.secrets.accepts(shown, self.clock.now())
        {
            return Ok(Some(ended));
        }
        self.store.end_note(id, shown).await
    }

    /// When sessions end by themselves, as of now.
    #[must_use]
    pub fn policy(&self) -> Arc<SessionPolicy> {
        self.policy.load_full()
    }

    /// Of whoever reaches for many, some are told each minute: they must not fill the journal.
    async fn record_foreign_access(&self, who: UserId, id: SessionId, from: &Visitor) -> Result<(), StoreError> {
        let now = self.clock.now();
        if !(0..MAX_LOGGED_PER_MINUTE).any(|place| self.foreign_access.is_first_in_window((who, place), now)) {
            return Ok(());
        }
        let fact = AuditEvent::SessionOfAnother { session: id };
        self.audit_log.record(Some(who), Actor::User(who), Some(from), fact).await
    }
}
