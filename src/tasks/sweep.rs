//! Ends and records what has run out, and forgets what nobody needs any more. The gate does not wait for it: it computes
//! the standing of each session at each look.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tracing::warn;

use super::TrimJournal;
use crate::{
    account::{AccountStore, LINK_LIFETIME},
    audit::{Journal, Story},
    clock::{Clock, Timestamp},
    guard::ThrottleStore,
    metrics::Metrics,
    outage::StoreError,
    session::{Parting, Session, SessionPolicy, SessionStore},
};

/// How long the note about an ended session is kept.
const NOTES: Duration = Duration::from_hours(30 * 24);
/// How long a device is known after its last sign-in: as long as its cookie lives.
const DEVICES: Duration = Duration::from_hours(400 * 24);
/// Sessions that are looked at in one step.
const PAGE: usize = 500;

/// Sweeps the store.
#[derive(Clone)]
pub struct Sweep {
    /// Sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// Accounts, for devices that nobody uses any more.
    pub accounts: Arc<dyn AccountStore>,
    /// Counters of tries.
    pub throttle: Arc<dyn ThrottleStore>,
    /// What the journal does not keep.
    pub trim: TrimJournal,
    /// The journal, for what ends.
    pub journal: Journal,
    /// When sessions end by themselves.
    pub policy: Arc<ArcSwap<SessionPolicy>>,
    /// What time it is.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How often some process sweeps: of several on one store, one at a time.
    pub every: Duration,
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Sessions that had run out.
    pub ended: usize,
    /// Sessions that are left.
    pub left: u64,
}

/// Steps that do not need each other: one that fails keeps no other from running.
#[derive(Default)]
struct Steps {
    failed: Option<StoreError>,
}

impl Steps {
    fn take<T>(&mut self, step: &'static str, done: Result<T, StoreError>) -> Option<T> {
        match done {
            Ok(done) => Some(done),
            Err(why) => {
                warn!(step, "Sweep could not do a step, and goes on with the next: {why}");
                self.failed.get_or_insert(why);
                None
            }
        }
    }
}

impl Sweep {
    /// Sweeps once. The log has what it could not do.
    ///
    /// # Errors
    /// That of the first step that failed, after all others have run; the next sweep does the rest.
    pub async fn run_once(&self) -> Result<Swept, StoreError> {
        let now = self.clock.now();
        if let Some(ahead) = self.clock.step() {
            warn!(
                "The machine's clock was set: it is {} s ahead of the time of this run, which stays steady until a restart",
                ahead / 1000
            );
        }
        let (mut steps, mut ended) = (Steps::default(), 0);
        let turn = steps.take("turn", self.sessions.take_turn(self.every / 2).await);
        if turn == Some(false) {
            steps.take("journal", self.trim.measure().await);
        } else {
            // Sessions may be away where the records are not.
            if turn == Some(true) {
                let done = self.end_what_ran_out(now, &mut ended).await;
                steps.take("sessions", done);
                steps.take("notes", self.sessions.forget_ended(now.minus(NOTES)).await);
                steps.take("throttle", self.throttle.forget(now).await);
            }
            steps.take("clocks", self.accounts.clamp(now, now.plus(LINK_LIFETIME)).await);
            steps.take("devices", self.accounts.forget_devices(now.minus(DEVICES)).await);
            steps.take("journal", self.trim.run_once().await);
        }
        let left = steps.take("count", self.sessions.count().await);
        if let Some(left) = left {
            self.metrics.sessions_active(left);
        }
        match steps.failed {
            Some(why) => Err(why),
            None => Ok(Swept { ended, left: left.unwrap_or_default() }),
        }
    }

    /// Ends what has run out, and moves back what a clock that was ahead has written. A session that this fails for keeps no other from
    /// it, as long as the store answers.
    async fn end_what_ran_out(&self, now: Timestamp, ended: &mut usize) -> Result<(), StoreError> {
        let policy = self.policy.load_full();
        let mut failed = Ok(());
        let mut after = None;
        loop {
            let page = self.sessions.scan(after, PAGE).await?;
            let Some(last) = page.last() else { return failed };
            after = Some(last.id);
            for session in &page {
                match self.sweep_one(session, &policy, now).await {
                    Ok(has_ended) => *ended += usize::from(has_ended),
                    Err(why) => {
                        failed = failed.and(Err(why));
                        self.sessions.ping().await?;
                    }
                }
            }
        }
    }

    async fn sweep_one(&self, session: &Session, policy: &SessionPolicy, now: Timestamp) -> Result<bool, StoreError> {
        if session.is_of_the_future(now) {
            self.sessions.clamp(session.id, session.activity.latest, now).await?;
            return Ok(false);
        }
        let Some(ending) = policy.ran_out(session, now) else { return Ok(false) };
        let parting = Parting::new(ending, Story::of_the_system(now));
        let gone = self.sessions.expire(session.id, session.activity.latest, &parting).await;
        self.journal.tell(&gone, |gone| parting.told(gone));
        let has_ended = gone?.is_some();
        if has_ended {
            self.metrics.session_ended(parting.ending.label());
        }
        Ok(has_ended)
    }
}
