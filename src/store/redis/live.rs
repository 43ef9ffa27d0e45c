//! Live state: looking sessions up, moving their activity, going through all of them. Opening, ending and counting tries
//! have files of their own.

use std::{sync::Arc, time::Duration};

use redis::{Cmd, FromRedisValue, Pipeline, Value, cmd};
use tokio::sync::Notify;
use tracing::error;

use super::{
    keeper::{Belonging, Ears},
    keys,
    layout::{self, Gate, OwnerPlan},
    link::{Link, PATIENCE},
    place::{About, Place},
    script,
    trouble::Trouble,
};
use crate::{
    clock::{Clock, Timestamp},
    id::{SessionId, UserId},
    outage::StoreError,
    secret::Digest,
    session::{Beat, Ended, Found, Owner, Session},
    store::Records,
};

/// Users that are looked at in one step, where it is about all of them.
pub(super) const OWNERS: usize = 200;
/// Users whose sessions are named in one step of the sweep.
const AT_ONCE: usize = 20;
/// Hits that are written in one go: whoever acts meanwhile does not wait long behind them.
const TOUCHES: usize = 500;
/// Notes that are dropped in one step.
const NOTES: usize = 1_000;

/// Sessions and counters.
pub(super) struct Live {
    /// For the gate alone: nobody waits there behind a long answer.
    checks: Link,
    /// For everything else.
    pub(super) acts: Link,
    /// For acts that wait for replicas, where they shall: meanwhile a server answers nothing else on the same connection.
    commits: Option<Link>,
    /// For the log of ends, which nothing may hold up.
    pub(super) ends: Link,
    /// Somebody may have ended sessions.
    pub(super) hints: Arc<Notify>,
    pub(super) wait_replicas: usize,
    belonging: Arc<Belonging>,
}

impl Live {
    pub(super) async fn open(
        place: &Place,
        records: Arc<dyn Records>,
        clock: &Clock,
    ) -> (Self, Result<About, Trouble>) {
        let hints = Arc::new(Notify::new());
        let belonging = Arc::new(Belonging::to(records));
        let ears =
            |hints| Ears { clock: clock.clone(), hints, loud: true, warns: true, belonging: Some(belonging.clone()) };
        let commits = async {
            let waits = place.wait_replicas > 0;
            if waits { Some(Link::open(place, place.patience, ears(None).quiet()).await.0) } else { None }
        };
        let ((checks, _), (acts, first), (ends, _), commits) = tokio::join!(
            Link::open(place, PATIENCE.min(place.patience), ears(None).quiet()),
            Link::open(place, place.patience, ears(None)),
            Link::open(place, place.patience, ears(Some(hints.clone())).quiet()),
            commits,
        );
        (Self { checks, acts, commits, ends, hints, wait_replicas: place.wait_replicas, belonging }, first)
    }

    /// Where acts are done.
    pub(super) fn commits(&self) -> &Link {
        self.commits.as_ref().unwrap_or(&self.acts)
    }

    pub(super) async fn find(&self, id: SessionId) -> Result<Option<Found>, StoreError> {
        let mut look = Cmd::with_capacity(4, 160);
        look.arg("MGET").arg(keys::session(id)).arg(keys::activity(id)).arg(keys::gate(id.owner()));
        let (session, activity, gate): (Option<String>, Option<String>, Option<String>) =
            self.checks.ask(&look).await?;
        layout::read_found(id, [session.as_deref(), activity.as_deref(), gate.as_deref()])
    }

    pub(super) async fn get(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let look = mget([keys::session(id), keys::activity(id), keys::gate(id.owner())]);
        let (session, activity, gate): (Option<String>, Option<String>, Option<String>) = self.acts.ask(&look).await?;
        let (Some(session), Some(gate)) = (session, gate) else { return Ok(None) };
        let gate = layout::read_gate(id.owner(), &gate)?;
        layout::read_counting(id, &session, activity.as_deref(), &gate)
    }

    pub(super) async fn list(&self, owner: UserId) -> Result<Vec<Session>, StoreError> {
        let ids = self.ids(owner).await?;
        let mut sessions = self.read(&ids).await?;
        sessions.sort_by_key(|session| (std::cmp::Reverse(session.activity.latest), session.id));
        Ok(sessions)
    }

    /// The ids of a user's sessions, longest unused last.
    pub(super) async fn ids(&self, owner: UserId) -> Result<Vec<SessionId>, StoreError> {
        let mut range = cmd("ZRANGE");
        range.arg(keys::sessions(owner)).arg("+inf").arg("-inf").arg("BYSCORE").arg("REV").arg("WITHSCORES");
        let members: Vec<(String, f64)> = self.acts.ask(&range).await?;
        let mut ids: Vec<(SessionId, f64)> =
            members.into_iter().filter_map(|(member, latest)| Some((id_of(owner, &member)?, latest))).collect();
        ids.sort_by(|(id, latest), (other, later)| later.total_cmp(latest).then(id.cmp(other)));
        Ok(ids.into_iter().map(|(id, _)| id).collect())
    }

