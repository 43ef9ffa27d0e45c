//! Looks up each session that has had something in flight for a while, and cuts what is of those that are no more. So a silent
//! stream ends when its session has been idle for too long, or reaches the end of its life; and what the log of ends did not
//! tell is found all the same.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::sleep;
use tracing::debug;

use super::Task;
use crate::{
    clock::{Clock, Stopwatch, Timestamp},
    id::SessionId,
    proxy::{CancelReason, InFlight},
    session::{EndReason, SessionPolicy, SessionService, SessionStatus, SessionStore},
    store_error::StoreError,
};

/// Time between two runs.
const INTERVAL: Duration = Duration::from_millis(500);

/// What was let through a moment ago was looked up then.
const MIN_AGE: Duration = Duration::from_secs(1);
/// How often each session is looked up, where nothing says that it may have ended.
const RECHECK_INTERVAL: Duration = Duration::from_secs(10);
/// Look-ups at once.
const MAX_CONCURRENT: usize = 8;

/// Checks the sessions of what is in flight.
pub struct CheckStreams {
    parts: CheckStreamsParts,
    checked: Mutex<CheckedSessions>,
}

/// What is known of sessions.
#[derive(Default)]
struct CheckedSessions {
    by_session: HashMap<SessionId, CheckedSession>,
    /// How often all of it was doubted: what was looked up before that is not known.
    invalidations: u64,
}

/// Parts of the stream check.
pub struct CheckStreamsParts {
    /// Store of the sessions.
    pub store: Arc<dyn SessionStore>,
    /// How one that has run out is ended.
    pub sessions: SessionService,
    /// Requests in flight.
    pub in_flight: Arc<InFlight>,
    /// When sessions end by themselves.
    pub policy: Arc<ArcSwap<SessionPolicy>>,
    /// Clock.
    pub clock: Clock,
}

/// Result of the last look at a session.
#[derive(Clone, Copy)]
struct CheckedSession {
    checked_at: Stopwatch,
    /// When it ends by itself unless it is used.
    expires_at: Timestamp,
}

impl CheckStreams {
    /// A check that has looked at nothing yet.
    #[must_use]
    pub fn new(parts: CheckStreamsParts) -> Self {
        Self { parts, checked: Mutex::default() }
    }

    /// From now on nothing is known of any session: each is looked up at the next run.
    pub fn invalidate_all(&self) {
        let mut looks = self.checked();
        looks.by_session.clear();
        looks.invalidations += 1;
    }

    /// Looks up those that are due; tells how many requests it cut.
    ///
    /// # Errors
    /// When the store is away; who was not looked up is due at the next run, too.
    pub async fn run_once(&self) -> Result<usize, StoreError> {
        let (due, doubts) = self.sessions_to_check();
        let looks = stream::iter(due).map(|id| self.check_session(id, doubts)).buffer_unordered(MAX_CONCURRENT);
        let ended: Vec<(SessionId, CancelReason)> = looks.try_filter_map(async |ended| Ok(ended)).try_collect().await?;
        Ok(if ended.is_empty() { 0 } else { self.parts.in_flight.cancel_sessions(&ended) })
    }

    /// Whom to look up, and how often there was doubt before.
    fn sessions_to_check(&self) -> (Vec<SessionId>, u64) {
        let in_flight = self.parts.in_flight.sessions_older(MIN_AGE);
        let now = self.parts.clock.now();
        let mut looks = self.checked();
        looks.by_session.retain(|id, _| in_flight.contains(id));
        let known = |id: &SessionId| {
            looks
                .by_session
                .get(id)
                .is_some_and(|look| look.checked_at.elapsed() < RECHECK_INTERVAL && now < look.expires_at)
        };
        (in_flight.into_iter().filter(|id| !known(id)).collect(), looks.invalidations)
    }

    /// How a session has ended, if it has.
    async fn check_session(&self, id: SessionId, doubts: u64) -> Result<Option<(SessionId, CancelReason)>, StoreError> {
        let since = self.parts.clock.stopwatch();
        let found = match self.parts.store.find(id).await {
            Ok(Some(found)) => found,
            Ok(None) | Err(StoreError::Unreadable(_)) => return Ok(Some((id, CancelReason::SessionGone))),
            Err(away) => return Err(away),
        };
        if found.user.disabled {
            return Ok(Some((id, CancelReason::from_end_reason(&EndReason::AccountDisabled))));
        }
        let (policy, now) = (self.parts.policy.load_full(), self.parts.clock.now());
        if policy.status(found.terms, found.last_seen, now) == SessionStatus::Active {
            let runs_out = policy.next_expiry(found.terms, found.last_seen);
            let mut looks = self.checked();
            if looks.invalidations == doubts {
                looks.by_session.insert(id, CheckedSession { checked_at: since, expires_at: runs_out });
            }
            return Ok(None);
        }
        // None where it was used just now: then the next look finds it live.
        let ending = self.parts.sessions.end_if_expired(id).await?;
        Ok(ending.map(|ending| (id, CancelReason::from_end_reason(&ending))))
    }

    fn checked(&self) -> MutexGuard<'_, CheckedSessions> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Task for CheckStreams {
    async fn due(&self) {
        sleep(INTERVAL).await;
    }

    async fn run(&self) {
        if let Err(error) = self.run_once().await {
            debug!(%error, "Session check of open streams failed");
        }
    }
}
