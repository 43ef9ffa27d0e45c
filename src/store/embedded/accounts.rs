//! Accounts. How they change is in `changes`, passwords and links are in `passwords`, known devices in `devices`.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{
    EmbeddedStore, account_changes, audit_log,
    columns::{AsJson, AsText, parse_column, saturating_i64},
    devices, passwords,
    sessions::read_count,
};
use crate::{
    account::{
        Account, AccountCommand, AccountStore, AddResult, ChangeOutcome, DeviceRecords, DeviceRegistration, Email,
        ExportedAccount, ImportedAccount, LinkRecords, PasswordHash, PasswordRecords, RecordUpkeep, Role, UserName,
        UserPosition, UserQuery, UserRecords, UserSlice,
    },
    audit::{AuditContext, AuditEvent, Recorded},
    clock::Timestamp,
    id::{DeviceId, UserId},
    secret::Digest,
    store_error::StoreError,
};

/// The columns that [`account`] reads.
const SELECT_ACCOUNTS: &str =
    "SELECT id, name, display_name, email, roles, disabled, created, password_set, version FROM account";

#[async_trait]
impl UserRecords for EmbeddedStore {
    async fn by_key(&self, key: &str) -> Result<Option<Account>, StoreError> {
        self.read(|connection| {
            let sql = format!(
                "{SELECT_ACCOUNTS} WHERE name_key = ?1 OR email_key = ?1 OR id = (SELECT account FROM login WHERE key = ?1)"
            );
            connection.prepare_cached(&sql)?.query_row([key], read_account).optional()
        })
    }

    async fn get(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        self.read(|connection| find_account(connection, id))
    }

    async fn list_slice(&self, query: &UserQuery) -> Result<UserSlice, StoreError> {
        let after = query.after.as_ref().map(|after| &after.name);
        let accounts = self.read(|connection| {
            let sql = format!("{SELECT_ACCOUNTS} WHERE ?1 IS NULL OR name_key > ?1 ORDER BY name_key LIMIT ?2");
            connection
                .prepare_cached(&sql)?
                .query_map((after, saturating_i64(query.limit.saturating_add(1))), read_account)?
                .collect()
        })?;
        Ok(UserSlice::from_overfetched(accounts, query.limit, UserPosition::of))
    }

    async fn add(&self, account: &Account, context: &AuditContext) -> Result<Recorded<AddResult>, StoreError> {
        let (account, context) = (account.clone(), context.clone());
        self.write(move |connection| {
            let entry = context.entry(Some(account.id), AuditEvent::UserAdded);
            let added = insert_account(connection, account)?;
            if added != AddResult::Added {
                return Ok(Recorded::nothing(added));
            }
            audit_log::insert(connection, &entry)?;
            Ok(Recorded { value: added, entries: vec![entry] })
        })
        .await
    }

    async fn restore(
        &self,
        restored: &ImportedAccount,
        context: &AuditContext,
    ) -> Result<Recorded<AddResult>, StoreError> {
        let (restored, context) = (restored.clone(), context.clone());
        self.write(move |connection| insert_restored(connection, &restored, &context)).await
    }
}

#[async_trait]
impl PasswordRecords for EmbeddedStore {
    async fn password_hash(&self, id: UserId) -> Result<Option<PasswordHash>, StoreError> {
        self.read(|connection| passwords::get(connection, id))
    }

    async fn rehash(&self, id: UserId, from: &PasswordHash, to: &PasswordHash) -> Result<bool, StoreError> {
        let (from, to) = (from.clone(), to.clone());
        self.write(move |connection| passwords::rehash(connection, id, &from, &to)).await
    }
}

#[async_trait]
impl LinkRecords for EmbeddedStore {
    async fn put_link(
        &self,
        id: UserId,
        link: Digest,
        expires: Timestamp,
        context: &AuditContext,
    ) -> Result<Recorded<bool>, StoreError> {
        let context = context.clone();
        self.write(move |connection| {
            let kept = passwords::put_link(connection, id, link, expires)?;
            if !kept {
                return Ok(Recorded::nothing(false));
            }
            let entry = context.entry(Some(id), AuditEvent::LinkMade);
            audit_log::insert(connection, &entry)?;
            Ok(Recorded { value: true, entries: vec![entry] })
        })
        .await
    }

    async fn link_user(&self, link: Digest, now: Timestamp) -> Result<Option<UserId>, StoreError> {
        self.read(|connection| passwords::link_holder(connection, link, now))
    }
}

#[async_trait]
impl DeviceRecords for EmbeddedStore {
    async fn known_device(&self, owner: UserId, device: Digest) -> Result<Option<DeviceId>, StoreError> {
        self.read(|connection| devices::find(connection, owner, device))
    }

