//! Opening of a session in Redis: only while its owner's generation is the one that was read before the proof was checked.
//!
//! Invariant: an open that races an end of all loses. Held by
//! `store_contract::an_open_that_races_an_end_of_all_loses`.

use std::time::Duration;

use redis::Value;
use serde::Serialize;

use super::{
    codec,
    error::RedisStoreError,
    keys, script,
    session_end::{EndOutcome, EndingSession},
    sessions::{LiveState, decode_reply, parse_session_id},
};
use crate::{
    audit::Recorded,
    id::SessionId,
    session::{NewSession, Opened},
    store_error::StoreError,
};

/// After so long Redis drops a session by itself: the longest that any setting can let one live. Everything else is
/// computed at each look, so that a changed setting counts at once.
const MAX_SESSION_TTL: Duration = Duration::from_hours(10 * 365 * 24 + 24);
/// How often it is tried again because others came between.
const MAX_ATTEMPTS: usize = 1_000;

#[derive(Serialize)]
struct OpenPlan {
    generation: String,
    session: String,
    activity: String,
    member: String,
    latest: String,
    backstop: String,
    max: String,
    line: String,
    replaced: Vec<EndingSession>,
    evicted: Vec<EndingSession>,
}

impl LiveState {
    /// Opens it, and ends the longest unused ones above the maximum, and the one of the same owner that it replaces.
    pub(super) async fn open_session(&self, new: &NewSession) -> Result<Recorded<Opened>, StoreError> {
        let mut evicted = Vec::new();
        for _ in 0..MAX_ATTEMPTS {
            match self.try_open(new, &evicted).await? {
                OpenAttempt::Done(opened) => return Ok(opened),
                OpenAttempt::EvictionChanged(others) => evicted = others,
            }
        }
        Err(RedisStoreError::Contended.into())
    }

    async fn try_open(&self, new: &NewSession, evicted: &[SessionId]) -> Result<OpenAttempt, StoreError> {
        let (id, owner) = (new.session.id, new.session.owner());
        let entry = new.context.entry(Some(owner), new.sign_in_event());
        let (replacing, evicting) = (new.replace_record(), new.evict_record());
        let replaced = new.replaces.filter(|replaced| replaced.owner() == owner);
        let plan = OpenPlan {
            generation: new.generation.to_string(),
            session: codec::encode_session(new),
            activity: codec::encode_activity(&new.session.activity),
            member: id.serial(),
            latest: new.session.activity.last_seen.as_millis().to_string(),
            backstop: MAX_SESSION_TTL.as_millis().to_string(),
            max: new.max_per_user.to_string(),
            line: codec::to_json(&entry),
            replaced: replaced.into_iter().map(|id| EndingSession::new(id, &replacing)).collect(),
            evicted: evicted.iter().map(|id| EndingSession::new(*id, &evicting)).collect(),
        };
        let mut touched =
            vec![keys::user(owner), keys::sessions(owner), keys::outbox(owner), keys::session(id), keys::activity(id)];
        touched.extend(plan.replaced.iter().chain(&plan.evicted).flat_map(EndingSession::keys));
        let call = script::OPEN.call(&touched, &[codec::to_json(&plan)]);
        let answer: Option<(String, Value)> = self.commit(owner, Some(new.context.at), &call).await?;
        let Some((word, rest)) = answer else {
            return Ok(OpenAttempt::Done(Recorded::nothing(Opened::GenerationChanged)));
        };
        if word == "retry" {
            let others: Vec<String> = decode_reply(rest)?;
            return Ok(OpenAttempt::EvictionChanged(
                others.iter().filter_map(|member| parse_session_id(owner, member)).collect(),
            ));
        }
        let going = plan.replaced.into_iter().chain(plan.evicted).collect();
        let EndOutcome { mut sessions, mut entries, .. } = EndOutcome::from_reply(going, rest)?;
        entries.push(entry);
        let replaced = replaced.and_then(|id| {
            let place = sessions.iter().position(|session| session.id == id)?;
            Some(Box::new(sessions.remove(place)))
        });
        // Told as they are listed: the longest unused last.
        sessions.reverse();
        Ok(OpenAttempt::Done(Recorded { value: Opened::Yes { replaced, evicted: sessions }, entries }))
    }
}

/// Outcome of a try.
enum OpenAttempt {
    Done(Recorded<Opened>),
    /// These would have to go, not those that were named.
    EvictionChanged(Vec<SessionId>),
}
