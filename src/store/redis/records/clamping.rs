//! What a clock that was ahead has written: links and devices of the future are moved back, at each sweep, since the clock of
//! another replica may be ahead.

use std::sync::atomic::{AtomicUsize, Ordering};

use redis::cmd;
use tracing::warn;

use super::{
    RedisRecords, keys,
    stored::{read_devices, read_holder, write_holder},
};
use crate::{
    clock::{SKEW, Timestamp},
    id::UserId,
    outage::StoreError,
    store::redis::script,
};

/// Fields of a hash that are asked for at a time, about.
const PORTION: usize = 500;

/// A field of a hash and its value.
type Field = (Vec<u8>, Vec<u8>);

/// Values of one kind that cannot be read, as the last sweep found them.
#[derive(Debug, Default)]
pub(super) struct Unreadable(AtomicUsize);

impl Unreadable {
    /// Notes how many there are, and tells it where there are others than the last time.
    fn note(&self, what: &'static str, count: usize) {
        if self.0.swap(count, Ordering::Relaxed) != count && count > 0 {
            warn!(count, "Values in Redis cannot be read, and are left as they are: each a {what}");
        }
    }
}

impl RedisRecords {
    /// One that cannot be read keeps no other from being moved.
    pub(super) async fn clamp_all(&self, now: Timestamp, links_until: Timestamp) -> Result<(), StoreError> {
        let links = self.clamp_links(links_until).await;
        links.and(self.clamp_devices(now).await)
    }

    async fn clamp_links(&self, until: Timestamp) -> Result<(), StoreError> {
        let (mut cursor, mut unreadable) = (0, 0);
        loop {
            let (next, links) = self.portion(keys::LINKS, cursor).await?;
            for (link, holder) in links {
                let read = text(&holder).and_then(|holder| {
                    let (id, expires) = read_holder(holder).ok()?;
                    Some((holder, UserId::from_bare(id.as_bytes())?, expires))
                });
                let (Some((holder, id, expires)), Some(link)) = (read, text(&link)) else {
                    unreadable += 1;
                    continue;
                };
                if expires > until.plus(SKEW) {
                    let told = [link.to_owned(), holder.to_owned(), write_holder(id, until)];
                    self.link.run::<u8>(&script::CLAMP_LINK.call(&[keys::LINKS], &told)).await?;
                }
            }
            if next == 0 {
                self.unreadable_links.note("link", unreadable);
                return Ok(());
            }
            cursor = next;
        }
    }

    async fn clamp_devices(&self, now: Timestamp) -> Result<(), StoreError> {
        let ahead = now.plus(SKEW).as_millis();
        let (mut cursor, mut unreadable) = (0, 0);
        loop {
            let (next, accounts) = self.portion(keys::DEVICES, cursor).await?;
            for (account, lines) in accounts {
                let read = text(&lines).and_then(|lines| read_devices(lines).ok());
                let (Some(devices), Some(account)) = (read, text(&account)) else {
                    unreadable += 1;
                    continue;
                };
                if devices.iter().any(|device| device.last_used > ahead) {
                    let told = [account.to_owned(), now.as_millis().to_string(), ahead.to_string()];
                    let keys = [keys::DEVICES, keys::DEVICES_USED];
                    self.link.run::<u8>(&script::CLAMP_DEVICES.call(&keys, &told)).await?;
                }
            }
            if next == 0 {
                self.unreadable_devices.note("list of the devices of an account", unreadable);
                return Ok(());
            }
            cursor = next;
        }
    }

    async fn portion(&self, key: &str, cursor: u64) -> Result<(u64, Vec<Field>), StoreError> {
        self.link.ask(cmd("HSCAN").arg(key).arg(cursor).arg("COUNT").arg(PORTION)).await
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
