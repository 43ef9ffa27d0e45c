//! Live state: looking sessions up, moving their activity, going through all of them. Opening, ending and counting tries
//! have files of their own.

use std::{sync::Arc, time::Duration};

use redis::{Cmd, FromRedisValue, Pipeline, Value, cmd};
use tokio::sync::Notify;
use tracing::error;

use super::{
    client::{CHECK_TIMEOUT, RedisClient},
    codec::{self, UserRecord, UserSnapshotArg},
    error::RedisStoreError,
    keys, script,
    supervisor::{ConnectionHooks, RecordsBinding},
    target::{RedisTarget, ServerInfo},
};
use crate::{
    clock::{Clock, Timestamp},
    id::{SessionId, UserId},
    secret::Digest,
    session::{EndNote, Heartbeat, Session, SessionAuth, SessionPosition, SessionQuery, SessionSlice, UserSnapshot},
    store::RecordStore,
    store_error::StoreError,
};

/// Users that are looked at in one step, where it is about all of them.
pub(super) const USERS_PER_PAGE: usize = 200;
/// Users whose sessions are named in one step of the sweep.
const USERS_PER_SCAN: usize = 20;
/// Hits that are written in one go: whoever acts meanwhile does not wait long behind them.
const HEARTBEATS_PER_BATCH: usize = 500;
/// Notes that are dropped in one step.
const NOTES_PER_BATCH: usize = 1_000;

/// Sessions and counters.
pub(super) struct LiveState {
    /// For the gate alone: nobody waits there behind a long answer.
    check_client: RedisClient,
    /// For everything else.
    pub(super) client: RedisClient,
    /// For acts that wait for replicas, where they shall: meanwhile a server answers nothing else on the same connection.
    commit_client: Option<RedisClient>,
    /// For the log of ends, which nothing may hold up.
    pub(super) end_log_client: RedisClient,
    /// Somebody may have ended sessions.
    pub(super) end_hints: Arc<Notify>,
    pub(super) wait_replicas: usize,
    records_binding: Arc<RecordsBinding>,
}

impl LiveState {
    pub(super) async fn open(
        place: &RedisTarget,
        records: Arc<dyn RecordStore>,
        clock: &Clock,
    ) -> (Self, Result<ServerInfo, RedisStoreError>) {
        let hints = Arc::new(Notify::new());
        let belonging = Arc::new(RecordsBinding::new(records));
        let ears = |hints| ConnectionHooks {
            clock: clock.clone(),
            end_hints: hints,
            log_changes: true,
            log_warnings: true,
            records_binding: Some(belonging.clone()),
        };
        let commits = async {
            let waits = place.wait_replicas > 0;
            if waits {
                Some(RedisClient::open(place, place.timeout, ears(None).without_logging()).await.0)
            } else {
                None
            }
        };
        let ((checks, _), (acts, first), (ends, _), commits) = tokio::join!(
            RedisClient::open(place, CHECK_TIMEOUT.min(place.timeout), ears(None).without_logging()),
            RedisClient::open(place, place.timeout, ears(None)),
            RedisClient::open(place, place.timeout, ears(Some(hints.clone())).without_logging()),
            commits,
        );
        (
            Self {
                check_client: checks,
                client: acts,
                commit_client: commits,
                end_log_client: ends,
                end_hints: hints,
                wait_replicas: place.wait_replicas,
                records_binding: belonging,
            },
            first,
        )
    }

    /// Client for acts.
    pub(super) fn commit_client(&self) -> &RedisClient {
        self.commit_client.as_ref().unwrap_or(&self.client)
    }

    pub(super) async fn find(&self, id: SessionId) -> Result<Option<SessionAuth>, StoreError> {
        let mut look = Cmd::with_capacity(4, 160);
        look.arg("MGET").arg(keys::session(id)).arg(keys::activity(id)).arg(keys::user(id.owner()));
        let (session, activity, gate): (Option<String>, Option<String>, Option<String>) =
            self.check_client.query(&look).await?;
        codec::decode_found(id, [session.as_deref(), activity.as_deref(), gate.as_deref()])
    }

