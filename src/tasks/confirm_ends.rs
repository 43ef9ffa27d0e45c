//! Writes ends that the store could not write when they were asked for, and cuts what is in flight for their sessions at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::sleep;
use tracing::{info, warn};

use super::Task;
use crate::{
    metrics::Metrics,
    proxy::{CancelReason, InFlight},
    session::SessionService,
    store_error::StoreError,
};

/// Time between two tries to write.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Confirms ends.
#[derive(Clone)]
pub struct ConfirmEnds {
    sessions: SessionService,
    in_flight: Arc<InFlight>,
    metrics: Arc<Metrics>,
    failing: Arc<AtomicBool>,
}

impl ConfirmEnds {
    /// For the ends of `sessions`, and what is in flight for them.
    #[must_use]
    pub fn new(sessions: SessionService, lines: Arc<InFlight>, metrics: Arc<Metrics>) -> Self {
        Self { sessions, in_flight: lines, metrics, failing: Arc::default() }
    }

    /// Cuts what is in flight for sessions whose end is held, and writes ends; tells how many it has written.
    ///
    /// # Errors
    /// When the store takes no writes; the next run does the rest.
    pub async fn run_once(&self) -> Result<usize, StoreError> {
        let unconfirmed = self.sessions.unconfirmed_ends();
        let uncut: Vec<_> = unconfirmed
            .take_uncancelled()
            .into_iter()
            .map(|(id, ending)| (id, CancelReason::from_end_reason(&ending)))
            .collect();
        if !uncut.is_empty() {
            self.in_flight.cancel_sessions(&uncut);
        }
        let before = unconfirmed.count();
        let written = self.sessions.confirm_ends().await;
        let left = unconfirmed.count();
        self.metrics.set_ends_unconfirmed(left);
        let was_failing = self.failing.swap(written.is_err(), Ordering::SeqCst);
        match &written {
            Err(why) if !was_failing => {
                warn!(ends = left, error = %why, "Unconfirmed ends not written, lost at a restart");
            }
            Ok(_) if before > 0 && left == 0 => info!(ends = before, "Unconfirmed ends written"),
            Ok(_) | Err(_) => {}
        }
        written
    }
}

#[async_trait]
impl Task for ConfirmEnds {
    /// Returns when an end is held, or when held ones are to be tried again.
    async fn due(&self) {
        let unconfirmed = self.sessions.unconfirmed_ends();
        tokio::select! {
            () = unconfirmed.added() => {}
            () = sleep(RETRY_INTERVAL) => {}
        }
    }

    async fn run(&self) {
        let _ = self.run_once().await; // logged there
    }
}
