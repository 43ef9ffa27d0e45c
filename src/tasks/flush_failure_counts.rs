//! Writes the counts of failed sign-ins that have no line of their own in the journal.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tracing::{info, warn};

use crate::{audit::Journal, outage::StoreError};

/// Writes counts.
#[derive(Clone)]
pub struct FlushFailureCounts {
    journal: Journal,
    failing: Arc<AtomicBool>,
}

impl FlushFailureCounts {
    /// Writes those of this journal.
    #[must_use]
    pub fn new(journal: Journal) -> Self {
        Self { journal, failing: Arc::default() }
    }

    /// Writes what has grown; tells how many lines it wrote.
    ///
    /// # Errors
    /// When the store is away; the next run does the rest.
    pub async fn run_once(&self) -> Result<usize, StoreError> {
        let written = self.journal.write_counts().await;
        let was_failing = self.failing.swap(written.is_err(), Ordering::SeqCst);
        match &written {
            Err(why) if !was_failing => warn!("Counts of failed sign-ins cannot be written, and are kept: {why}"),
            Ok(lines) if *lines > 0 => info!(lines, "Recorded counts of failed sign-ins"),
            Ok(_) | Err(_) => {}
        }
        written
    }
}
