//! Does what acts that were broken off have left undone: lines that the journal does not have yet, ends that the other
//! replicas were not told, sessions that outlived their account's change. Only where no step spans all of an act.

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
use crate::{clock::Clock, store::Outbox, store_error::StoreError};

/// Time between two runs.
const INTERVAL: Duration = Duration::from_secs(5);

/// Catches up.
#[derive(Clone)]
pub struct DrainOutbox {
    outbox: Arc<dyn Outbox>,
    clock: Clock,
    /// Whether the last one could not do all.
    failing: Arc<AtomicBool>,
}

impl DrainOutbox {
    /// For acts on this store.
    #[must_use]
    pub fn new(outbox: Arc<dyn Outbox>, clock: Clock) -> Self {
        Self { outbox, clock, failing: Arc::default() }
    }

    /// Catches up once, and says with how much. The log is told where it begins and ceases not to do all: an outage is
    /// looked at every few seconds.
    ///
    /// # Errors
    /// When the store is away; the next one does the rest.
    pub async fn run_once(&self) -> Result<usize, StoreError> {
        let done = self.outbox.drain_outbox(self.clock.now()).await;
        let was_behind = self.failing.swap(done.is_err(), Ordering::SeqCst);
        match &done {
            Err(why) if !was_behind => warn!(error = %why, "Outbox not drained"),
            Ok(done) if was_behind || *done > 0 => info!(done, "Outbox drained"),
            Ok(_) | Err(_) => {}
        }
        done
    }
}

#[async_trait]
impl Task for DrainOutbox {
    async fn due(&self) {
        sleep(INTERVAL).await;
    }

    async fn run(&self) {
        let _ = self.run_once().await; // logged there
    }
}
