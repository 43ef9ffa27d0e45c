//! Records in Redis: accounts, the journal, and what is still to follow from changes. Beside sessions, or on a server of their
//! own.
//!
//! Everything of it is in one slot, so that each act is one constant script. What only we read is JSON, and an account is
//! replaced only where it still is as it was read.

mod accounts;
mod altering;
mod clamping;
mod devices;
mod journal;
mod keys;
mod stored;

use redis::FromRedisValue;
use tokio::sync::OnceCell;

use self::clamping::Unreadable;
use super::{
    keeper::Ears,
    link::Link,
    place::{About, Place},
    script::Call,
    trouble::Trouble,
};
use crate::{clock::Clock, outage::StoreError};

/// How often a step is tried again because others came between.
const TRIES: usize = 1_000;

/// Keeps records in Redis.
pub struct RedisRecords {
    link: Link,
    /// That [`keys::LOGINS`] knows how names are compared; asked before the first look-up.
    normalised: OnceCell<()>,
    wait_replicas: usize,
    unreadable_links: Unreadable,
    unreadable_devices: Unreadable,
}

impl RedisRecords {
    /// Connects, and stays connected from then on. With it what answers there, or why nobody can be asked yet. `warns`: whether
    /// the log is told what the server may lose; of two places on one server, one is enough.
    pub async fn open(place: &Place, warns: bool) -> (Self, Result<About, Trouble>) {
        let ears = Ears { clock: Clock::machine(), hints: None, loud: true, warns, belonging: None };
        let (link, about) = Link::open(place, place.patience, ears).await;
        let this = Self {
            link,
            normalised: OnceCell::new(),
            wait_replicas: place.wait_replicas,
            unreadable_links: Unreadable::default(),
            unreadable_devices: Unreadable::default(),
        };
        (this, about)
    }

    /// Does an act, and waits until it is as safe as the operator wants.
    async fn commit<T: FromRedisValue>(&self, call: &Call) -> Result<T, StoreError> {
        self.link.run_confirmed(call, self.wait_replicas).await
    }
}
