//! Releases claims of forms that the store noted, or may have noted, though nothing was sent: its answer was lost.

use std::time::Duration;

use super::TaskRunner;
use crate::{guard::Forms, outage::StoreError};

/// How often it is tried.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// Releases claims of forms.
#[derive(Clone)]
pub struct ReleaseClaims(Forms);

impl ReleaseClaims {
    /// For the claims that were made with `forms`, or a clone of it.
    #[must_use]
    pub const fn new(forms: Forms) -> Self {
        Self(forms)
    }

    /// Runs it from now on.
    pub fn schedule(self, driver: &mut TaskRunner) {
        driver.run_every(RETRY_INTERVAL, move || {
            let release = self.clone();
            async move {
                // Tried again, or told in the log when it is too late.
                let _ = release.run_once().await;
            }
        });
    }

    /// Releases all that there are.
    ///
    /// # Errors
    /// When the store is away; the next run does the rest.
    pub async fn run_once(&self) -> Result<(), StoreError> {
        self.0.remove_unsent().await
    }
}
