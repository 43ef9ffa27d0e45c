//! Accounts, their passwords and links. How they change is in `altering`.

use async_trait::async_trait;
use redis::cmd;
use serde::Serialize;

use super::{
    RedisRecords,
    journal::{JOURNAL, Line},
    keys::{self, Touched},
    stored::{logins, name, read_account, read_holder, write_account, write_holder},
};
use crate::{
    account::{Account, AccountRecords, Added, KnownDevice, PasswordHash, Portable, Restored, aliases},
    audit::{Entry, Fact, Story},
    clock::Timestamp,
    id::{DeviceId, UserId},
    outage::StoreError,
    secret::Digest,
    store::redis::{layout, script, trouble::Trouble},
};

/// Accounts that are listed in one step.
const PAGE: usize = 500;

/// How names are compared: PRECIS `UsernameCaseMapped`.
const RULE: &str = "precis";

#[derive(Serialize)]
struct NewAccount {
    id: String,
    account: String,
    logins: Vec<String>,
    name: String,
    /// Further keys, where nobody has them.
    aliases: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct NewLink {
    id: String,
    link: String,
    holder: String,
    lines: Vec<Line>,
}

/// An account as it was read, to be replaced only where it still is.
pub(super) struct AsRead {
    pub(super) account: Account,
    pub(super) value: String,
}

impl RedisRecords {
    pub(super) async fn read(&self, id: UserId) -> Result<Option<AsRead>, StoreError> {
        let id = id.bare();
        let value: Option<String> = self.link.ask(cmd("HGET").arg(keys::ACCOUNTS).arg(&id)).await?;
        value.map(|value| Ok(AsRead { account: read_account(&id, &value)?, value })).transpose()
    }

    /// Writes down how old names and addresses are compared today, once for all processes.
    async fn normalise_logins(&self) -> Result<(), StoreError> {
        let normalise = async || {
            let rule: Option<String> = self.link.ask(cmd("GET").arg(keys::LOGIN_RULE)).await?;
            if rule.as_deref() == Some(RULE) {
                return Ok(());
            }
            let mut logins = Vec::new();
            for account in self.list().await? {
                logins.push((account.id, account.name.to_string()));
                logins.extend(account.email.map(|email| (account.id, email.to_string())));
            }
            let mut told = vec![RULE.to_owned()];
            told.extend(aliases(&logins).into_iter().flat_map(|(key, id)| [key, id.bare()]));
            // A replica that has not heard of it is told again.
            self.link.run(&script::ALIAS.call(&[keys::LOGINS, keys::ACCOUNTS, keys::LOGIN_RULE], &told)).await
        };
        self.normalised.get_or_try_init(normalise).await.copied()
    }

    async fn insert(
        &self,
        account: &Account,
        password: Option<&PasswordHash>,
        aliases: &[String],
        entry: &Entry,
    ) -> Result<Added, StoreError> {
        self.normalise_logins().await?;
        let keys = [keys::ACCOUNTS, keys::LOGINS, keys::NAMES, keys::PASSWORDS];
        let mut touched = Touched::new(&[&JOURNAL[..], &keys].concat());
        let line = Line::of(entry, &mut touched);
        let new = NewAccount {
            id: account.id.bare(),
            account: write_account(account),
            logins: logins(account),
            name: name(account),
            aliases: aliases.to_vec(),
            password: password.map(|hash| hash.as_phc().to_owned()),
            lines: vec![line],
        };
        let answer: String = self.commit(&script::ADD.call(touched.all(), &[layout::json(&new)])).await?;
        match answer.as_str() {
            "added" => Ok(Added::Yes),
            "name" => Ok(Added::NameTaken),
            "email" => Ok(Added::EmailTaken),
            _ => Err(Trouble::Twice.into()),
        }
    }

