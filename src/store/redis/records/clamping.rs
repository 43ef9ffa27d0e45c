//! What a clock that was ahead has written: links and devices of the future are moved back, at each sweep: another replica's clock may be ahead.

use redis::cmd;

use super::{
    RedisRecords, keys,
    stored::{read_devices, read_holder, write_holder},
};
use crate::{
    clock::{SKEW, Timestamp},
    id::UserId,
    outage::StoreError,
    store::redis::{layout::unreadable, script},
};

/// Fields of a hash that are asked for at a time, about.
const PORTION: usize = 500;

impl RedisRecords {
    pub(super) async fn clamp_all(&self, now: Timestamp, links_until: Timestamp) -> Result<(), StoreError> {
        self.clamp_links(links_until).await?;
        self.clamp_devices(now).await
    }

    async fn clamp_links(&self, until: Timestamp) -> Result<(), StoreError> {
        let mut cursor = 0;
        loop {
            let (next, links) = self.portion(keys::LINKS, cursor).await?;
            for (link, holder) in links {
                let (id, expires) = read_holder(&holder)?;
                if expires > until.plus(SKEW) {
                    let id = UserId::from_bare(id.as_bytes()).ok_or_else(|| unreadable("link"))?;
                    let told = [link, holder, write_holder(id, until)];
                    self.link.run::<u8>(&script::CLAMP_LINK.call(&[keys::LINKS], &told)).await?;
                }
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }

    async fn clamp_devices(&self, now: Timestamp) -> Result<(), StoreError> {
        let ahead = now.plus(SKEW).as_millis();
        let mut cursor = 0;
        loop {
            let (next, accounts) = self.portion(keys::DEVICES, cursor).await?;
            for (account, lines) in accounts {
                if read_devices(&lines)?.iter().any(|device| device.last_used > ahead) {
                    let told = [account, now.as_millis().to_string(), ahead.to_string()];
                    let keys = [keys::DEVICES, keys::DEVICES_USED];
                    self.link.run::<u8>(&script::CLAMP_DEVICES.call(&keys, &told)).await?;
                }
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }

    async fn portion(&self, key: &str, cursor: u64) -> Result<(u64, Vec<(String, String)>), StoreError> {
        self.link.ask(cmd("HSCAN").arg(key).arg(cursor).arg("COUNT").arg(PORTION)).await
    }
}
