//! Records in Redis: accounts, the journal, and what is still to follow from changes. Beside sessions, or on a server of their
//! own.
//!
//! Everything of it is in one slot, so that each act is one constant script. What only we read is JSON, and an account is
//! replaced only where it still is as it was read.

mod account_changes;
mod accounts;
mod audit_log;
mod clamping;
mod codec;
mod devices;
mod keys;

use redis::FromRedisValue;
use tokio::sync::OnceCell;

use self::clamping::UnreadableCount;
use super::{
    client::RedisClient,
    error::RedisStoreError,
    script::ScriptCall,
    supervisor::ConnectionHooks,
    target::{RedisTarget, ServerInfo},
};
use crate::{clock::Clock, store_error::StoreError};

/// How often a step is tried again because others came between.
const MAX_ATTEMPTS: usize = 1_000;

/// Keeps records in Redis.
pub struct RedisRecords {
    client: RedisClient,
    /// That [`keys::LOGINS`] knows how names are compared; asked before the first look-up.
    logins_normalised: OnceCell<()>,
    wait_replicas: usize,
    unreadable_links: UnreadableCount,
    unreadable_devices: UnreadableCount,
}

impl RedisRecords {
    /// Connects, and stays connected from then on. With it what answers there, or why nobody can be asked yet. `warns`: whether
    /// the log is told what the server may lose; of two places on one server, one is enough.
    pub async fn open(place: &RedisTarget, warns: bool) -> (Self, Result<ServerInfo, RedisStoreError>) {
        let ears = ConnectionHooks {
            clock: Clock::system(),
            end_hints: None,
            log_changes: true,
            log_warnings: warns,
            records_binding: None,
        };
        let (link, about) = RedisClient::open(place, place.timeout, ears).await;
        let this = Self {
            client: link,
            logins_normalised: OnceCell::new(),
            wait_replicas: place.wait_replicas,
            unreadable_links: UnreadableCount::default(),
            unreadable_devices: UnreadableCount::default(),
        };
        (this, about)
    }

    /// Does an act, and waits until it is as safe as the operator wants.
    async fn commit<T: FromRedisValue>(&self, call: &ScriptCall) -> Result<T, StoreError> {
        self.client.run_script_replicated(call, self.wait_replicas).await
    }
}
