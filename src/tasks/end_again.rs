//! Ends again what came back. A server that takes another's place may not know that one's last moments, and then sessions
//! are open whose end was acknowledged. Whoever saw those ends remembers them for a while. What users may do is written
//! anew then, too: the accounts know it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tracing::warn;

use crate::{
    account::AccountStore,
    audit::Actor,
    clock::{Clock, Stopwatch},
    id::SessionId,
    outage::StoreError,
    session::{Ended, EndedBy, SessionStore, Sessions, Which},
};

/// How long an end is remembered: longer than any server is behind the one that it follows.
const REMEMBERED: Duration = Duration::from_mins(10);
/// How many are. Beyond that the oldest are forgotten first.
const MOST: usize = 10_000;

/// Ends again what came back.
pub struct EndAgain {
    store: Arc<dyn SessionStore>,
    accounts: Arc<dyn AccountStore>,
    sessions: Sessions,
    clock: Clock,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    ended: VecDeque<(SessionId, Ended, Stopwatch)>,
    /// How often the store was found to be behind what was seen.
    doubts: u64,
    /// As of which of these everything was looked through.
    settled: u64,
}

impl EndAgain {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new(
        store: Arc<dyn SessionStore>,
        accounts: Arc<dyn AccountStore>,
        sessions: Sessions,
        clock: Clock,
    ) -> Self {
        Self { store, accounts, sessions, clock, seen: Mutex::default() }
    }

    /// These have ended.
    pub fn remember(&self, ended: &[(SessionId, Ended)]) {
        let now = self.clock.stopwatch();
        let mut seen = self.seen();
        seen.ended.extend(ended.iter().map(|(id, ended)| (*id, ended.clone(), now)));
        while seen.ended.len() > MOST || seen.ended.front().is_some_and(|(.., at)| at.elapsed() > REMEMBERED) {
            seen.ended.pop_front();
        }
    }

    /// The store may not know any more what it once told.
    pub fn doubt(&self) {
        self.seen().doubts += 1;
    }

    /// Where there is doubt, looks whether anything came back, and ends it again; tells how much that was.
    ///
    /// # Errors
    /// When the store is away; the next run does the rest.
    pub async fn run_once(&self) -> Result<usize, StoreError> {
        let (doubts, ended) = {
            let seen = self.seen();
            if seen.doubts == seen.settled {
                return Ok(0);
            }
            (seen.doubts, seen.ended.clone())
        };
        let mut again = 0;
        for (id, Ended { ending, at }, _) in ended {
            if self.store.find(id).await?.is_none() {
                continue;
            }
            warn!(session.id = %id, "Session {id} ended at {at:?} and came back; it is ended again");
            let reason = Some("it came back after it had ended".to_owned());
            let by = EndedBy { actor: Actor::System, ending, own: None, reason };
            again += self.sessions.end(Which::One { owner: id.owner(), id }, by, None).await?.len();
        }
        for account in self.accounts.list().await? {
            self.store.put_owner(&account.as_owner()).await?;
        }
        self.seen().settled = doubts;
        Ok(again)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
