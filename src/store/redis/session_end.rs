//! Ends of sessions in Redis: deleted, with a note and a line for the journal in the user's outbox; the generation rises where a
//! sign-in under way must lose too. What follows from a change of an account is the same step.

use std::time::Duration;

use redis::Value;
use serde::Serialize;

use super::{
    codec::{self, UserSnapshotArg},
    error::{RedisStoreError, is_unreachable},
    keys, script,
    sessions::{LiveState, decode_reply, ok_or_log},
};
use crate::{
    audit::AuditEntry,
    clock::Timestamp,
    id::{SessionId, UserId},
    session::{EndRecord, EndTarget, Session},
    store::{LiveEffects, SessionEffect},
    store_error::StoreError,
};

/// How long a note stays. The sweep drops older ones; this is for when nobody sweeps.
const NOTE_TTL: Duration = Duration::from_hours(31 * 24);
/// How long it is known that the consequences of a change are done.
const EFFECTS_DONE_TTL: Duration = Duration::from_hours(24);
/// How often a step is tried again because others came between. Each time at least one of them got its way.
const MAX_ATTEMPTS: usize = 1_000;

/// Outcome of one step.
#[derive(Default)]
pub(super) struct EndOutcome {
    /// The sessions that ended, as far as they could be read.
    pub(super) sessions: Vec<Session>,
    /// Audit entries, also of those that could not be read.
    pub(super) entries: Vec<AuditEntry>,
    /// Whether the session that was to be renewed was.
    pub(super) renewed: bool,
}

/// One step on the sessions of one user.
#[derive(Default)]
pub(super) struct EndOperation<'a> {
    /// Those that end, and how.
    pub(super) target: Option<(UserEndTarget, &'a EndRecord)>,
    /// The user's sign-ins under way lose.
    invalidate_sign_ins: bool,
    /// Only while it was not used since.
    unused_since: Option<Timestamp>,
    /// The change that this follows from.
    effects: Option<&'a LiveEffects>,
}

/// Sessions of one user that end.
pub(super) enum UserEndTarget {
    One(SessionId),
    AllBut(Option<SessionId>),
}

/// Outcome of a try.
enum EndAttempt {
    Done(EndOutcome),
    /// Somebody has done what follows before.
    AlreadyDone,
    /// Other sessions are there than were looked at.
    SessionsChanged,
}

/// As the script reads it. Numbers are text: JSON in Redis would round them.
#[derive(Serialize)]
struct EndPlan {
    #[serde(skip_serializing_if = "Option::is_none")]
    once: Option<String>,
    whole: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unused_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<UserSnapshotArg>,
    raise: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    renewal: Option<RenewalPlan>,
    going: Vec<EndingSession>,
}

#[derive(Serialize)]
struct RenewalPlan {
    from: String,
    to: String,
    grace_until: String,
}

/// A session that is about to end.
#[derive(Serialize)]
pub(super) struct EndingSession {
    member: String,
    at: String,
    ending: String,
    note_for: String,
    line: String,
    #[serde(skip)]
    id: SessionId,
    #[serde(skip)]
    entry: AuditEntry,
}

impl EndingSession {
    pub(super) fn new(id: SessionId, end_record: &EndRecord) -> Self {
        let entry = end_record.entry(id);
        Self {
            member: id.serial(),
            at: end_record.context.at.as_millis().to_string(),
            ending: codec::encode_end_reason(end_record.reason_for(id)),
            note_for: NOTE_TTL.as_millis().to_string(),
            line: codec::to_json(&entry),
            id,
            entry,
        }
    }

    /// Its keys, as scripts want them.
    pub(super) fn keys(&self) -> [String; 3] {
        [keys::session(self.id), keys::activity(self.id), keys::end_note(self.id)]
    }
}

impl EndOutcome {
    /// From those that were to go, and what the script says of those that went.
    pub(super) fn from_reply(going: Vec<EndingSession>, went: Value) -> Result<Self, StoreError> {
        let went: Vec<(String, String, Option<String>)> = decode_reply(went)?;
        let mut left = Self::default();
        for EndingSession { member, id, entry, .. } in going {
            let Some((_, session, activity)) = went.iter().find(|(gone, ..)| *gone == member) else { continue };
            left.sessions.extend(ok_or_log(id, codec::decode_session(id, session, activity.as_deref())));
            left.entries.push(entry);
        }
        Ok(left)
    }
}

impl LiveState {
    /// Ends sessions of one user.
    pub(super) async fn end(
        &self,
        owner: UserId,
        ends: UserEndTarget,
        end_record: &EndRecord,
    ) -> Result<EndOutcome, StoreError> {
        Ok(self
            .execute(owner, EndOperation { target: Some((ends, end_record)), ..EndOperation::default() })
            .await?
            .unwrap_or_default())
    }

    /// Ends one that was not used since.
    pub(super) async fn expire(
        &self,
        id: SessionId,
        latest: Timestamp,
        end_record: &EndRecord,
    ) -> Result<EndOutcome, StoreError> {
        let ends = Some((UserEndTarget::One(id), end_record));
        let deed = EndOperation { target: ends, unused_since: Some(latest), ..EndOperation::default() };
        Ok(self.execute(id.owner(), deed).await?.unwrap_or_default())
    }

