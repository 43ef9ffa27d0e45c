//! Ends again what came back. A server that takes another's place may not know that one's last moments, and then sessions
//! are open whose end was acknowledged. Whoever saw those ends remembers them for a while. What users may do is written
//! anew then, too: the accounts know it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::Task;
use crate::{
    account::UserRecords,
    clock::{Clock, Stopwatch},
    id::SessionId,
    session::{EndNote, SessionService, SessionStore},
    store_error::StoreError,
};

/// Time between two runs.
const INTERVAL: Duration = Duration::from_millis(500);

/// How long an end is remembered: longer than any server is behind the one that it follows.
const RETENTION: Duration = Duration::from_mins(10);
/// How many are. Beyond that the oldest are forgotten first.
const MAX_REMEMBERED: usize = 10_000;

/// Ends again what came back.
pub struct ReapplyEnds {
    store: Arc<dyn SessionStore>,
    accounts: Arc<dyn UserRecords>,
    sessions: SessionService,
    clock: Clock,
    remembered: Mutex<RememberedEnds>,
}

#[derive(Default)]
struct RememberedEnds {
    ends: VecDeque<(SessionId, EndNote, Stopwatch)>,
    /// How often the store was found to be behind what was seen.
    requested: u64,
    /// As of which of these everything was looked through.
    completed: u64,
}

impl ReapplyEnds {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new(
        store: Arc<dyn SessionStore>,
        accounts: Arc<dyn UserRecords>,
        sessions: SessionService,
        clock: Clock,
    ) -> Self {
        Self { store, accounts, sessions, clock, remembered: Mutex::default() }
    }

    /// These have ended.
    pub fn remember(&self, ended: &[(SessionId, EndNote)]) {
        let now = self.clock.stopwatch();
        let mut seen = self.remembered();
        seen.ends.extend(ended.iter().map(|(id, ended)| (*id, ended.clone(), now)));
        while seen.ends.len() > MAX_REMEMBERED || seen.ends.front().is_some_and(|(.., at)| at.elapsed() > RETENTION) {
            seen.ends.pop_front();
        }
    }

    /// The store may not know any more what it once told.
    pub fn request_reapply(&self) {
        self.remembered().requested += 1;
    }

    /// Where there is doubt, looks whether anything came back, and ends it again; tells how much that was.
    ///
    /// # Errors
    /// When the store is away; the next run does the rest.
    pub async fn run_once(&self) -> Result<usize, StoreError> {
        let (doubts, ended) = {
            let seen = self.remembered();
            if seen.requested == seen.completed {
                return Ok(0);
            }
            (seen.requested, seen.ends.clone())
        };
        let mut again = 0;
        for (id, EndNote { reason: ending, at }, _) in ended {
            if self.store.find(id).await?.is_none() {
                continue;
            }
            warn!(session.id = %id, ended_at = %at.rfc3339(), "Ended session came back, ended again");
            again += usize::from(self.sessions.end_again(id, ending).await?.is_some());
        }
        for account in self.accounts.list().await? {
            self.store.put_user_snapshot(&account.snapshot()).await?;
        }
        self.remembered().completed = doubts;
        Ok(again)
    }

    fn remembered(&self) -> MutexGuard<'_, RememberedEnds> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Task for ReapplyEnds {
    async fn due(&self) {
        sleep(INTERVAL).await;
    }

    async fn run(&self) {
        if let Err(error) = self.run_once().await {
            debug!(%error, "Reapplying ends failed");
        }
    }
}
