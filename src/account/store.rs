//! What the domain needs of a place where accounts are kept.

use async_trait::async_trait;

use super::{Email, KnownDevice, Role, UserName};
use crate::{clock::Timestamp, id::UserId, outage::StoreError, secret::Digest, session::Owner};

/// Keeps accounts, password hashes, one-time links and known devices.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// The account that signs in with this name or e-mail address, already folded (`account::fold`).
    async fn by_login(&self, folded: &str) -> Result<Option<Account>, StoreError>;

    /// One account.
    async fn get(&self, id: UserId) -> Result<Option<Account>, StoreError>;

    /// All accounts, by name.
    async fn list(&self) -> Result<Vec<Account>, StoreError>;

    /// Adds an account, unless its name or address signs somebody else in already.
    async fn add(&self, account: &Account) -> Result<Added, StoreError>;

    /// Changes an account and raises its version. None: there is no such account.
    async fn change(&self, id: UserId, change: &Change) -> Result<Option<Account>, StoreError>;

    /// Removes an account with its password, links and devices.
    async fn remove(&self, id: UserId) -> Result<Option<Account>, StoreError>;

    /// The hash of an account's password.
    async fn password(&self, id: UserId) -> Result<Option<PasswordHash>, StoreError>;

    /// Replaces the password and kills every open link of the account, in one step. With `only_if` it replaces only that
    /// hash, so that a rehash never undoes a change. False: nothing was replaced.
    async fn set_password(
        &self,
        id: UserId,
        hash: &PasswordHash,
        at: Timestamp,
        only_if: Option<&PasswordHash>,
    ) -> Result<bool, StoreError>;

    /// Keeps a one-time link that sets a password; the account's earlier ones die.
    async fn put_link(&self, id: UserId, link: Digest, expires: Timestamp) -> Result<(), StoreError>;

    /// Whose link this is, while it is good. It rests while its account is disabled.
    async fn link(&self, link: Digest, now: Timestamp) -> Result<Option<UserId>, StoreError>;

    /// Uses a link up and sets the password, in one step: of two at once, one gets `None`.
    async fn redeem_link(
        &self,
        link: Digest,
        hash: &PasswordHash,
        now: Timestamp,
    ) -> Result<Option<UserId>, StoreError>;

    /// Counts a sign-in of `owner` from the device that shows `device`; an unknown one is kept under `fresh`.
    async fn meet_device(
        &self,
        owner: UserId,
        device: Option<Digest>,
        fresh: Digest,
        at: Timestamp,
    ) -> Result<KnownDevice, StoreError>;
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Public, never reused.
    pub id: UserId,
    /// What they sign in with.
    pub name: UserName,
    /// How they are shown.
    pub display_name: Option<String>,
    /// Signs in too.
    pub email: Option<Email>,
    /// Sorted, each once.
    pub roles: Vec<Role>,
    /// They may do nothing.
    pub disabled: bool,
    /// When it was added.
    pub created: Timestamp,
    /// When the password was last set; none until there is one.
    pub password_set: Option<Timestamp>,
    /// Rises with each change.
    pub version: u64,
}

impl Account {
    /// What the gate needs to know of it.
    #[must_use]
    pub fn as_owner(&self) -> Owner {
        Owner {
            id: self.id,
            name: self.name.to_string(),
            display_name: self.display_name.clone(),
            email: self.email.as_ref().map(ToString::to_string),
            roles: self.roles.iter().map(ToString::to_string).collect(),
            disabled: self.disabled,
            version: self.version,
        }
    }
}

/// What became of adding an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is there.
    Yes,
    /// Somebody has that name already, or signs in with it as an address.
    NameTaken,
    /// Somebody has that address already, or signs in with it as a name.
    EmailTaken,
}

/// A change of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// May (not) sign in.
    Disabled(bool),
    /// Has these roles from now on; sorted, each once.
    Roles(Vec<Role>),
}

/// A password's hash in PHC format. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// From a store or a hasher.
    #[must_use]
    pub const fn new(phc: String) -> Self {
        Self(phc)
    }

    /// For a store or a hasher.
    #[must_use]
    pub fn as_phc(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}
