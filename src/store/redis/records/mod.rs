//! Records in Redis: accounts, the journal, and what is still to follow from changes. Beside sessions, or on a server of their
//! own.
//!
//! Everything of it is in one slot, so that each act is one constant script. What only we read is JSON, and an account is
//! replaced only where it still is as it was read.

mod accounts;
mod altering;
mod devices;
mod journal;
mod keys;
mod stored;

use std::sync::atomic::{AtomicBool, Ordering};

use redis::{FromRedisValue, cmd};
use tracing::{error, info};

use super::{
    link::{Ears, Link},
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
    wait_replicas: usize,
    /// It had no memory left when it was last looked at.
    full: AtomicBool,
}

impl RedisRecords {
    /// Connects, and stays connected from then on. With it what answers there, or why nobody does yet.
    ///
    /// # Errors
    /// When it answers, and somebody must change something before it can be used.
    pub async fn open(place: &Place) -> Result<(Self, Result<About, Trouble>), Trouble> {
        let ears = Ears { clock: Clock::machine(), hints: None };
        let (link, about) = Link::open(place, place.patience, ears).await;
        match about {
            Err(why) if why.is_lasting() => Err(why),
            about => Ok((Self { link, wait_replicas: place.wait_replicas, full: AtomicBool::new(false) }, about)),
        }
    }

    /// Does an act, and waits until it is as safe as the operator wants.
    async fn commit<T: FromRedisValue>(&self, call: &Call) -> Result<T, StoreError> {
        let answer = self.link.run(call).await?;
        self.link.confirmed(self.wait_replicas).await?;
        Ok(answer)
    }

    /// Whether it answers. One that is full still tells who may sign in: that goes to the log, and turns nobody away.
    async fn try_to_write(&self) -> Result<(), StoreError> {
        let full = match self.link.try_ask::<()>(cmd("SET").arg(keys::WRITTEN).arg("1")).await {
            Ok(()) => false,
            Err(Trouble::Full) => true,
            Err(why) => return Err(why.into()),
        };
        if self.full.swap(full, Ordering::Relaxed) != full {
            if full {
                error!("{}; until then no account can be changed", Trouble::Full);
            } else {
                info!("Redis has memory for records again");
            }
        }
        Ok(())
    }
}
