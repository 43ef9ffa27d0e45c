//! Accounts and the devices they have used. Passwords and links are in `links`.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{
    Embedded,
    columns::{Json, Text, checked, whole},
    links,
    sessions::count,
};
use crate::{
    account::{Account, AccountStore, Added, Change, Email, KnownDevice, PasswordHash, Role, UserName},
    clock::Timestamp,
    id::{DeviceId, UserId},
    outage::StoreError,
    secret::Digest,
};

/// The columns that [`account`] reads.
const ACCOUNTS: &str =
    "SELECT id, name, display_name, email, roles, disabled, created, password_set, version FROM account";

#[async_trait]
impl AccountStore for Embedded {
    async fn by_login(&self, folded: &str) -> Result<Option<Account>, StoreError> {
        self.read(|on| {
            let sql = format!("{ACCOUNTS} WHERE name_key = ?1 OR email_key = ?1");
            on.prepare_cached(&sql)?.query_row([folded], account).optional()
        })
    }

    async fn get(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        self.read(|on| one(on, id))
    }

    async fn list(&self) -> Result<Vec<Account>, StoreError> {
        self.read(|on| on.prepare_cached(&format!("{ACCOUNTS} ORDER BY name_key"))?.query_map([], account)?.collect())
    }

    async fn add(&self, account: &Account) -> Result<Added, StoreError> {
        let account = account.clone();
        self.act(move |on| add(on, account)).await
    }

    async fn change(&self, id: UserId, change: &Change) -> Result<Option<Account>, StoreError> {
        let change = change.clone();
        self.act(move |on| {
            match change {
                Change::Disabled(disabled) => on
                    .prepare_cached("UPDATE account SET disabled = ?2, version = version + 1 WHERE id = ?1")?
                    .execute((Text(id), disabled))?,
                Change::Roles(roles) => on
                    .prepare_cached("UPDATE account SET roles = ?2, version = version + 1 WHERE id = ?1")?
                    .execute((Text(id), role_names(&roles)))?,
            };
            one(on, id)
        })
        .await
    }

    async fn remove(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        self.act(move |on| {
            let removed = one(on, id)?;
            on.prepare_cached("DELETE FROM account WHERE id = ?1")?.execute([Text(id)])?;
            Ok(removed)
        })
        .await
    }

    async fn password(&self, id: UserId) -> Result<Option<PasswordHash>, StoreError> {
        self.read(|on| links::password(on, id))
    }

    async fn set_password(
        &self,
        id: UserId,
        hash: &PasswordHash,
        at: Timestamp,
        only_if: Option<&PasswordHash>,
    ) -> Result<bool, StoreError> {
        let (hash, only_if) = (hash.clone(), only_if.cloned());
        self.act(move |on| {
            let as_expected = match only_if {
                Some(expected) => links::password(on, id)? == Some(expected),
                None => true,
            };
            Ok(as_expected && links::set_password(on, id, &hash, at)?)
        })
        .await
    }

    async fn put_link(&self, id: UserId, link: Digest, expires: Timestamp) -> Result<(), StoreError> {
        self.act(move |on| links::put(on, id, link, expires)).await
    }

    async fn link(&self, link: Digest, now: Timestamp) -> Result<Option<UserId>, StoreError> {
        self.read(|on| links::whose(on, link, now))
    }

    async fn redeem_link(
        &self,
        link: Digest,
        hash: &PasswordHash,
        now: Timestamp,
    ) -> Result<Option<UserId>, StoreError> {
        let hash = hash.clone();
        self.act(move |on| links::redeem(on, link, &hash, now)).await
    }

    async fn meet_device(
        &self,
        owner: UserId,
        device: Option<Digest>,
        fresh: Digest,
        at: Timestamp,
    ) -> Result<KnownDevice, StoreError> {
        self.act(move |on| meet(on, owner, device, fresh, at)).await
    }
}

/// Nobody may sign in with what signs somebody else in, be it their name or their address.
fn add(on: &Connection, account: Account) -> rusqlite::Result<Added> {
    let name_key = account.name.folded();
    let email_key = account.email.as_ref().map(Email::folded);
    let mut taken = on.prepare_cached("SELECT 1 FROM account WHERE name_key = ?1 OR email_key = ?1")?;
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

/// A device is known to one user: the same cookie shown by another is a new device. Of an account that was removed
/// meanwhile nothing is kept.
fn meet(
    on: &Connection,
    owner: UserId,
    shown: Option<Digest>,
    fresh: Digest,
    at: Timestamp,
) -> rusqlite::Result<KnownDevice> {
    const AGAIN: &str = "UPDATE device SET sign_ins = sign_ins + 1, last_used = max(last_used, ?3)
                         WHERE account = ?1 AND digest = ?2 RETURNING id, sign_ins";
    const FIRST: &str = "INSERT INTO device (account, digest, id, sign_ins, first_used, last_used)
                         SELECT id, ?2, ?3, 1, ?4, ?4 FROM account WHERE id = ?1";
    if let Some(shown) = shown {
        let again = on
            .prepare_cached(AGAIN)?
            .query_row((Text(owner), shown, at), |row| {
                Ok(KnownDevice { id: row.get::<_, Text<_>>(0)?.0, sign_ins: row.get(1)?, recognised: true })
            })
            .optional()?;
        if let Some(again) = again {
            return Ok(again);
        }
    }
    let id = DeviceId::mint();
    on.prepare_cached(FIRST)?.execute((Text(owner), fresh, Text(id), at))?;
    Ok(KnownDevice { id, sign_ins: 1, recognised: false })
}

fn one(on: &Connection, id: UserId) -> rusqlite::Result<Option<Account>> {
    on.prepare_cached(&format!("{ACCOUNTS} WHERE id = ?1"))?.query_row([Text(id)], account).optional()
}

/// Names are read back by the rules they were let in by.
fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let Json(roles): Json<Vec<String>> = row.get(4)?;
    Ok(Account {
        id: row.get::<_, Text<_>>(0)?.0,
        name: checked(row, 1, UserName::new)?,
        display_name: row.get(2)?,
        email: row.get::<_, Option<String>>(3)?.map(|_| checked(row, 3, Email::new)).transpose()?,
        roles: roles.iter().map(|role| Role::new(role)).collect::<Result<_, _>>().map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, Box::new(error))
        })?,
        disabled: row.get(5)?,
        created: row.get(6)?,
        password_set: row.get(7)?,
        version: count(row, 8)?,
    })
}

fn role_names(roles: &[Role]) -> Json<Vec<&str>> {
    Json(roles.iter().map(Role::as_str).collect())
}
