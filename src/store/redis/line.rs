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

use super::trouble::Trouble;

/// Silences in a row until a connection is given up.
const SILENCES: u32 = 3;

/// One connection, from its beginning to its end.
pub(super) struct Line {
    connection: Option<MultiplexedConnection>,
    /// Once it is set, nobody asks here any more.
    broken: OnceLock<Trouble>,
    noticed: Notify,
    /// How many questions have had an answer.
    answers: AtomicU64,
    /// Questions in a row that had none, and nobody else had one meanwhile.
    silences: AtomicU32,
}

impl Line {
    pub(super) fn up(connection: MultiplexedConnection) -> Self {
        Self::of(Some(connection), OnceLock::new())
    }

    pub(super) fn down(why: Trouble) -> Self {
        Self::of(None, OnceLock::from(why))
    }

    const fn of(connection: Option<MultiplexedConnection>, broken: OnceLock<Trouble>) -> Self {
        let (answers, silences) = (AtomicU64::new(0), AtomicU32::new(0));
        Self { connection, broken, noticed: Notify::const_new(), answers, silences }
    }

    pub(super) fn connection(&self) -> Result<MultiplexedConnection, Trouble> {
        match (self.broken.get(), &self.connection) {
            (None, Some(connection)) => Ok(connection.clone()),
            (Some(why), _) => Err(why.clone()),
            (None, None) => Err(Trouble::Nonsense),
        }
    }

    /// Whether it was ever open.
    pub(super) const fn was_up(&self) -> bool {
        self.connection.is_some()
    }

    /// Why nobody is to ask here any more, if that is so.
    pub(super) fn broken(&self) -> Option<&Trouble> {
        self.broken.get()
    }

    /// Returns when it is given up.
    pub(super) async fn given_up(&self) {
        self.noticed.notified().await;
    }

    pub(super) fn give_up(&self, why: Trouble) {
        if self.broken.set(why).is_ok() {
            self.noticed.notify_one();
        }
    }

    /// Waits for an answer, and notes what that says of the connection.
    pub(super) async fn answered<T>(
        &self,
        at: &str,
        patience: Duration,
        answer: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, Trouble> {
        let before = self.answers();
        match timeout(patience, answer).await {
            Err(_) => {
                let silent = Trouble::Silent { at: at.to_owned() };
                self.was_silent(before, &silent);
                Err(silent)
            }
            Ok(answer) => {
                self.has_answered();
                answer.map_err(|error| {
                    let trouble = Trouble::of(&error, at);
                    if error.is_unrecoverable_error() || trouble.is_of_the_server() {
                        self.give_up(trouble.clone());
                    }
                    trouble
                })
            }
        }
    }

    /// How many questions have had an answer, for [`Line::was_silent`].
    pub(super) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// A question that was asked after so many answers had none in time. Where others were answered meanwhile the server is
    /// busy, and so may we be: that is no reason to leave it.
    pub(super) fn was_silent(&self, before: u64, silent: &Trouble) {
        if self.answers() == before && self.silences.fetch_add(1, Ordering::Relaxed) + 1 >= SILENCES {
            self.give_up(silent.clone());
        }
    }

    /// Somebody was answered.
    pub(super) fn has_answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        if self.silences.load(Ordering::Relaxed) != 0 {
            self.silences.store(0, Ordering::Relaxed);
        }
    }
}
