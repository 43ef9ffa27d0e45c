//! The devices that accounts have signed in from, by the digests of their cookies. Those of one account are one value.

use redis::cmd;

use super::{RedisRecords, keys, stored::read_devices};
use crate::{
    account::KnownDevice,
    clock::Timestamp,
    id::{DeviceId, UserId},
    outage::StoreError,
    secret::Digest,
    store::redis::{
        layout::{self, unreadable},
        script,
    },
};

/// Accounts that are looked through in one step.
const PORTION: usize = 200;

impl RedisRecords {
    async fn lines(&self, owner: UserId) -> Result<String, StoreError> {
        let lines: Option<String> = self.link.ask(cmd("HGET").arg(keys::DEVICES).arg(owner.bare())).await?;
        Ok(lines.unwrap_or_default())
    }

    pub(super) async fn known(&self, owner: UserId, digest: &str) -> Result<Option<DeviceId>, StoreError> {
        let lines = self.lines(owner).await?;
        let known = read_devices(&lines)?.into_iter().find(|device| device.digest == digest);
        Ok(known.map(|device| device.id))
    }

    /// The last used first.
    pub(super) async fn devices_of(&self, owner: UserId) -> Result<Vec<DeviceId>, StoreError> {
        let lines = self.lines(owner).await?;
        let mut devices = read_devices(&lines)?;
        devices.sort_by_key(|device| (std::cmp::Reverse(device.last_used), device.id.to_string()));
        Ok(devices.into_iter().map(|device| device.id).collect())
    }

    pub(super) async fn forget_unused(&self, before: Timestamp) -> Result<(), StoreError> {
        let told = [before.as_millis().to_string(), PORTION.to_string()];
        let forget = script::FORGET_DEVICES.call(&[keys::DEVICES, keys::DEVICES_USED], &told);
        loop {
            let looked_through: usize = self.link.run(&forget).await?;
            if looked_through < PORTION {
                return Ok(());
            }
        }
    }

    /// A device is known to one user: the same cookie shown by another is a new device.
    pub(super) async fn meet(
        &self,
        owner: UserId,
        shown: Option<Digest>,
        fresh: Digest,
        max: usize,
        at: Timestamp,
    ) -> Result<KnownDevice, StoreError> {
        let told = [
            owner.bare(),
            shown.as_ref().map(layout::digest).unwrap_or_default(),
            layout::digest(&fresh),
            DeviceId::mint().to_string(),
            max.to_string(),
            at.as_millis().to_string(),
        ];
        let meet = script::MEET.call(&[keys::ACCOUNTS, keys::DEVICES, keys::DEVICES_USED], &told);
        let (id, sign_ins, recognised): (String, u32, String) = self.commit(&meet).await?;
        let id = id.parse().map_err(|_| unreadable("device"))?;
        Ok(KnownDevice { id, sign_ins, recognised: recognised == "1" })
    }
}