    /// Those of these sessions that count, in their order. One that cannot be read is told to the log.
    async fn read(&self, ids: &[SessionId]) -> Result<Vec<Session>, StoreError> {
        let of_each_owner: Vec<&[SessionId]> = ids.chunk_by(|one, next| one.owner() == next.owner()).collect();
        let mut look = Pipeline::new();
        for ids in &of_each_owner {
            let mget = look.cmd("MGET").arg(keys::gate(ids[0].owner()));
            for id in *ids {
                mget.arg(keys::session(*id)).arg(keys::activity(*id));
            }
        }
        let mut sessions = Vec::with_capacity(ids.len());
        for (ids, found) in of_each_owner.iter().zip(self.acts.ask_all(&look).await?) {
            let found: Vec<Option<String>> = understand(found)?;
            let Some((Some(gate), values)) = found.split_first() else { continue };
            let Some(gate) = readable(ids[0], layout::read_gate(ids[0].owner(), gate)) else { continue };
            for (id, [session, activity]) in ids.iter().zip(values.as_chunks::<2>().0) {
                let Some(session) = session else { continue };
                let read = layout::read_counting(*id, session, activity.as_deref(), &gate);
                sessions.extend(readable(*id, read).flatten());
            }
        }
        Ok(sessions)
    }

    pub(super) async fn put_owner(&self, owner: &Owner) -> Result<u64, StoreError> {
        // At most sign-ins nothing has changed: then nothing is written.
        // One that cannot be read is made anew.
        match self.gate(owner.id).await {
            Ok(Some(Gate { generation, owner: Some(known), .. })) if known.version >= owner.version => {
                return Ok(generation);
            }
            Ok(_) | Err(StoreError::Unreadable(_)) => {}
            Err(away) => return Err(away),
        }
        let mut index = cmd("ZADD");
        index.arg(keys::OWNERS).arg(0).arg(owner.id.bare());
        let put = script::OWNER.call(&[keys::gate(owner.id)], &[layout::json(&OwnerPlan::of(owner))]);
        let generation: String = self.acts.run_after(index, &put).await?;
        generation.parse().map_err(|_| Trouble::Nonsense.into())
    }

    async fn gate(&self, owner: UserId) -> Result<Option<Gate>, StoreError> {
        let gate: Option<String> = self.acts.ask(cmd("GET").arg(keys::gate(owner))).await?;
        gate.map(|gate| layout::read_gate(owner, &gate)).transpose()
    }

    /// Each hit is a step of its own: one that is gone is skipped, and does not hold the others up.
    pub(super) async fn touch(&self, beats: &[Beat]) -> Result<(), StoreError> {
        let touch = |beat: &Beat| {
            let keys = [keys::session(beat.id), keys::activity(beat.id), keys::sessions(beat.id.owner())];
            script::TOUCH.call(&keys, &layout::beat(beat))
        };
        let calls: Vec<_> = beats.iter().map(touch).collect();
        for some in calls.chunks(TOUCHES) {
            self.acts.run_all(some).await?;
        }
        Ok(())
    }

    pub(super) async fn clamp(&self, id: SessionId, latest: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let keys = [keys::session(id), keys::activity(id), keys::sessions(id.owner())];
        let told = [id.serial(), latest.as_millis().to_string(), now.as_millis().to_string()];
        self.acts.run(&script::CLAMP.call(&keys, &told)).await
    }

    pub(super) async fn ended(&self, id: SessionId, secret: Digest) -> Result<Option<Ended>, StoreError> {
        let note: Option<String> = self.acts.ask(cmd("GET").arg(keys::note(id))).await?;
        note.map_or(Ok(None), |note| layout::read_note(&note, secret))
    }

    pub(super) async fn scan(&self, after: Option<SessionId>, limit: usize) -> Result<Vec<Session>, StoreError> {
        let mut after = after;
        loop {
            let ids = self.ids_behind(after, limit).await?;
            let sessions = self.read(&ids).await?;
            // A page of what cannot be read is not the end.
            if !sessions.is_empty() || ids.is_empty() {
                return Ok(sessions);
            }
            after = ids.last().copied();
        }
    }

    /// The next ids, in their order.
    async fn ids_behind(&self, after: Option<SessionId>, limit: usize) -> Result<Vec<SessionId>, StoreError> {
        let mut ids = Vec::new();
        let (mut from, mut inclusive) = (after.map(SessionId::owner), true);
        while ids.len() < limit {
            let owners = self.owners(from, inclusive, AT_ONCE).await?;
            let Some(last) = owners.last() else { break };
            (from, inclusive) = (Some(*last), false);
            let mut ranges = Pipeline::new();
            for owner in &owners {
                ranges.cmd("ZRANGE").arg(keys::sessions(*owner)).arg(0).arg(-1);
            }
            for (owner, members) in owners.iter().zip(self.acts.ask_each(&ranges).await?) {
                let Some(members) = told_of::<Vec<String>>(*owner, members) else { continue };
                let start = ids.len();
                ids.extend(members.iter().filter_map(|member| id_of(*owner, member)).filter(|id| Some(*id) > after));
                ids[start..].sort_unstable();
            }
        }
        ids.truncate(limit);
        Ok(ids)
    }

