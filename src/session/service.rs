//! Use cases of sessions: open, list, find. Their ends are in `ending`; the check of each request is in `gate`.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{
    Activity, ClientKind, EndReason, NewSession, Opened, Proof, Session, SessionPolicy, SessionStatus, SessionStore,
    SessionTerms, SessionToken, UnconfirmedEnds, UserSnapshot,
};
use crate::{
    audit::{Actor, AuditContext, AuditEvent, AuditLog, Dedup},
    clock::Clock,
    id::{SessionId, UserId},
    metrics::Metrics,
    secret::Token,
    store_error::StoreError,
    visitor::Visitor,
};

/// How many reaches for sessions of others the journal takes of one user in a minute.
const MAX_LOGGED_PER_MINUTE: u8 = 10;

/// The use cases of sessions. Each deed returns its story, is in the journal before it is acknowledged, and is counted.
#[derive(Clone)]
pub struct SessionService {
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) audit_log: AuditLog,
    pub(super) policy: Arc<ArcSwap<SessionPolicy>>,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    /// Users who reached for another's session lately.
    foreign_access: Dedup,
    /// Ends that the store could not write.
    pub(super) unconfirmed_ends: Arc<UnconfirmedEnds>,
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

    /// Writes what an owner may do now and tells the generation that an [`super::OpenRequest`] must name.
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
        let opened = self.audit_log.publish(self.store.open(new).await)?;
        Ok((opened != Opened::GenerationChanged).then_some((session, token)))
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

    /// When sessions end by themselves, as of now.
    #[must_use]
    pub fn policy(&self) -> Arc<SessionPolicy> {
        self.policy.load_full()
    }

    /// Of whoever reaches for many, some are told each minute: they must not fill the journal.
    pub(super) async fn record_foreign_access(
        &self,
        who: UserId,
        id: SessionId,
        from: &Visitor,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        if !(0..MAX_LOGGED_PER_MINUTE).any(|place| self.foreign_access.is_first_in_window((who, place), now)) {
            return Ok(());
        }
        let fact = AuditEvent::SessionOfAnother { session: id };
        self.audit_log.record(Some(who), Actor::User(who), Some(from), fact).await
    }
}
