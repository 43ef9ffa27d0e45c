//! Accounts. How they change is in `changes`, passwords and links are in `passwords`, known devices in `devices`.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{
    Embedded, changes,
    columns::{Json, Text, checked, whole},
    devices, journal, passwords,
    sessions::count,
};
use crate::{
    account::{
        Account, AccountRecords, AccountStore, Added, Alteration, Changed, Email, KnownDevice, PasswordHash, Portable,
        Restored, Role, UserName,
    },
    audit::{Fact, Story},
    clock::Timestamp,
    id::{DeviceId, UserId},
    outage::StoreError,
    secret::Digest,
};

/// The columns that [`account`] reads.
const ACCOUNTS: &str =
    "SELECT id, name, display_name, email, roles, disabled, created, password_set, version FROM account";

#[async_trait]
impl AccountRecords for Embedded {
    async fn by_login(&self, key: &str) -> Result<Option<Account>, StoreError> {
        self.read(|on| {
            let sql = format!(
                "{ACCOUNTS} WHERE name_key = ?1 OR email_key = ?1 OR id = (SELECT account FROM login WHERE key = ?1)"
            );
            on.prepare_cached(&sql)?.query_row([key], account).optional()
        })
    }

    async fn get(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        self.read(|on| one(on, id))
    }

    async fn list(&self) -> Result<Vec<Account>, StoreError> {
        self.read(|on| on.prepare_cached(&format!("{ACCOUNTS} ORDER BY name_key"))?.query_map([], account)?.collect())
    }

    async fn add(&self, account: &Account, story: &Story) -> Result<Added, StoreError> {
        let (account, story) = (account.clone(), story.clone());
        self.act(move |on| {
            let entry = story.entry(Some(account.id), Fact::UserAdded);
            let added = add(on, account)?;
            if added == Added::Yes {
                journal::write(on, entry)?;
            }
            Ok(added)
        })
        .await
    }

    async fn restore(&self, restored: &Restored, story: &Story) -> Result<Added, StoreError> {
        let (restored, story) = (restored.clone(), story.clone());
        self.act(move |on| restore(on, &restored, &story)).await
    }

    async fn password(&self, id: UserId) -> Result<Option<PasswordHash>, StoreError> {
        self.read(|on| passwords::get(on, id))
    }

    async fn rehash(&self, id: UserId, from: &PasswordHash, to: &PasswordHash) -> Result<bool, StoreError> {
        let (from, to) = (from.clone(), to.clone());
        self.act(move |on| passwords::rehash(on, id, &from, &to)).await
    }

    async fn put_link(&self, id: UserId, link: Digest, expires: Timestamp, story: &Story) -> Result<bool, StoreError> {
        let story = story.clone();
        self.act(move |on| {
            let kept = passwords::put_link(on, id, link, expires)?;
            if kept {
                journal::write(on, story.entry(Some(id), Fact::LinkMade))?;
            }
            Ok(kept)
        })
        .await
    }

    async fn link(&self, link: Digest, now: Timestamp) -> Result<Option<UserId>, StoreError> {
        self.read(|on| passwords::holder(on, link, now))
    }

    async fn known_device(&self, owner: UserId, device: Digest) -> Result<Option<DeviceId>, StoreError> {
        self.read(|on| devices::known(on, owner, device))
    }

    async fn devices(&self, owner: UserId) -> Result<Vec<DeviceId>, StoreError> {
        self.read(|on| devices::of(on, owner))
    }

    async fn clamp(&self, now: Timestamp, links_until: Timestamp) -> Result<(), StoreError> {
        self.act(move |on| {
            passwords::clamp_links(on, links_until)?;
            devices::clamp(on, now)
        })
        .await
    }

    async fn forget_devices(&self, before: Timestamp) -> Result<(), StoreError> {
        self.drop_old(devices::DROP_OLD, before).await
    }

    async fn meet_device(
        &self,
        owner: UserId,
        device: Option<Digest>,
        fresh: Digest,
        max: usize,
        at: Timestamp,
    ) -> Result<KnownDevice, StoreError> {
        self.act(move |on| devices::meet(on, owner, device, fresh, max, at)).await
    }
}

#[async_trait]
impl AccountStore for Embedded {
    async fn apply(&self, alteration: Alteration, story: &Story) -> Result<Option<Changed>, StoreError> {
        let story = story.clone();
        self.end_urgently(move |on| changes::change(on, alteration.clone(), &story)).await
    }
}

/// Nobody may sign in with what signs somebody else in, be it their name or their address.
fn add(on: &Connection, account: Account) -> rusqlite::Result<Added> {
    let name_key = account.name.key();
    let email_key = account.email.as_ref().map(Email::key);
    let mut taken = on.prepare_cached(
        "SELECT 1 FROM account WHERE name_key = ?1 OR email_key = ?1 UNION ALL SELECT 1 FROM login WHERE key = ?1",
    )?;
    if taken.exists([&name_key])? {
        return Ok(Added::NameTaken);
    }
    if let Some(key) = &email_key
        && taken.exists([key])?
    {
        return Ok(Added::EmailTaken);
    }
    on.prepare_cached(
        "INSERT INTO account (id, name, name_key, display_name, email, email_key, roles, disabled, created, \
         password_set, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute((
        Text(account.id),
        Text(&account.name),
        name_key,
        account.display_name,
        account.email.as_ref().map(Text),
        email_key,
        role_names(&account.roles),
        account.disabled,
        account.created,
        account.password_set,
        whole(account.version),
    ))?;
    Ok(Added::Yes)
}

fn restore(on: &Connection, restored: &Restored, story: &Story) -> rusqlite::Result<Added> {
    let Portable { account, password } = &restored.portable;
    let added = add(on, account.clone())?;
    if added == Added::Yes {
        if let Some(hash) = password {
            passwords::put(on, account.id, hash)?;
        }
        let mut alias = on.prepare_cached(
            "INSERT OR IGNORE INTO login (key, account) SELECT ?1, ?2 \
             WHERE NOT EXISTS (SELECT 1 FROM account WHERE name_key = ?1 OR email_key = ?1)",
        )?;
        for key in &restored.aliases {
            alias.execute((key, Text(account.id)))?;
        }
        journal::write(on, story.entry(Some(account.id), restored.fact()))?;
    }
    Ok(added)
}

pub(super) fn one(on: &Connection, id: UserId) -> rusqlite::Result<Option<Account>> {
    on.prepare_cached(&format!("{ACCOUNTS} WHERE id = ?1"))?.query_row([Text(id)], account).optional()
}

/// Names are read back in their own spelling, also those from before today's rules.
fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let Json(roles): Json<Vec<String>> = row.get(4)?;
    Ok(Account {
        id: row.get::<_, Text<_>>(0)?.0,
        name: checked(row, 1, UserName::kept)?,
        display_name: row.get(2)?,
        email: row.get::<_, Option<String>>(3)?.map(|_| checked(row, 3, Email::kept)).transpose()?,
        roles: roles.iter().map(|role| Role::new(role)).collect::<Result<_, _>>().map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, Box::new(error))
        })?,
        disabled: row.get(5)?,
        created: row.get(6)?,
        password_set: row.get(7)?,
        version: count(row, 8)?,
    })
}

pub(super) fn role_names(roles: &[Role]) -> Json<Vec<&str>> {
    Json(roles.iter().map(Role::as_str).collect())
}