    /// Who holds this link while it is good, and what says so.
    pub(super) async fn holder(&self, link: Digest, now: Timestamp) -> Result<Option<(AsRead, String)>, StoreError> {
        let look = script::LINK.call(&[keys::LINKS, keys::ACCOUNTS], &[layout::digest(&link)]);
        let found: Option<(String, String)> = self.link.run(&look).await?;
        let Some((holder, value)) = found else { return Ok(None) };
        let (id, expires) = read_holder(&holder)?;
        let account = read_account(id, &value)?;
        // A link that is made for a disabled account opens nothing until it is enabled.
        let good = expires > now && !account.disabled;
        Ok(good.then_some((AsRead { account, value }, holder)))
    }
}

#[async_trait]
impl AccountRecords for RedisRecords {
    async fn by_login(&self, key: &str) -> Result<Option<Account>, StoreError> {
        self.normalise_logins().await?;
        let look = script::LOGIN.call(&[keys::LOGINS, keys::ACCOUNTS], &[key]);
        let found: Option<(String, String)> = self.link.run(&look).await?;
        found.map(|(id, account)| read_account(&id, &account)).transpose()
    }

    async fn get(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        Ok(self.read(id).await?.map(|read| read.account))
    }

    async fn list(&self) -> Result<Vec<Account>, StoreError> {
        let (mut accounts, mut from) = (Vec::new(), "-".to_owned());
        loop {
            let page = script::ACCOUNTS.call(&[keys::NAMES, keys::ACCOUNTS], &[&from, &PAGE.to_string()]);
            let page: Vec<(String, String)> = self.link.run(&page).await?;
            for (name, account) in &page {
                let id = name.rsplit('\n').next().unwrap_or_default();
                accounts.push(read_account(id, account)?);
            }
            let Some((last, _)) = page.last().filter(|_| page.len() == PAGE) else { return Ok(accounts) };
            from = format!("({last}");
        }
    }

    async fn add(&self, account: &Account, story: &Story) -> Result<Added, StoreError> {
        self.insert(account, None, &[], &story.entry(Some(account.id), Fact::UserAdded)).await
    }

    async fn restore(&self, restored: &Restored, story: &Story) -> Result<Added, StoreError> {
        let Portable { account, password } = &restored.portable;
        let entry = story.entry(Some(account.id), restored.fact());
        self.insert(account, password.as_ref(), &restored.aliases, &entry).await
    }

    async fn password(&self, id: UserId) -> Result<Option<PasswordHash>, StoreError> {
        let hash: Option<String> = self.link.ask(cmd("HGET").arg(keys::PASSWORDS).arg(id.bare())).await?;
        Ok(hash.map(PasswordHash::new))
    }

    async fn rehash(&self, id: UserId, from: &PasswordHash, to: &PasswordHash) -> Result<bool, StoreError> {
        let told = [&*id.bare(), from.as_phc(), to.as_phc()];
        self.commit(&script::REHASH.call(&[keys::PASSWORDS], &told)).await
    }

    async fn put_link(&self, id: UserId, link: Digest, expires: Timestamp, story: &Story) -> Result<bool, StoreError> {
        let mut touched = Touched::new(&[&JOURNAL[..], &[keys::ACCOUNTS, keys::LINKS, keys::LINK_OF]].concat());
        let made = Line::of(&story.entry(Some(id), Fact::LinkMade), &mut touched);
        let holder = write_holder(id, expires);
        let new = NewLink { id: id.bare(), link: layout::digest(&link), holder, lines: vec![made] };
        self.commit(&script::PUT_LINK.call(touched.all(), &[layout::json(&new)])).await
    }

    async fn link(&self, link: Digest, now: Timestamp) -> Result<Option<UserId>, StoreError> {
        Ok(self.holder(link, now).await?.map(|(read, _)| read.account.id))
    }

    async fn known_device(&self, owner: UserId, device: Digest) -> Result<Option<DeviceId>, StoreError> {
        self.known(owner, &layout::digest(&device)).await
    }

    async fn devices(&self, owner: UserId) -> Result<Vec<DeviceId>, StoreError> {
        self.devices_of(owner).await
    }

    async fn clamp(&self, now: Timestamp, links_until: Timestamp) -> Result<(), StoreError> {
        self.clamp_all(now, links_until).await
    }

    async fn forget_devices(&self, before: Timestamp) -> Result<(), StoreError> {
        self.forget_unused(before).await
    }

    async fn meet_device(
        &self,
        owner: UserId,
        device: Option<Digest>,
        fresh: Digest,
        max: usize,
        at: Timestamp,
    ) -> Result<KnownDevice, StoreError> {
        self.meet(owner, device, fresh, max, at).await
    }
}