    /// Does what follows from a change, once. None: somebody else has.
    pub(super) async fn apply_effects(&self, consequence: &LiveEffects) -> Result<Option<EndOutcome>, StoreError> {
        let owner = consequence.user;
        let deed = EndOperation { effects: Some(consequence), ..EndOperation::default() };
        let deed = match &consequence.sessions {
            SessionEffect::Keep => deed,
            SessionEffect::AdvanceGeneration => EndOperation { invalidate_sign_ins: true, ..deed },
            SessionEffect::End(target, end_record) => {
                let Some(ends) = narrow_to_user(*target, owner) else { return Ok(Some(EndOutcome::default())) };
                EndOperation { target: Some((ends, end_record)), ..deed }
            }
        };
        self.execute(owner, deed).await
    }

    async fn execute(&self, owner: UserId, deed: EndOperation<'_>) -> Result<Option<EndOutcome>, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            match self.try_execute(owner, &deed).await? {
                EndAttempt::Done(left) => return Ok(Some(left)),
                EndAttempt::AlreadyDone => return Ok(None),
                EndAttempt::SessionsChanged => {}
            }
        }
        Err(RedisStoreError::Contended.into())
    }

    /// Raises the generation above all sessions of a user, and does nothing else.
    async fn raise_generation(&self, owner: UserId, deed: &EndOperation<'_>) -> Result<(), StoreError> {
        let gate = keys::user(owner);
        let touched = [gate.clone(), keys::sessions(owner), keys::outbox(owner), gate.clone(), gate];
        let plan = EndPlan {
            once: None,
            whole: false,
            unused_since: None,
            owner: deed.effects.and_then(|follows| follows.snapshot.as_ref()).map(UserSnapshotArg::new),
            raise: "sessions",
            keep: None,
            renewal: None,
            going: Vec::new(),
        };
        self.commit_client().run_script::<Value>(&script::END.call(&touched, &[codec::to_json(&plan)])).await.map(drop)
    }

    async fn try_execute(&self, owner: UserId, deed: &EndOperation<'_>) -> Result<EndAttempt, StoreError> {
        let EndOperation { target: ends, invalidate_sign_ins: supersede, unused_since, effects: follows } = deed;
        let renewal = follows.and_then(|follows| follows.renewal.as_ref());
        let (going, whole, keep) = match ends {
            None => (Vec::new(), false, renewal.map(|renewal| renewal.id)),
            Some((UserEndTarget::One(id), end_record)) => (vec![EndingSession::new(*id, end_record)], false, None),
            Some((UserEndTarget::AllBut(keep), end_record)) => {
                let ids = match self.session_ids(owner).await {
                    Err(why) if !is_unreachable(&why) => {
                        // Whoever cannot be listed is shut out all the same; what is left of them is for somebody to see to.
                        self.raise_generation(owner, deed).await?;
                        return Err(why);
                    }
                    ids => ids?,
                };
                let going =
                    ids.into_iter().filter(|id| Some(*id) != *keep).map(|id| EndingSession::new(id, end_record));
                (going.collect(), true, *keep)
            }
        };
        let mut touched = vec![
            keys::user(owner),
            keys::sessions(owner),
            keys::outbox(owner),
            keys::effects_done(owner, &follows.map(|follows| follows.id.to_string()).unwrap_or_default()),
            keep.map_or_else(|| keys::user(owner), keys::session),
        ];
        touched.extend(going.iter().flat_map(EndingSession::keys));
        let plan = EndPlan {
            once: follows.map(|_| EFFECTS_DONE_TTL.as_millis().to_string()),
            whole,
            unused_since: unused_since.map(|latest| latest.as_millis().to_string()),
            owner: follows.and_then(|follows| follows.snapshot.as_ref()).map(UserSnapshotArg::new),
            raise: match (whole, supersede) {
                (true, _) => "sessions",
                (false, true) => "sign_ins",
                (false, false) => "nothing",
            },
            keep: keep.map(SessionId::serial),
            renewal: renewal.map(|renewal| RenewalPlan {
                from: codec::encode_digest(&renewal.current),
                to: codec::encode_digest(&renewal.new),
                grace_until: renewal.grace_until.as_millis().to_string(),
            }),
            going,
        };
        let at = ends.as_ref().map(|(_, end_record)| end_record.context.at);
        let call = script::END.call(&touched, &[codec::to_json(&plan)]);
        let answer: Vec<Value> = self.commit(owner, at, &call).await?;
        let mut answer = answer.into_iter();
        let mut next = || answer.next().ok_or(RedisStoreError::UnexpectedReply);
        match decode_reply::<String>(next()?)?.as_str() {
            "retry" => Ok(EndAttempt::SessionsChanged),
            "again" => Ok(EndAttempt::AlreadyDone),
            _ => {
                let renewed: i64 = decode_reply(next()?)?;
                Ok(EndAttempt::Done(EndOutcome {
                    renewed: renewed == 1,
                    ..EndOutcome::from_reply(plan.going, next()?)?
                }))
            }
        }
    }
}

/// The sessions of one user that are meant. None: nobody's of theirs.
pub(super) fn narrow_to_user(target: EndTarget, user: UserId) -> Option<UserEndTarget> {
    let own = |id: SessionId| (id.owner() == user).then_some(id);
    match target {
        EndTarget::One { owner, id } => (owner == user).then(|| own(id)).flatten().map(UserEndTarget::One),
        EndTarget::AllBut { owner, keep } => (owner == user).then(|| UserEndTarget::AllBut(own(keep))),
        EndTarget::AllOf(owner) => (owner == user).then_some(UserEndTarget::AllBut(None)),
        EndTarget::Everyone { keep } => Some(UserEndTarget::AllBut(keep.and_then(own))),
    }
}
