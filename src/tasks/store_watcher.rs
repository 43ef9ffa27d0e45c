//! Asks the store whether it answers, for `store_up` and for readiness.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::sleep;
use tracing::{error, info};

use super::Task;
use crate::{metrics::Metrics, store::StoreHealth, store_error::StoreError};

/// Time between two questions.
const INTERVAL: Duration = Duration::from_secs(2);

/// Watches the store.
#[derive(Clone)]
pub struct StoreWatcher {
    store: Arc<dyn StoreHealth>,
    metrics: Arc<Metrics>,
    up: Arc<AtomicBool>,
}

impl StoreWatcher {
    /// A watch over `store`; it counts as away until it has answered.
    #[must_use]
    pub fn new(store: Arc<dyn StoreHealth>, metrics: Arc<Metrics>) -> Self {
        Self { store, metrics, up: Arc::new(AtomicBool::new(false)) }
    }

    /// What a store that answers cannot do at the moment.
    #[must_use]
    pub fn caveat(&self) -> Option<String> {
        self.store.limitation()
    }

    /// Asks once.
    ///
    /// # Errors
    /// Why the store does not answer.
    pub async fn run_once(&self) -> Result<(), StoreError> {
        let answer = self.store.ping().await;
        let up = answer.is_ok();
        self.metrics.set_store_up(up);
        if self.up.swap(up, Ordering::SeqCst) != up {
            match &answer {
                Ok(()) => info!("Store available"),
                Err(away) => error!(error = %away, "Store unavailable"),
            }
        }
        answer
    }
}

#[async_trait]
impl Task for StoreWatcher {
    async fn due(&self) {
        sleep(INTERVAL).await;
    }

    async fn run(&self) {
        let _ = self.run_once().await; // logged and measured there
    }
}