    pub(super) async fn count(&self) -> Result<u64, StoreError> {
        let (mut count, mut from) = (0, None);
        loop {
            let owners = self.owners(from, false, OWNERS).await?;
            let Some(last) = owners.last() else { return Ok(count) };
            from = Some(*last);
            let mut cards = Pipeline::new();
            for owner in &owners {
                cards.cmd("ZCARD").arg(keys::sessions(*owner));
            }
            for (owner, card) in owners.iter().zip(self.acts.ask_each(&cards).await?) {
                count += told_of::<u64>(*owner, card).unwrap_or(0);
            }
        }
    }

    /// Some of the users who have something here, in the order of their ids.
    pub(super) async fn owners(
        &self,
        from: Option<UserId>,
        inclusive: bool,
        most: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let start = match from {
            None => "-".to_owned(),
            Some(from) => format!("{}{}", if inclusive { "[" } else { "(" }, from.bare()),
        };
        let mut range = cmd("ZRANGE");
        range.arg(keys::OWNERS).arg(start).arg("+").arg("BYLEX").arg("LIMIT").arg(0).arg(most);
        let owners: Vec<String> = self.acts.ask(&range).await?;
        Ok(owners.iter().filter_map(|owner| UserId::from_bare(owner.as_bytes())).collect())
    }

    pub(super) async fn forget_ended(&self, before: Timestamp) -> Result<(), StoreError> {
        loop {
            let mut old = cmd("ZRANGE");
            old.arg(keys::NOTES).arg("-inf").arg(format!("({}", before.as_millis())).arg("BYSCORE");
            old.arg("LIMIT").arg(0).arg(NOTES);
            let old: Vec<String> = self.acts.ask(&old).await?;
            if old.is_empty() {
                return Ok(());
            }
            let mut drop_all = Pipeline::new();
            for id in old.iter().filter_map(|id| SessionId::from_bare(id.as_bytes())) {
                drop_all.cmd("DEL").arg(keys::note(id));
            }
            drop_all.cmd("ZREM").arg(keys::NOTES).arg(&old);
            self.acts.ask_all(&drop_all).await?;
        }
    }

    /// Whether the connections are up, the log of ends can be read, and something can be written.
    pub(super) async fn ping(&self, now: Timestamp) -> Result<(), StoreError> {
        let commits = || self.commits.as_ref().and_then(Link::trouble_now);
        if let Some(why) = self.checks.trouble_now().or_else(|| self.ends.trouble_now()).or_else(commits) {
            return Err(why.into());
        }
        self.ends(None).await?;
        self.belonging.check(&self.acts).await?;
        self.acts.try_to_write(keys::USED, &now.as_millis().to_string()).await
    }

    /// Whether the last ping found no memory left.
    pub(super) fn is_full(&self) -> bool {
        self.acts.is_full()
    }

    /// Whether it is this replica's turn at what one of them must do every `period`.
    pub(super) async fn take_turn(&self, period: Duration) -> Result<bool, StoreError> {
        let mut turn = cmd("SET");
        turn.arg(keys::TURN).arg("1").arg("NX").arg("PX").arg(period.as_millis());
        Ok(self.acts.ask::<Option<String>>(&turn).await?.is_some())
    }

    /// When somebody last used this store, if anybody ever has.
    pub(super) async fn last_used(&self) -> Result<Option<Timestamp>, StoreError> {
        let used: Option<i64> = self.acts.ask(cmd("GET").arg(keys::USED)).await?;
        Ok(used.map(Timestamp::from_millis))
    }
}

pub(super) fn id_of(owner: UserId, member: &str) -> Option<SessionId> {
    SessionId::of(owner, member.as_bytes())
}

/// What was read, or a line in the log that says why it is not told.
pub(super) fn readable<T>(id: SessionId, read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(|why| error!(session.id = %id, "Session {id} cannot be read: {why}")).ok()
}

/// What is said of one of many users, or a line in the log that says why they are passed over.
fn told_of<T: FromRedisValue>(owner: UserId, said: Result<Value, Trouble>) -> Option<T> {
    let told = said.map_err(StoreError::from).and_then(understand);
    told.inspect_err(|why| error!(user.id = %owner, "The sessions of {owner} cannot be looked through: {why}")).ok()
}

/// An answer as what it must be.
pub(super) fn understand<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    redis::from_redis_value(value).map_err(|_| Trouble::Nonsense.into())
}

fn mget(keys: [String; 3]) -> Cmd {
    let mut look = cmd("MGET");
    for key in keys {
        look.arg(key);
    }
    look
}
