//! Releases claims of forms that the store noted, or may have noted, though nothing was sent: its answer was lost.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;

use super::Task;
use crate::{guard::FormGuard, store_error::StoreError};

/// How often it is tried.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// Releases claims of forms.
#[derive(Clone)]
pub struct ReleaseClaims(FormGuard);

impl ReleaseClaims {
    /// For the claims that were made with `forms`, or a clone of it.
    #[must_use]
    pub const fn new(forms: FormGuard) -> Self {
        Self(forms)
    }

    /// Releases all that there are.
    ///
    /// # Errors
    /// When the store is away; the next run does the rest.
    pub async fn run_once(&self) -> Result<(), StoreError> {
        self.0.remove_unsent().await
    }
}

#[async_trait]
impl Task for ReleaseClaims {
    async fn due(&self) {
        sleep(RETRY_INTERVAL).await;
    }

    async fn run(&self) {
        let _ = self.run_once().await; // tried again, or logged when it is too late
    }
}
