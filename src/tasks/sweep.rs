//! Ends and records what has run out, and forgets what nobody needs any more. The gate does not wait for it: it computes
//! the standing of each session at each look.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::time::sleep;
use tracing::{info, warn};

use super::{Task, TrimAuditLog};
use crate::{
    account::{LINK_LIFETIME, RecordUpkeep},
    clock::{Clock, Timestamp},
    guard::ThrottleStore,
    metrics::Metrics,
    session::{Session, SessionService},
    store::LiveStore,
    store_error::StoreError,
};

/// How long the note about an ended session is kept.
const NOTE_RETENTION: Duration = Duration::from_hours(30 * 24);
/// How long a device is known after its last sign-in: as long as its cookie lives.
const DEVICE_RETENTION: Duration = Duration::from_hours(400 * 24);
/// Sessions that are looked at in one step.
const PAGE_SIZE: usize = 500;

/// Sweeps the store.
#[derive(Clone)]
pub struct Sweep {
    /// Store of the sessions.
    pub store: Arc<dyn LiveStore>,
    /// Use cases of sessions: what has run out ends through them.
    pub sessions: SessionService,
    /// Accounts, for devices that nobody uses any more.
    pub accounts: Arc<dyn RecordUpkeep>,
    /// Counters of tries.
    pub throttle: Arc<dyn ThrottleStore>,
    /// Bound of the audit log.
    pub trim: TrimAuditLog,
    /// Clock.
    pub clock: Clock,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// How often some process sweeps: of several on one store, one at a time.
    pub interval: Duration,
}

/// Outcome of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Sessions that had run out.
    pub ended: usize,
    /// Sessions that are left.
    pub remaining: u64,
}

/// Steps that do not need each other: one that fails keeps no other from running.
#[derive(Default)]
struct SweepSteps {
    first_error: Option<StoreError>,
}

impl SweepSteps {
    fn record<T>(&mut self, step: &'static str, done: Result<T, StoreError>) -> Option<T> {
        match done {
            Ok(done) => Some(done),
            Err(why) => {
                warn!(step, error = %why, "Sweep step failed, next steps run");
                self.first_error.get_or_insert(why);
                None
            }
        }
    }
}

impl Sweep {
    /// How often a server sweeps.
    pub const INTERVAL: Duration = Duration::from_mins(1);

    /// Sweeps once. The log has what it could not do.
    ///
    /// # Errors
    /// That of the first step that failed, after all others have run; the next sweep does the rest.
    pub async fn run_once(&self) -> Result<SweepReport, StoreError> {
        let now = self.clock.now();
        if let Some(ahead) = self.clock.take_step() {
            warn!(
                "The machine's clock was set: it is {} s ahead of the time of this run, which stays steady until a restart",
                ahead / 1000
            );
        }
        let (mut steps, mut ended) = (SweepSteps::default(), 0);
        let turn = steps.record("turn", self.store.try_acquire_lease(self.interval / 2).await);
        if turn == Some(false) {
            steps.record("journal", self.trim.measure().await);
        } else {
            // Sessions may be away where the records are not.
            if turn == Some(true) {
                let done = self.expire_sessions(now, &mut ended).await;
                steps.record("sessions", done);
                steps.record("notes", self.store.delete_end_notes(now.minus(NOTE_RETENTION)).await);
                steps.record("throttle", self.throttle.delete_stale(now).await);
            }
            steps.record("clocks", self.accounts.clamp(now, now.plus(LINK_LIFETIME)).await);
            steps.record("devices", self.accounts.forget_devices(now.minus(DEVICE_RETENTION)).await);
            steps.record("journal", self.trim.run_once().await);
        }
        let left = steps.record("count", self.store.count().await);
        if let Some(left) = left {
            self.metrics.set_sessions_active(left);
        }
        match steps.first_error {
            Some(why) => Err(why),
            None => Ok(SweepReport { ended, remaining: left.unwrap_or_default() }),
        }
    }

    /// Ends what has run out, and moves back what a clock that was ahead has written. A session that this fails for keeps no other from
    /// it, as long as the store answers.
    async fn expire_sessions(&self, now: Timestamp, ended: &mut usize) -> Result<(), StoreError> {
        let mut failed = Ok(());
        let mut after = None;
        loop {
            let page = self.store.scan(after, PAGE_SIZE).await?;
            let Some(last) = page.last() else { return failed };
            after = Some(last.id);
            for session in &page {
                match self.expire_session(session, now).await {
                    Ok(has_ended) => *ended += usize::from(has_ended),
                    Err(why) => {
                        failed = failed.and(Err(why));
                        self.store.ping().await?;
                    }
                }
            }
        }
    }

    async fn expire_session(&self, session: &Session, now: Timestamp) -> Result<bool, StoreError> {
        if session.is_from_future(now) {
            self.store.clamp(session.id, session.activity.last_seen, now).await?;
            return Ok(false);
        }
        Ok(self.sessions.expire(session, now).await?.is_some())
    }
}

#[async_trait]
impl Task for Sweep {
    async fn due(&self) {
        sleep(self.interval).await;
    }

    async fn run(&self) {
        if let Ok(SweepReport { ended: ended @ 1.., remaining }) = self.run_once().await {
            info!(ended, left = remaining, "Expired sessions swept");
        }
    }
}
