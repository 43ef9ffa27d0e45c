//! Ends and records what has run out, and forgets what nobody needs any more. The gate does not wait for it: it computes
//! the standing of each session at each look.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tracing::warn;

use super::TrimJournal;
use crate::{
    account::{AccountStore, LINK_LIFETIME},
    audit::{Journal, Story},
    clock::Clock,
    guard::ThrottleStore,
    metrics::Metrics,
    outage::StoreError,
    session::{Parting, SessionPolicy, SessionStore},
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

impl Sweep {
    /// Sweeps once.
    ///
    /// # Errors
    /// When the store is away; the next sweep does the rest.
    pub async fn run_once(&self) -> Result<Swept, StoreError> {
        let now = self.clock.now();
        if let Some(ahead) = self.clock.step() {
            warn!(
                "The machine's clock was set: it is {} s ahead of the time of this run, which stays steady until a restart",
                ahead / 1000
            );
        }
        let policy = self.policy.load_full();
        let mut ended = 0;
        let mut after = None;
        if !self.sessions.take_turn(self.every / 2).await? {
            let left = self.sessions.count().await?;
            self.metrics.sessions_active(left);
            self.trim.measure().await?;
            return Ok(Swept { ended, left });
        }
        loop {
            let page = self.sessions.scan(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for session in &page {
                if session.is_of_the_future(now) {
                    self.sessions.clamp(session.id, session.activity.latest, now).await?;
                    continue;
                }
                let Some(ending) = policy.ran_out(session, now) else { continue };
                let parting = Parting::new(ending, Story::of_the_system(now));
                let gone = self.sessions.expire(session.id, session.activity.latest, &parting).await;
                self.journal.tell(&gone, |gone| parting.told(gone));
                if gone?.is_some() {
                    ended += 1;
                    self.metrics.session_ended(parting.ending.label());
                }
            }
        }
        self.sessions.forget_ended(now.minus(NOTES)).await?;
        self.throttle.forget(now).await?;
        self.accounts.clamp(now, now.plus(LINK_LIFETIME)).await?;
        self.accounts.forget_devices(now.minus(DEVICES)).await?;
        self.trim.run_once().await?;
        self.trim.measure().await?;
        let left = self.sessions.count().await?;
        self.metrics.sessions_active(left);
        Ok(Swept { ended, left })
    }
}
