//! What a clock that was ahead has written: links and devices of the future are moved back, at each sweep, since the clock of
//! another replica may be ahead.

use std::sync::atomic::{AtomicUsize, Ordering};

use redis::cmd;
use tracing::warn;

use super::{
    RedisRecords,
    codec::{decode_devices, decode_link_holder, encode_link_holder},
    keys,
};
use crate::{
    clock::{MAX_CLOCK_SKEW, Timestamp},
    id::UserId,
    store::redis::script,
    store_error::StoreError,
};

/// Fields of a hash that are asked for at a time, about.
const SCAN_COUNT: usize = 500;

/// A field of a hash and its value.
type HashField = (Vec<u8>, Vec<u8>);

/// Values of one kind that cannot be read, as the last sweep found them.
#[derive(Debug, Default)]
pub(super) struct UnreadableCount(AtomicUsize);

impl UnreadableCount {
    /// Notes how many there are, and tells it where there are others than the last time.
    fn record(&self, what: &'static str, count: usize) {
        if self.0.swap(count, Ordering::Relaxed) != count && count > 0 {
            warn!(count, kind = what, "Redis values unreadable, left unchanged");
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
            let (next, links) = self.scan_hash(keys::LINKS, cursor).await?;
            for (link, holder) in links {
                let read = as_utf8(&holder).and_then(|holder| {
                    let (id, expires) = decode_link_holder(holder).ok()?;
                    Some((holder, UserId::from_bare(id.as_bytes())?, expires))
                });
                let (Some((holder, id, expires)), Some(link)) = (read, as_utf8(&link)) else {
                    unreadable += 1;
                    continue;
                };
                if expires > until.plus(MAX_CLOCK_SKEW) {
                    let told = [link.to_owned(), holder.to_owned(), encode_link_holder(id, until)];
                    self.client.run_script::<u8>(&script::CLAMP_LINK.call(&[keys::LINKS], &told)).await?;
                }
            }
            if next == 0 {
                self.unreadable_links.record("link", unreadable);
                return Ok(());
            }
            cursor = next;
        }
    }

    async fn clamp_devices(&self, now: Timestamp) -> Result<(), StoreError> {
        let ahead = now.plus(MAX_CLOCK_SKEW).as_millis();
        let (mut cursor, mut unreadable) = (0, 0);
        loop {
            let (next, accounts) = self.scan_hash(keys::DEVICES, cursor).await?;
            for (account, lines) in accounts {
                let read = as_utf8(&lines).and_then(|lines| decode_devices(lines).ok());
                let (Some(devices), Some(account)) = (read, as_utf8(&account)) else {
                    unreadable += 1;
                    continue;
                };
                if devices.iter().any(|device| device.last_used > ahead) {
                    let told = [account.to_owned(), now.as_millis().to_string(), ahead.to_string()];
                    let keys = [keys::DEVICES, keys::DEVICE_LAST_USES];
                    self.client.run_script::<u8>(&script::CLAMP_DEVICES.call(&keys, &told)).await?;
                }
            }
            if next == 0 {
                self.unreadable_devices.record("list of the devices of an account", unreadable);
                return Ok(());
            }
            cursor = next;
        }
    }

    async fn scan_hash(&self, key: &str, cursor: u64) -> Result<(u64, Vec<HashField>), StoreError> {
        self.client.query(cmd("HSCAN").arg(key).arg(cursor).arg("COUNT").arg(SCAN_COUNT)).await
    }
}

fn as_utf8(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
