//! Accounts, their passwords and links. How they change is in `altering`.

use async_trait::async_trait;
use redis::cmd;
use serde::Serialize;

use super::{
    RedisRecords,
    audit_log::{EntryPlan, JOURNAL_KEYS},
    codec::{decode_account, decode_link_holder, encode_account, encode_link_holder, exact_logins, name_index_entry},
    keys::{self, ScriptKeys},
};
use crate::{
    account::{
        Account, AddResult, DeviceRecords, DeviceRegistration, ExportedAccount, ImportedAccount, LinkRecords,
        PasswordHash, PasswordRecords, RecordUpkeep, UserPosition, UserQuery, UserRecords, UserSlice, login_aliases,
    },
    audit::{AuditContext, AuditEntry, AuditEvent, Recorded},
    clock::Timestamp,
    id::{DeviceId, UserId},
    secret::Digest,
    store::redis::{codec, error::RedisStoreError, script},
    store_error::StoreError,
};

/// Accounts that are listed in one step.
const PAGE_SIZE: usize = 500;

/// How names are compared: PRECIS `UsernameCaseMapped`.
const FOLDING_RULE: &str = "precis";

#[derive(Serialize)]
struct AddAccountPlan {
    id: String,
    account: String,
    logins: Vec<String>,
    name: String,
    /// Further keys, where nobody has them.
    aliases: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    lines: Vec<EntryPlan>,
}

#[derive(Serialize)]
struct PutLinkPlan {
    id: String,
    link: String,
    holder: String,
    lines: Vec<EntryPlan>,
}

/// An account as it was read, to be replaced only where it still is.
pub(super) struct AccountSnapshot {
    pub(super) account: Account,
    pub(super) value: String,
}

impl RedisRecords {
    pub(super) async fn read_snapshot(&self, id: UserId) -> Result<Option<AccountSnapshot>, StoreError> {
        let id = id.bare();
        let value: Option<String> = self.client.query(cmd("HGET").arg(keys::ACCOUNTS).arg(&id)).await?;
        value.map(|value| Ok(AccountSnapshot { account: decode_account(&id, &value)?, value })).transpose()
    }

    /// Writes down how old names and addresses are compared today, once for all processes.
    async fn normalise_logins(&self) -> Result<(), StoreError> {
        let normalise = async || {
            let rule: Option<String> = self.client.query(cmd("GET").arg(keys::LOGIN_FOLDING)).await?;
            if rule.as_deref() == Some(FOLDING_RULE) {
                return Ok(());
            }
            let mut logins = Vec::new();
            for account in self.list().await? {
                logins.push((account.id, account.name.to_string()));
                logins.extend(account.email.map(|email| (account.id, email.to_string())));
            }
            let mut told = vec![FOLDING_RULE.to_owned()];
            told.extend(login_aliases(&logins).into_iter().flat_map(|(key, id)| [key, id.bare()]));
            // A replica that has not heard of it is told again.
            self.client
                .run_script(&script::ADD_ALIASES.call(&[keys::LOGINS, keys::ACCOUNTS, keys::LOGIN_FOLDING], &told))
                .await
        };
        self.logins_normalised.get_or_try_init(normalise).await.copied()
    }

    async fn insert(
        &self,
        account: &Account,
        password: Option<&PasswordHash>,
        aliases: &[String],
        entry: AuditEntry,
    ) -> Result<Recorded<AddResult>, StoreError> {
        self.normalise_logins().await?;
        let keys = [keys::ACCOUNTS, keys::LOGINS, keys::NAMES, keys::PASSWORDS];
        let mut touched = ScriptKeys::new(&[&JOURNAL_KEYS[..], &keys].concat());
        let line = EntryPlan::new(&entry, &mut touched);
        let new = AddAccountPlan {
            id: account.id.bare(),
            account: encode_account(account),
            logins: exact_logins(account),
            name: name_index_entry(account),
            aliases: aliases.to_vec(),
            password: password.map(|hash| hash.as_phc().to_owned()),
            lines: vec![line],
        };
        let answer: String =
            self.commit(&script::ADD_ACCOUNT.call(touched.as_slice(), &[codec::to_json(&new)])).await?;
        match answer.as_str() {
            "added" => Ok(Recorded { value: AddResult::Added, entries: vec![entry] }),
            "name" => Ok(Recorded::nothing(AddResult::NameTaken)),
            "email" => Ok(Recorded::nothing(AddResult::EmailTaken)),
            _ => Err(RedisStoreError::DuplicateId.into()),
        }
    }

    /// Who holds this link while it is good, and what says so.
    pub(super) async fn find_link_holder(
        &self,
        link: Digest,
        now: Timestamp,
    ) -> Result<Option<(AccountSnapshot, String)>, StoreError> {
        let look = script::FIND_LINK.call(&[keys::LINKS, keys::ACCOUNTS], &[codec::encode_digest(&link)]);
        let found: Option<(String, String)> = self.client.run_script(&look).await?;
        let Some((holder, value)) = found else { return Ok(None) };
        let (id, expires) = decode_link_holder(&holder)?;
        let account = decode_account(id, &value)?;
        // A link that is made for a disabled account opens nothing until it is enabled.
        let good = expires > now && !account.disabled;
        Ok(good.then_some((AccountSnapshot { account, value }, holder)))
    }
}