    pub(super) async fn get(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let look = mget_command([keys::session(id), keys::activity(id), keys::user(id.owner())]);
        let (session, activity, gate): (Option<String>, Option<String>, Option<String>) =
            self.client.query(&look).await?;
        let (Some(session), Some(gate)) = (session, gate) else { return Ok(None) };
        let gate = codec::decode_user(id.owner(), &gate)?;
        codec::decode_if_valid(id, &session, activity.as_deref(), &gate)
    }

    pub(super) async fn list_slice(&self, query: &SessionQuery) -> Result<SessionSlice, StoreError> {
        let ids = self.session_ids_behind(query.user, query.after).await?;
        let wanted = query.limit.saturating_add(1);
        let mut sessions = Vec::new();
        let mut rest = ids.as_slice();
        // One that cannot be read takes no place.
        while sessions.len() < wanted && !rest.is_empty() {
            let (next, behind) = rest.split_at(rest.len().min(wanted - sessions.len()));
            sessions.extend(self.read_sessions(next).await?);
            rest = behind;
        }
        sessions.sort_by_key(|session| (std::cmp::Reverse(session.activity.last_seen), session.id));
        Ok(SessionSlice::from_overfetched(sessions, query.limit, SessionPosition::of))
    }

    /// The ids of a user's sessions, longest unused last.
    pub(super) async fn session_ids(&self, owner: UserId) -> Result<Vec<SessionId>, StoreError> {
        self.session_ids_behind(owner, None).await
    }

    async fn session_ids_behind(
        &self,
        owner: UserId,
        after: Option<SessionPosition>,
    ) -> Result<Vec<SessionId>, StoreError> {
        let from = after.map_or_else(|| "+inf".to_owned(), |after| after.last_seen.as_millis().to_string());
        let mut range = cmd("ZRANGE");
        range.arg(keys::sessions(owner)).arg(&from).arg("-inf").arg("BYSCORE").arg("REV").arg("WITHSCORES");
        let members: Vec<(String, f64)> = self.client.query(&range).await?;
        let mut ids: Vec<(SessionId, f64)> = members
            .into_iter()
            .filter_map(|(member, latest)| Some((parse_session_id(owner, &member)?, latest)))
            .collect();
        ids.sort_by(|(id, latest), (other, later)| later.total_cmp(latest).then(id.cmp(other)));
        if let Some(SessionPosition { id: last, .. }) = after {
            // Of that moment, those before it are in the range, too.
            ids.retain(|(id, latest)| latest.to_string() != from || *id > last);
        }
        Ok(ids.into_iter().map(|(id, _)| id).collect())
    }

    /// Those of these sessions that count, in their order. One that cannot be read is told to the log.
    async fn read_sessions(&self, ids: &[SessionId]) -> Result<Vec<Session>, StoreError> {
        let of_each_owner: Vec<&[SessionId]> = ids.chunk_by(|one, next| one.owner() == next.owner()).collect();
        let mut look = Pipeline::new();
        for ids in &of_each_owner {
            let mget = look.cmd("MGET").arg(keys::user(ids[0].owner()));
            for id in *ids {
                mget.arg(keys::session(*id)).arg(keys::activity(*id));
            }
        }
        let mut sessions = Vec::with_capacity(ids.len());
        for (ids, found) in of_each_owner.iter().zip(self.client.query_all(&look).await?) {
            let found: Vec<Option<String>> = decode_reply(found)?;
            let Some((Some(gate), values)) = found.split_first() else { continue };
            let Some(gate) = ok_or_log(ids[0], codec::decode_user(ids[0].owner(), gate)) else { continue };
            for (id, [session, activity]) in ids.iter().zip(values.as_chunks::<2>().0) {
                let Some(session) = session else { continue };
                let read = codec::decode_if_valid(*id, session, activity.as_deref(), &gate);
                sessions.extend(ok_or_log(*id, read).flatten());
            }
        }
        Ok(sessions)
    }

