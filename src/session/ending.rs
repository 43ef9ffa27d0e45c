//! The ends of sessions, as use cases: by their user, by an administrator, by time; and what holds an end while it cannot be written.

use std::sync::Arc;

use tracing::{error, warn};

use super::{Admin, EndError, EndNote, EndReason, EndRecord, EndTarget, Session, SessionService, UnconfirmedEnds};
use crate::{
    audit::{Actor, AuditContext, Reason},
    clock::Timestamp,
    id::{SessionId, UserId},
    secret::Digest,
    store_error::StoreError,
    visitor::Visitor,
};

/// An end that somebody asks for.
struct EndCommand {
    actor: Actor,
    end_reason: EndReason,
    /// The session that asks for it: to that one it is a sign-out.
    requesting_session: Option<SessionId>,
    /// Where somebody had to say.
    reason: Option<String>,
}

impl EndCommand {
    fn from_another_device(user: UserId, from: &Visitor) -> Self {
        let end_reason = EndReason::FromAnotherDevice { device: from.device.clone() };
        Self { actor: Actor::User(user), end_reason, requesting_session: None, reason: None }
    }

    fn by_admin(admin: &Admin, reason: Option<&Reason>) -> Self {
        Self {
            actor: admin.actor(),
            end_reason: EndReason::ByAdministrator,
            requesting_session: None,
            reason: reason.map(ToString::to_string),
        }
    }
}

impl SessionService {
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
    /// bring it back after that. Returns how it ended; none where it had ended before, or was used meanwhile.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn end_if_expired(&self, id: SessionId) -> Result<Option<EndReason>, StoreError> {
        match self.store.get(id).await? {
            Some(session) => self.expire(&session, self.clock.now()).await,
            None => Ok(None),
        }
    }

    /// Ends `session` where it has run out at `now`, unless it was used since it was read. Returns how it ended.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn expire(&self, session: &Session, now: Timestamp) -> Result<Option<EndReason>, StoreError> {
        let Some(reason) = self.policy.load().end_reason(session, now) else { return Ok(None) };
        let end_record = EndRecord::new(reason, AuditContext::system(now));
        let ended = self.store.expire(session.id, session.activity.last_seen, &end_record).await;
        Ok(self.audit_log.publish(ended)?.map(|_| end_record.end_reason))
    }

    /// Ends sessions of others, for a reason that is kept.
    ///
    /// # Errors
    /// When the store is away; which of them ended is unknown then.
    pub async fn end_by_admin(
        &self,
        target: EndTarget,
        admin: &Admin,
        reason: &Reason,
    ) -> Result<Vec<Session>, StoreError> {
        self.end_with(target, &self.end_record(EndCommand::by_admin(admin, Some(reason)), None)).await
    }

    /// Ends one session of another, where a reason may be left out. None: there is no such session.
    ///
    /// # Errors
    /// When the store is away; whether it ended is unknown then.
    pub async fn end_one_by_admin(
        &self,
        id: SessionId,
        admin: &Admin,
        reason: Option<&Reason>,
    ) -> Result<Option<Session>, StoreError> {
        let target = EndTarget::One { owner: id.owner(), id };
        let end_record = self.end_record(EndCommand::by_admin(admin, reason), None);
        Ok(self.end_with(target, &end_record).await?.pop())
    }

    /// Ends a session that had ended for `end_reason` and came back, as a store that lost its last moments has it. None: it did not.
    ///
    /// # Errors
    /// When the store is away; whether it ended is unknown then.
    pub async fn end_again(&self, id: SessionId, end_reason: EndReason) -> Result<Option<Session>, StoreError> {
        let reason = Some("it came back after it had ended".to_owned());
        let by = EndCommand { actor: Actor::System, end_reason, requesting_session: None, reason };
        let target = EndTarget::One { owner: id.owner(), id };
        Ok(self.end_with(target, &self.end_record(by, None)).await?.pop())
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
            warn!(sessions = ids.len(), error = %refused, "End not confirmed, held in memory and lost at a restart");
        } else {
            error!(sessions = ids.len(), error = %refused, "End refused, too many are held in memory already");
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
            self.audit_log.publish(ended)?;
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
        self.audit_log.publish(self.store.end(target, end_record).await)
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
}
