//! Accounts and known devices as they stand in Redis. What cannot be read back is an error, never a gap.

use serde::{Deserialize, Serialize};

use crate::{
    account::{Account, Email, Role, UserName},
    clock::Timestamp,
    id::{DeviceId, UserId},
    store::redis::codec::{decode_error, to_json},
    store_error::StoreError,
};

#[derive(Serialize, Deserialize)]
struct StoredAccount {
    name: String,
    display_name: Option<String>,
    email: Option<String>,
    roles: Vec<String>,
    disabled: bool,
    created: Timestamp,
    password_set: Option<Timestamp>,
    version: u64,
}

pub(super) fn encode_account(account: &Account) -> String {
    let Account { id: _, name, display_name, email, roles, disabled, created, password_set, version } = account;
    to_json(&StoredAccount {
        name: name.to_string(),
        display_name: display_name.clone(),
        email: email.as_ref().map(ToString::to_string),
        roles: roles.iter().map(ToString::to_string).collect(),
        disabled: *disabled,
        created: *created,
        password_set: *password_set,
        version: *version,
    })
}

/// Names are read back in their own spelling, also those from before today's rules.
pub(super) fn decode_account(id: &str, value: &str) -> Result<Account, StoreError> {
    let read = || {
        let stored: StoredAccount = serde_json::from_str(value).ok()?;
        let StoredAccount { name, display_name, email, roles, disabled, created, password_set, version } = stored;
        Some(Account {
            id: UserId::from_bare(id.as_bytes())?,
            name: UserName::from_stored(&name).ok()?,
            display_name,
            email: email.map(|email| Email::from_stored(&email)).transpose().ok()?,
            roles: roles.iter().map(|role| Role::new(role)).collect::<Result<_, _>>().ok()?,
            disabled,
            created,
            password_set,
            version,
        })
    };
    read().ok_or_else(|| decode_error("account"))
}

/// What signs this account in by its exact spelling: its name, then its address.
pub(super) fn exact_logins(account: &Account) -> Vec<String> {
    [account.name.key()].into_iter().chain(account.email.as_ref().map(Email::key)).collect()
}

/// What signs this account in, also as it is compared.
pub(super) fn all_logins(account: &Account) -> Vec<String> {
    let folded = [account.name.folded()].into_iter().chain(account.email.as_ref().map(Email::folded));
    exact_logins(account).into_iter().chain(folded).collect()
}

/// Its place among the names.
pub(super) fn name_index_entry(account: &Account) -> String {
    format!("{}\n{}", account.name.key(), account.id.bare())
}

/// A device as its account has it.
pub(super) struct StoredDevice<'a> {
    pub(super) digest: &'a str,
    pub(super) id: DeviceId,
    pub(super) last_used: i64,
}

/// The devices of an account; the scripts write them.
pub(super) fn decode_devices(lines: &str) -> Result<Vec<StoredDevice<'_>>, StoreError> {
    let read = |line| {
        let [digest, id, _, _, last_used] = <[&str; 5]>::try_from(str::split(line, ' ').collect::<Vec<_>>()).ok()?;
        Some(StoredDevice { digest, id: id.parse().ok()?, last_used: last_used.parse().ok()? })
    };
    lines.lines().map(|line| read(line).ok_or_else(|| decode_error("device"))).collect()
}

/// Who holds a link, and until when.
pub(super) fn encode_link_holder(id: UserId, expires: Timestamp) -> String {
    format!("{} {}", id.bare(), expires.as_millis())
}

pub(super) fn decode_link_holder(value: &str) -> Result<(&str, Timestamp), StoreError> {
    let read = || {
        let (id, expires) = value.split_once(' ')?;
        Some((id, Timestamp::from_millis(expires.parse().ok()?)))
    };
    read().ok_or_else(|| decode_error("link"))
}
