//! Writes the counts of failed sign-ins that have no line of their own in the journal.

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
use crate::{audit::AuditLog, store_error::StoreError};

/// Time between two writes: a crash loses the counts since the last one.
const INTERVAL: Duration = Duration::from_secs(2);

/// Writes counts.
#[derive(Clone)]
pub struct FlushFailureCounts {
    journal: AuditLog,
    failing: Arc<AtomicBool>,
}

impl FlushFailureCounts {
    /// Writes those of this journal.
    #[must_use]
    pub fn new(journal: AuditLog) -> Self {
        Self { journal, failing: Arc::default() }
    }

    /// Writes what has grown; tells how many lines it wrote.
    ///
    /// # Errors
    /// When the store is away; the next run does the rest.
    pub async fn run_once(&self) -> Result<usize, StoreError> {
        let written = self.journal.flush_failure_counts().await;
        let was_failing = self.failing.swap(written.is_err(), Ordering::SeqCst);
        match &written {
            Err(why) if !was_failing => warn!(error = %why, "Failed sign-in counts not written, kept"),
            Ok(lines) if *lines > 0 => info!(lines, "Failed sign-in counts written"),
            Ok(_) | Err(_) => {}
        }
        written
    }
}

#[async_trait]
impl Task for FlushFailureCounts {
    async fn due(&self) {
        sleep(INTERVAL).await;
    }

    async fn run(&self) {
        let _ = self.run_once().await; // logged there
    }
}
