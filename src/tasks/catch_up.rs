//! Does what acts that were broken off have left undone: lines that the journal does not have yet, ends that the other
//! replicas were not told, sessions that outlived their account's change. Only where no step spans all of an act.

use std::sync::Arc;

use crate::{clock::Clock, outage::StoreError, session::SessionStore};

/// Catches up.
#[derive(Clone)]
pub struct CatchUp {
    /// Where acts are done.
    pub sessions: Arc<dyn SessionStore>,
    /// What time it is.
    pub clock: Clock,
}

impl CatchUp {
    /// Catches up once, and says with how much.
    ///
    /// # Errors
    /// When the store is away; the next one does the rest.
    pub async fn run_once(&self) -> Result<usize, StoreError> {
        self.sessions.catch_up(self.clock.now()).await
    }
}
