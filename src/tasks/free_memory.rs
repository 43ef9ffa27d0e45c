//! Gives memory back to the system that nobody needs any more: what passwords are hashed in.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;
use tracing::debug;

use super::Task;
use crate::account::Hasher;

/// Time without a password, after which the next one may take its memory anew.
const IDLE_TIME: Duration = Duration::from_mins(1);
/// Time between two looks.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// Frees what passwords were hashed in.
#[derive(Clone)]
pub struct FreeMemory {
    hasher: Hasher,
}

impl FreeMemory {
    /// For the passwords that are hashed here.
    #[must_use]
    pub const fn new(hasher: Hasher) -> Self {
        Self { hasher }
    }

    /// Frees it where it has been quiet for long enough; tells how many bytes that was.
    pub fn run_once(&self) -> usize {
        let freed = self.hasher.free_unused(IDLE_TIME);
        if freed > 0 {
            debug!(bytes = freed, "Password hashing memory freed");
        }
        freed
    }
}

#[async_trait]
impl Task for FreeMemory {
    async fn due(&self) {
        sleep(CHECK_INTERVAL).await;
    }

    async fn run(&self) {
        self.run_once();
    }
}