    async fn device_ids(&self, owner: UserId) -> Result<Vec<DeviceId>, StoreError> {
        self.read(|connection| devices::list(connection, owner))
    }

    async fn register_device(
        &self,
        owner: UserId,
        device: Option<Digest>,
        fresh: Digest,
        max: usize,
        at: Timestamp,
    ) -> Result<DeviceRegistration, StoreError> {
        self.write(move |connection| devices::register(connection, owner, device, fresh, max, at)).await
    }
}

#[async_trait]
impl RecordUpkeep for EmbeddedStore {
    async fn clamp(&self, now: Timestamp, links_until: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| {
            passwords::clamp_links(connection, links_until)?;
            devices::clamp(connection, now)
        })
        .await
    }

    async fn forget_devices(&self, before: Timestamp) -> Result<(), StoreError> {
        self.delete_in_batches(devices::DELETE_OLD, before).await
    }
}

#[async_trait]
impl AccountStore for EmbeddedStore {
    async fn apply(
        &self,
        alteration: AccountCommand,
        context: &AuditContext,
    ) -> Result<Recorded<Option<ChangeOutcome>>, StoreError> {
        let context = context.clone();
        self.write_urgent(move |connection| account_changes::apply(connection, alteration.clone(), &context)).await
    }
}

/// Nobody may sign in with what signs somebody else in, be it their name or their address.
fn insert_account(connection: &Connection, account: Account) -> rusqlite::Result<AddResult> {
    let name_key = account.name.key();
    let email_key = account.email.as_ref().map(Email::key);
    let mut taken = connection.prepare_cached(
        "SELECT 1 FROM account WHERE name_key = ?1 OR email_key = ?1 UNION ALL SELECT 1 FROM login WHERE key = ?1",
    )?;
    if taken.exists([&name_key])? {
        return Ok(AddResult::NameTaken);
    }
    if let Some(key) = &email_key
        && taken.exists([key])?
    {
        return Ok(AddResult::EmailTaken);
    }
    connection
        .prepare_cached(
            "INSERT INTO account (id, name, name_key, display_name, email, email_key, roles, disabled, created, \
         password_set, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute((
            AsText(account.id),
            AsText(&account.name),
            name_key,
            account.display_name,
            account.email.as_ref().map(AsText),
            email_key,
            role_names(&account.roles),
            account.disabled,
            account.created,
            account.password_set,
            saturating_i64(account.version),
        ))?;
    Ok(AddResult::Added)
}

fn insert_restored(
    connection: &Connection,
    restored: &ImportedAccount,
    context: &AuditContext,
) -> rusqlite::Result<Recorded<AddResult>> {
    let ExportedAccount { account, password } = &restored.exported;
    let added = insert_account(connection, account.clone())?;
    if added != AddResult::Added {
        return Ok(Recorded::nothing(added));
    }
    if let Some(hash) = password {
        passwords::put(connection, account.id, hash)?;
    }
    let mut alias = connection.prepare_cached(
        "INSERT OR IGNORE INTO login (key, account) SELECT ?1, ?2 \
             WHERE NOT EXISTS (SELECT 1 FROM account WHERE name_key = ?1 OR email_key = ?1)",
    )?;
    for key in &restored.aliases {
        alias.execute((key, AsText(account.id)))?;
    }
    let entry = context.entry(Some(account.id), restored.event());
    audit_log::insert(connection, &entry)?;
    Ok(Recorded { value: added, entries: vec![entry] })
}

pub(super) fn find_account(connection: &Connection, id: UserId) -> rusqlite::Result<Option<Account>> {
    connection
        .prepare_cached(&format!("{SELECT_ACCOUNTS} WHERE id = ?1"))?
        .query_row([AsText(id)], read_account)
        .optional()
}

/// Names are read back in their own spelling, also those from before today's rules.
fn read_account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let AsJson(roles): AsJson<Vec<String>> = row.get(4)?;
    Ok(Account {
        id: row.get::<_, AsText<_>>(0)?.0,
        name: parse_column(row, 1, UserName::from_stored)?,
        display_name: row.get(2)?,
        email: row.get::<_, Option<String>>(3)?.map(|_| parse_column(row, 3, Email::from_stored)).transpose()?,
        roles: roles.iter().map(|role| Role::new(role)).collect::<Result<_, _>>().map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, Box::new(error))
        })?,
        disabled: row.get(5)?,
        created: row.get(6)?,
        password_set: row.get(7)?,
        version: read_count(row, 8)?,
    })
}

pub(super) fn role_names(roles: &[Role]) -> AsJson<Vec<&str>> {
    AsJson(roles.iter().map(Role::as_str).collect())
}
