//! Looks the host names of upstreams up again: an address that has moved is found without a restart.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use tokio::time::sleep;

use super::Task;
use crate::proxy::Upstreams;

/// Time between two look-ups.
const INTERVAL: Duration = Duration::from_secs(30);

/// Refreshes the addresses of upstreams.
pub struct RefreshUpstreams {
    upstreams: Arc<ArcSwap<Upstreams>>,
}

impl RefreshUpstreams {
    /// For these upstreams, and those that a reload puts in their place.
    #[must_use]
    pub const fn new(upstreams: Arc<ArcSwap<Upstreams>>) -> Self {
        Self { upstreams }
    }
}

#[async_trait]
impl Task for RefreshUpstreams {
    async fn due(&self) {
        sleep(INTERVAL).await;
    }

    async fn run(&self) {
        self.upstreams.load_full().refresh().await;
    }
}
