//! Stores of accounts, as traits by capability.
//!
//! Two traits, because two places may be needed: what is kept of an account is a record, and what follows from its change
//! for sessions is live state. A store of both does a change in one step; where they are apart, the records keep what is
//! still to follow until it is done.

use async_trait::async_trait;

use super::{
    Account, AccountChange, AccountCommand, AddResult, ChangeOutcome, DeviceRegistration, ImportedAccount,
    PasswordHash, PasswordUpdate, exact_key, fold,
};
use crate::{
    audit::{AuditContext, Recorded},
    clock::Timestamp,
    id::{DeviceId, UserId},
    list_slice::ListSlice,
    secret::Digest,
    store_error::StoreError,
};

/// Accounts by id and by what signs them in.
#[async_trait]
pub trait UserRecords: Send + Sync {
    /// The account that signs in with this name or e-mail address: by its exact spelling (`account::exact_key`), or as it is
    /// compared (`account::fold`) where that is nobody else's.
    async fn by_key(&self, key: &str) -> Result<Option<Account>, StoreError>;

    /// The account that signs in with what was typed: its exact spelling goes before how it is compared. Of a name that nobody
    /// has as much is looked up.
    async fn by_login(&self, typed: &str) -> Result<Option<Account>, StoreError> {
        let (exact, folded) = (exact_key(typed), fold(typed));
        let by_exact = self.by_key(&exact).await?;
        if exact == folded {
            return Ok(by_exact);
        }
        let by_fold = self.by_key(&folded).await?;
        Ok(by_exact.or(by_fold))
    }

    /// One account.
    async fn get(&self, id: UserId) -> Result<Option<Account>, StoreError>;

    /// Accounts, by name.
    async fn list_slice(&self, query: &UserQuery) -> Result<UserSlice, StoreError>;

    /// All accounts, as [`UserRecords::list_slice`] has them.
    async fn list(&self) -> Result<Vec<Account>, StoreError> {
        Ok(self.list_slice(&UserQuery { after: None, limit: usize::MAX }).await?.items)
    }

    /// Adds an account, unless its name or address signs somebody else in already.
    async fn add(&self, account: &Account, context: &AuditContext) -> Result<Recorded<AddResult>, StoreError>;

    /// Adds an account as it was in another store, with its password, unless somebody else has its name or address by their exact
    /// spelling.
    async fn restore(
        &self,
        restored: &ImportedAccount,
        context: &AuditContext,
    ) -> Result<Recorded<AddResult>, StoreError>;
}

/// Accounts to be listed.
#[derive(Clone, Debug)]
pub struct UserQuery {
    /// Only what comes behind this position.
    pub after: Option<UserPosition>,
    /// At most so many.
    pub limit: usize,
}

/// Position of an account in the list of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPosition {
    /// Name of the user, by its exact spelling.
    pub name: String,
    /// Id of the user.
    pub id: UserId,
}

impl UserPosition {
    /// The position of this account.
    #[must_use]
    pub fn of(account: &Account) -> Self {
        Self { name: account.name.key(), id: account.id }
    }
}

/// Some accounts.
pub type UserSlice = ListSlice<Account, UserPosition>;

/// Hashes of passwords.
#[async_trait]
pub trait PasswordRecords: Send + Sync {
    /// The hash of an account's password.
    async fn password_hash(&self, id: UserId) -> Result<Option<PasswordHash>, StoreError>;

    /// Replaces a hash by another one of the same password. False: the password was changed meanwhile.
    async fn rehash(&self, id: UserId, from: &PasswordHash, to: &PasswordHash) -> Result<bool, StoreError>;
}

/// One-time links that set a password.
#[async_trait]
pub trait LinkRecords: Send + Sync {
    /// Keeps a one-time link that sets a password; the account's earlier ones die. False: there is no such account.
    async fn put_link(
        &self,
        id: UserId,
        link: Digest,
        expires: Timestamp,
        context: &AuditContext,
    ) -> Result<Recorded<bool>, StoreError>;

    /// The user of this link, while it is good.
    async fn link_user(&self, link: Digest, now: Timestamp) -> Result<Option<UserId>, StoreError>;
}

/// Devices that users have signed in from.
#[async_trait]
pub trait DeviceRecords: Send + Sync {
    /// The device that shows `device`, if this user has signed in from it before.
    async fn known_device(&self, owner: UserId, device: Digest) -> Result<Option<DeviceId>, StoreError>;

    /// The devices that this user has signed in from.
    async fn device_ids(&self, owner: UserId) -> Result<Vec<DeviceId>, StoreError>;

    /// Counts a sign-in of `owner` from the device that shows `device`; an unknown one is kept under `fresh`, and of more than
    /// `max` the longest unused are forgotten.
    async fn register_device(
        &self,
        owner: UserId,
        device: Option<Digest>,
        new_token: Digest,
        max: usize,
        at: Timestamp,
    ) -> Result<DeviceRegistration, StoreError>;
}

/// Upkeep of links and devices: for the sweep.
#[async_trait]
pub trait RecordUpkeep: Send + Sync {
    /// Moves back what a clock that was ahead has written, by more than [`crate::clock::MAX_CLOCK_SKEW`]: devices that were used after
    /// `now`, and links that are good for longer than `links_until`.
    async fn clamp(&self, now: Timestamp, links_until: Timestamp) -> Result<(), StoreError>;

    /// Forgets devices that were last used before `before`.
    async fn forget_devices(&self, before: Timestamp) -> Result<(), StoreError>;
}

/// All records of accounts, of which a store has all or none.
pub trait AccountRecords: UserRecords + PasswordRecords + LinkRecords + DeviceRecords + RecordUpkeep {}

impl<S: UserRecords + PasswordRecords + LinkRecords + DeviceRecords + RecordUpkeep> AccountRecords for S {}

/// Accounts as they change, with all that follows from it.
#[async_trait]
pub trait AccountStore: AccountRecords {
    /// Changes an account and raises its version. All that follows from it is done before this answers: what the gate reads
    /// of its owner, its sessions and open links where it loses them, and the journal. None: there is no such account, or
    /// it is not as it was supposed to be.
    ///
    /// Invariant: whoever may not come in any more is not left inside, whatever breaks.
    /// Held by `store_contract::disabling_is_one_step`.
    async fn apply(
        &self,
        command: AccountCommand,
        context: &AuditContext,
    ) -> Result<Recorded<Option<ChangeOutcome>>, StoreError>;

    /// Changes what a user may do. None: there is no such account.
    async fn change(
        &self,
        id: UserId,
        change: &AccountChange,
        context: &AuditContext,
    ) -> Result<Recorded<Option<ChangeOutcome>>, StoreError> {
        self.apply(AccountCommand::Change(id, change.clone()), context).await
    }

    /// Replaces the password, kills every open link of the account, forgets its devices, ends and renews the sessions that
    /// go with it, and lets every sign-in under way lose. None: there is no such account, or its hash is another one by now.
    async fn set_password(
        &self,
        id: UserId,
        new: &PasswordUpdate,
        context: &AuditContext,
    ) -> Result<Recorded<Option<ChangeOutcome>>, StoreError> {
        self.apply(AccountCommand::Password(id, new.clone()), context).await
    }

    /// Uses a link up, sets the password and ends the sessions that the old one opened: of two at once, one gets `None`.
    async fn redeem_link(
        &self,
        link: Digest,
        hash: &PasswordHash,
        context: &AuditContext,
    ) -> Result<Recorded<Option<ChangeOutcome>>, StoreError> {
        self.apply(AccountCommand::Redeem(link, hash.clone()), context).await
    }
}
