//! The devices that accounts have signed in from, by the digests of their cookies. Those of one account are one value.

use redis::cmd;

use super::{RedisRecords, codec::decode_devices, keys};
use crate::{
    account::DeviceRegistration,
    clock::Timestamp,
    id::{DeviceId, UserId},
    secret::Digest,
    store::redis::{
        codec::{self, decode_error},
        script,
    },
    store_error::StoreError,
};

/// Accounts that are looked through in one step.
const ACCOUNTS_PER_BATCH: usize = 200;

impl RedisRecords {
    async fn device_lines(&self, owner: UserId) -> Result<String, StoreError> {
        let lines: Option<String> = self.client.query(cmd("HGET").arg(keys::DEVICES).arg(owner.bare())).await?;
        Ok(lines.unwrap_or_default())
    }

    pub(super) async fn find_device(&self, owner: UserId, digest: &str) -> Result<Option<DeviceId>, StoreError> {
        let lines = self.device_lines(owner).await?;
        let known = decode_devices(&lines)?.into_iter().find(|device| device.digest == digest);
        Ok(known.map(|device| device.id))
    }

    /// The last used first.
    pub(super) async fn list_devices(&self, owner: UserId) -> Result<Vec<DeviceId>, StoreError> {
        let lines = self.device_lines(owner).await?;
        let mut devices = decode_devices(&lines)?;
        devices.sort_by_key(|device| (std::cmp::Reverse(device.last_used), device.id.to_string()));
        Ok(devices.into_iter().map(|device| device.id).collect())
    }

    pub(super) async fn forget_unused(&self, before: Timestamp) -> Result<(), StoreError> {
        let told = [before.as_millis().to_string(), ACCOUNTS_PER_BATCH.to_string()];
        let forget = script::FORGET_DEVICES.call(&[keys::DEVICES, keys::DEVICE_LAST_USES], &told);
        loop {
            let looked_through: usize = self.client.run_script(&forget).await?;
            if looked_through < ACCOUNTS_PER_BATCH {
                return Ok(());
            }
        }
    }

    /// A device is known to one user: the same cookie shown by another is a new device.
    pub(super) async fn count_device(
        &self,
        owner: UserId,
        shown: Option<Digest>,
        fresh: Digest,
        max: usize,
        at: Timestamp,
    ) -> Result<DeviceRegistration, StoreError> {
        let told = [
            owner.bare(),
            shown.as_ref().map(codec::encode_digest).unwrap_or_default(),
            codec::encode_digest(&fresh),
            DeviceId::mint().to_string(),
            max.to_string(),
            at.as_millis().to_string(),
        ];
        let meet = script::REGISTER_DEVICE.call(&[keys::ACCOUNTS, keys::DEVICES, keys::DEVICE_LAST_USES], &told);
        let (id, sign_ins, recognised): (String, u32, String) = self.commit(&meet).await?;
        let id = id.parse().map_err(|_| decode_error("device"))?;
        Ok(DeviceRegistration { id, sign_ins, was_known: recognised == "1" })
    }
}