    pub(super) async fn put_user_snapshot(&self, owner: &UserSnapshot) -> Result<u64, StoreError> {
        // At most sign-ins nothing has changed: then nothing is written.
        // One that cannot be read is made anew.
        match self.user_record(owner.id).await {
            Ok(Some(UserRecord { generation, user: Some(known), .. })) if known.version >= owner.version => {
                return Ok(generation);
            }
            Ok(_) | Err(StoreError::Unreadable(_)) => {}
            Err(away) => return Err(away),
        }
        let mut index = cmd("ZADD");
        index.arg(keys::USERS).arg(0).arg(owner.id.bare());
        let put = script::PUT_USER.call(&[keys::user(owner.id)], &[codec::to_json(&UserSnapshotArg::new(owner))]);
        let generation: String = self.client.run_script_after(index, &put).await?;
        generation.parse().map_err(|_| RedisStoreError::UnexpectedReply.into())
    }

    async fn user_record(&self, owner: UserId) -> Result<Option<UserRecord>, StoreError> {
        let gate: Option<String> = self.client.query(cmd("GET").arg(keys::user(owner))).await?;
        gate.map(|gate| codec::decode_user(owner, &gate)).transpose()
    }

    /// Each hit is a step of its own: one that is gone is skipped, and does not hold the others up.
    pub(super) async fn touch(&self, heartbeats: &[Heartbeat]) -> Result<(), StoreError> {
        let touch = |heartbeat: &Heartbeat| {
            let keys =
                [keys::session(heartbeat.id), keys::activity(heartbeat.id), keys::sessions(heartbeat.id.owner())];
            script::TOUCH.call(&keys, &codec::encode_heartbeat(heartbeat))
        };
        let calls: Vec<_> = heartbeats.iter().map(touch).collect();
        for some in calls.chunks(HEARTBEATS_PER_BATCH) {
            self.client.run_scripts(some).await?;
        }
        Ok(())
    }

    pub(super) async fn clamp(&self, id: SessionId, latest: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let keys = [keys::session(id), keys::activity(id), keys::sessions(id.owner())];
        let told = [id.serial(), latest.as_millis().to_string(), now.as_millis().to_string()];
        self.client.run_script(&script::CLAMP.call(&keys, &told)).await
    }

    pub(super) async fn find_end_note(&self, id: SessionId, secret: Digest) -> Result<Option<EndNote>, StoreError> {
        let note: Option<String> = self.client.query(cmd("GET").arg(keys::end_note(id))).await?;
        note.map_or(Ok(None), |note| codec::decode_end_note(&note, secret))
    }

    pub(super) async fn scan(&self, after: Option<SessionId>, limit: usize) -> Result<Vec<Session>, StoreError> {
        let mut after = after;
        loop {
            let ids = self.session_ids_after(after, limit).await?;
            let sessions = self.read_sessions(&ids).await?;
            // A page of what cannot be read is not the end.
            if !sessions.is_empty() || ids.is_empty() {
                return Ok(sessions);
            }
            after = ids.last().copied();
        }
    }

    /// The next ids, in their order.
    async fn session_ids_after(&self, after: Option<SessionId>, limit: usize) -> Result<Vec<SessionId>, StoreError> {
        let mut ids = Vec::new();
        let (mut from, mut inclusive) = (after.map(SessionId::owner), true);
        while ids.len() < limit {
            let owners = self.users(from, inclusive, USERS_PER_SCAN).await?;
            let Some(last) = owners.last() else { break };
            (from, inclusive) = (Some(*last), false);
            let mut ranges = Pipeline::new();
            for owner in &owners {
                ranges.cmd("ZRANGE").arg(keys::sessions(*owner)).arg(0).arg(-1);
            }
            for (owner, members) in owners.iter().zip(self.client.query_each(&ranges).await?) {
                let Some(members) = ok_or_log_for_user::<Vec<String>>(*owner, members) else { continue };
                let start = ids.len();
                ids.extend(
                    members.iter().filter_map(|member| parse_session_id(*owner, member)).filter(|id| Some(*id) > after),
                );
                ids[start..].sort_unstable();
            }
        }
        ids.truncate(limit);
        Ok(ids)
    }

