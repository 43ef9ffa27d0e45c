//! The connections that read. As a rule each thread finds its own free; a statement is prepared once on each.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicUsize, Ordering},
    },
    thread_local,
};

use rusqlite::Connection;

use super::columns::store_error;
use crate::store_error::StoreError;

thread_local! {
    /// Where this thread looks first.
    static FIRST_READER: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}

/// A few connections, each used by one thread at a time. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct ReaderPool(Arc<[Arc<Mutex<Connection>>]>);

impl ReaderPool {
    /// At least one.
    pub(super) fn new(connections: Vec<Arc<Mutex<Connection>>>) -> Self {
        Self(connections.into())
    }

    /// Looks something up, in this thread. The connection is given back before this returns: never across an await.
    pub(super) fn read<T>(&self, look: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        look(&self.acquire()).map_err(store_error)
    }

    fn acquire(&self) -> MutexGuard<'_, Connection> {
        let first = FIRST_READER.with(|first| first % self.0.len());
        for connection in self.0[first..].iter().chain(&self.0[..first]) {
            match connection.try_lock() {
                Ok(free) => return free,
                // A look that panicked has left nothing behind: its statement was reset when it was dropped.
                Err(TryLockError::Poisoned(left)) => return left.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        self.0[first].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
