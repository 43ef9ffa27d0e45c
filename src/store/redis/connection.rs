//! One connection, and what its answers and silences say of the server.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{RedisError, aio::MultiplexedConnection};
use tokio::{sync::Notify, time::timeout};

use super::error::RedisStoreError;

/// Silences in a row until a connection is given up.
const MAX_TIMEOUTS: u32 = 3;

/// One connection, from its beginning to its end.
pub(super) struct RedisConnection {
    connection: Option<MultiplexedConnection>,
    /// Once it is set, nobody asks here any more.
    error: OnceLock<RedisStoreError>,
    close_notify: Notify,
    /// How many questions have had an answer.
    replies: AtomicU64,
    /// Questions in a row that had none, and nobody else had one meanwhile.
    timeouts: AtomicU32,
}

impl RedisConnection {
    pub(super) fn open(connection: MultiplexedConnection) -> Self {
        Self::new(Some(connection), OnceLock::new())
    }

    pub(super) fn failed(why: RedisStoreError) -> Self {
        Self::new(None, OnceLock::from(why))
    }

    const fn new(connection: Option<MultiplexedConnection>, broken: OnceLock<RedisStoreError>) -> Self {
        let (answers, silences) = (AtomicU64::new(0), AtomicU32::new(0));
        Self { connection, error: broken, close_notify: Notify::const_new(), replies: answers, timeouts: silences }
    }

    pub(super) fn connection(&self) -> Result<MultiplexedConnection, RedisStoreError> {
        match (self.error.get(), &self.connection) {
            (None, Some(connection)) => Ok(connection.clone()),
            (Some(why), _) => Err(why.clone()),
            (None, None) => Err(RedisStoreError::UnexpectedReply),
        }
    }

    /// Whether it was ever open.
    pub(super) const fn was_open(&self) -> bool {
        self.connection.is_some()
    }

    /// Why nobody is to ask here any more, if that is so.
    pub(super) fn error(&self) -> Option<&RedisStoreError> {
        self.error.get()
    }

    /// Returns when it is given up.
    pub(super) async fn closed(&self) {
        self.close_notify.notified().await;
    }

    pub(super) fn close(&self, why: RedisStoreError) {
        if self.error.set(why).is_ok() {
            self.close_notify.notify_one();
        }
    }

    /// Waits for an answer, and notes what that says of the connection.
    pub(super) async fn await_reply<T>(
        &self,
        at: &str,
        patience: Duration,
        answer: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, RedisStoreError> {
        let before = self.reply_count();
        match timeout(patience, answer).await {
            Err(_) => {
                let silent = RedisStoreError::Timeout { at: at.to_owned() };
                self.record_timeout(before, &silent);
                Err(silent)
            }
            Ok(answer) => {
                self.record_reply();
                answer.map_err(|error| {
                    let trouble = RedisStoreError::from_redis(&error, at);
                    if error.is_unrecoverable_error() || trouble.is_server_unusable() {
                        self.close(trouble.clone());
                    }
                    trouble
                })
            }
        }
    }

    /// How many questions have had an answer, for [`Line::was_silent`].
    pub(super) fn reply_count(&self) -> u64 {
        self.replies.load(Ordering::Relaxed)
    }

    /// A question that was asked after so many answers had none in time. Where others were answered meanwhile the server is
    /// busy, and so may we be: that is no reason to leave it.
    pub(super) fn record_timeout(&self, before: u64, silent: &RedisStoreError) {
        if self.reply_count() == before && self.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_TIMEOUTS {
            self.close(silent.clone());
        }
    }

    /// Somebody was answered.
    pub(super) fn record_reply(&self) {
        self.replies.fetch_add(1, Ordering::Relaxed);
        if self.timeouts.load(Ordering::Relaxed) != 0 {
            self.timeouts.store(0, Ordering::Relaxed);
        }
    }
}