#[async_trait]
impl UserRecords for RedisRecords {
    async fn by_key(&self, key: &str) -> Result<Option<Account>, StoreError> {
        self.normalise_logins().await?;
        let look = script::FIND_LOGIN.call(&[keys::LOGINS, keys::ACCOUNTS], &[key]);
        let found: Option<(String, String)> = self.client.run_script(&look).await?;
        found.map(|(id, account)| decode_account(&id, &account)).transpose()
    }

    async fn get(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        Ok(self.read_snapshot(id).await?.map(|read| read.account))
    }

    async fn list_slice(&self, query: &UserQuery) -> Result<UserSlice, StoreError> {
        let behind = |entry: &str| format!("({entry}");
        let mut from = query
            .after
            .as_ref()
            .map_or_else(|| "-".to_owned(), |UserPosition { name, id }| behind(&format!("{name}\n{}", id.bare())));
        let (mut accounts, wanted) = (Vec::new(), query.limit.saturating_add(1));
        loop {
            let size = PAGE_SIZE.min(wanted - accounts.len());
            let page = script::LIST_ACCOUNTS.call(&[keys::NAMES, keys::ACCOUNTS], &[&from, &size.to_string()]);
            let page: Vec<(String, String)> = self.client.run_script(&page).await?;
            for (name, account) in &page {
                let id = name.rsplit('\n').next().unwrap_or_default();
                accounts.push(decode_account(id, account)?);
            }
            match page.last() {
                Some((last, _)) if page.len() == size && accounts.len() < wanted => from = behind(last),
                Some(_) | None => return Ok(UserSlice::from_overfetched(accounts, query.limit, UserPosition::of)),
            }
        }
    }

    async fn add(&self, account: &Account, context: &AuditContext) -> Result<Recorded<AddResult>, StoreError> {
        self.insert(account, None, &[], context.entry(Some(account.id), AuditEvent::UserAdded)).await
    }

    async fn restore(
        &self,
        restored: &ImportedAccount,
        context: &AuditContext,
    ) -> Result<Recorded<AddResult>, StoreError> {
        let ExportedAccount { account, password } = &restored.exported;
        let entry = context.entry(Some(account.id), restored.event());
        self.insert(account, password.as_ref(), &restored.aliases, entry).await
    }
}

#[async_trait]
impl PasswordRecords for RedisRecords {
    async fn password_hash(&self, id: UserId) -> Result<Option<PasswordHash>, StoreError> {
        let hash: Option<String> = self.client.query(cmd("HGET").arg(keys::PASSWORDS).arg(id.bare())).await?;
        Ok(hash.map(PasswordHash::new))
    }

    async fn rehash(&self, id: UserId, from: &PasswordHash, to: &PasswordHash) -> Result<bool, StoreError> {
        let told = [&*id.bare(), from.as_phc(), to.as_phc()];
        self.commit(&script::REPLACE_HASH.call(&[keys::PASSWORDS], &told)).await
    }
}

#[async_trait]
impl LinkRecords for RedisRecords {
    async fn put_link(
        &self,
        id: UserId,
        link: Digest,
        expires: Timestamp,
        context: &AuditContext,
    ) -> Result<Recorded<bool>, StoreError> {
        let mut touched =
            ScriptKeys::new(&[&JOURNAL_KEYS[..], &[keys::ACCOUNTS, keys::LINKS, keys::LINK_BY_ACCOUNT]].concat());
        let entry = context.entry(Some(id), AuditEvent::LinkMade);
        let made = EntryPlan::new(&entry, &mut touched);
        let holder = encode_link_holder(id, expires);
        let new = PutLinkPlan { id: id.bare(), link: codec::encode_digest(&link), holder, lines: vec![made] };
        let kept = self.commit(&script::PUT_LINK.call(touched.as_slice(), &[codec::to_json(&new)])).await?;
        Ok(if kept { Recorded { value: true, entries: vec![entry] } } else { Recorded::nothing(false) })
    }

    async fn link_user(&self, link: Digest, now: Timestamp) -> Result<Option<UserId>, StoreError> {
        Ok(self.find_link_holder(link, now).await?.map(|(read, _)| read.account.id))
    }
}

#[async_trait]
impl DeviceRecords for RedisRecords {
    async fn known_device(&self, owner: UserId, device: Digest) -> Result<Option<DeviceId>, StoreError> {
        self.find_device(owner, &codec::encode_digest(&device)).await
    }

    async fn device_ids(&self, owner: UserId) -> Result<Vec<DeviceId>, StoreError> {
        self.list_devices(owner).await
    }

    async fn register_device(
        &self,
        owner: UserId,
        device: Option<Digest>,
        fresh: Digest,
        max: usize,
        at: Timestamp,
    ) -> Result<DeviceRegistration, StoreError> {
        self.count_device(owner, device, fresh, max, at).await
    }
}

#[async_trait]
impl RecordUpkeep for RedisRecords {
    async fn clamp(&self, now: Timestamp, links_until: Timestamp) -> Result<(), StoreError> {
        self.clamp_all(now, links_until).await
    }

    async fn forget_devices(&self, before: Timestamp) -> Result<(), StoreError> {
        self.forget_unused(before).await
    }
}
