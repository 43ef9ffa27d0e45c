//! Flush of buffered heartbeats to the store.

use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use tokio::time::timeout;
use tracing::warn;

use super::Task;
use crate::{
    clock::Clock,
    metrics::Metrics,
    session::{HeartbeatBuffer, SessionPolicy, SessionStore},
};

/// Writes hits to the store.
#[derive(Clone)]
pub struct FlushHeartbeats {
    /// Buffer of hits.
    pub buffer: HeartbeatBuffer,
    /// Store that they are written to.
    pub store: Arc<dyn SessionStore>,
    /// How often.
    pub policy: Arc<ArcSwap<SessionPolicy>>,
    /// Clock.
    pub clock: Clock,
    /// Metrics.
    pub metrics: Arc<Metrics>,
}

impl FlushHeartbeats {
    /// Writes what is due; `all` of it at shutdown. Says how many sessions it wrote.
    pub async fn run_once(&self, all: bool) -> usize {
        let interval = self.policy.load().heartbeat_interval;
        match self.buffer.flush(self.store.as_ref(), self.clock.now(), interval, all).await {
            Ok(written) => {
                self.metrics.heartbeats_flushed(Ok(written));
                written
            }
            Err(away) => {
                self.metrics.heartbeats_flushed(Err(()));
                warn!(error = %away, "Heartbeats not written, kept for the next flush");
                0
            }
        }
    }
}

#[async_trait]
impl Task for FlushHeartbeats {
    /// Returns when a quiet session is hit, which is written at once, or when an interval has passed.
    async fn due(&self) {
        let interval = self.policy.load().heartbeat_interval;
        drop(timeout(interval, self.buffer.flush_due()).await);
    }

    async fn run(&self) {
        self.run_once(false).await;
    }
}