    pub(super) async fn count(&self) -> Result<u64, StoreError> {
        let (mut count, mut from) = (0, None);
        loop {
            let owners = self.users(from, false, USERS_PER_PAGE).await?;
            let Some(last) = owners.last() else { return Ok(count) };
            from = Some(*last);
            let mut cards = Pipeline::new();
            for owner in &owners {
                cards.cmd("ZCARD").arg(keys::sessions(*owner));
            }
            for (owner, card) in owners.iter().zip(self.client.query_each(&cards).await?) {
                count += ok_or_log_for_user::<u64>(*owner, card).unwrap_or(0);
            }
        }
    }

    /// Some of the users who have something here, in the order of their ids.
    pub(super) async fn users(
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
        range.arg(keys::USERS).arg(start).arg("+").arg("BYLEX").arg("LIMIT").arg(0).arg(most);
        let owners: Vec<String> = self.client.query(&range).await?;
        Ok(owners.iter().filter_map(|owner| UserId::from_bare(owner.as_bytes())).collect())
    }

    pub(super) async fn forget_ended(&self, before: Timestamp) -> Result<(), StoreError> {
        loop {
            let mut old = cmd("ZRANGE");
            old.arg(keys::END_NOTES).arg("-inf").arg(format!("({}", before.as_millis())).arg("BYSCORE");
            old.arg("LIMIT").arg(0).arg(NOTES_PER_BATCH);
            let old: Vec<String> = self.client.query(&old).await?;
            if old.is_empty() {
                return Ok(());
            }
            let mut drop_all = Pipeline::new();
            for id in old.iter().filter_map(|id| SessionId::from_bare(id.as_bytes())) {
                drop_all.cmd("DEL").arg(keys::end_note(id));
            }
            drop_all.cmd("ZREM").arg(keys::END_NOTES).arg(&old);
            self.client.query_all(&drop_all).await?;
        }
    }

    /// Whether the connections are up, the log of ends can be read, and something can be written.
    pub(super) async fn ping(&self, now: Timestamp) -> Result<(), StoreError> {
        let commits = || self.commit_client.as_ref().and_then(RedisClient::current_error);
        if let Some(why) =
            self.check_client.current_error().or_else(|| self.end_log_client.current_error()).or_else(commits)
        {
            return Err(why.into());
        }
        self.read_end_log(None).await?;
        self.records_binding.verify(&self.client).await?;
        self.client.probe_write(keys::LAST_USED, &now.as_millis().to_string()).await
    }

    /// Whether the last ping found no memory left.
    pub(super) fn is_out_of_memory(&self) -> bool {
        self.client.is_out_of_memory()
    }

    /// Whether it is this replica's turn at what one of them must do every `period`.
    pub(super) async fn try_acquire_lease(&self, period: Duration) -> Result<bool, StoreError> {
        let mut turn = cmd("SET");
        turn.arg(keys::SWEEP_LEASE).arg("1").arg("NX").arg("PX").arg(period.as_millis());
        Ok(self.client.query::<Option<String>>(&turn).await?.is_some())
    }

    /// When somebody last used this store, if anybody ever has.
    pub(super) async fn last_used(&self) -> Result<Option<Timestamp>, StoreError> {
        let used: Option<i64> = self.client.query(cmd("GET").arg(keys::LAST_USED)).await?;
        Ok(used.map(Timestamp::from_millis))
    }
}

pub(super) fn parse_session_id(owner: UserId, member: &str) -> Option<SessionId> {
    SessionId::from_serial(owner, member.as_bytes())
}

/// What was read, or a line in the log that says why it is not told.
pub(super) fn ok_or_log<T>(id: SessionId, read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(|why| error!(session.id = %id, error = %why, "Session unreadable")).ok()
}

/// What is said of one of many users, or a line in the log that says why they are passed over.
fn ok_or_log_for_user<T: FromRedisValue>(owner: UserId, said: Result<Value, RedisStoreError>) -> Option<T> {
    let told = said.map_err(StoreError::from).and_then(decode_reply);
    told.inspect_err(|why| error!(user.id = %owner, error = %why, "Sessions of user not listed")).ok()
}

/// An answer as what it must be.
pub(super) fn decode_reply<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    redis::from_redis_value(value).map_err(|_| RedisStoreError::UnexpectedReply.into())
}

fn mget_command(keys: [String; 3]) -> Cmd {
    let mut look = cmd("MGET");
    for key in keys {
        look.arg(key);
    }
    look
}
