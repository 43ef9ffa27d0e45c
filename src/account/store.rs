//! What the domain needs of a place where accounts are kept.

use async_trait::async_trait;

use super::{Email, KnownDevice, Role, UserName};
use crate::{
    audit::{Fact, Story},
    clock::Timestamp,
    id::{DeviceId, UserId},
    outage::StoreError,
    secret::Digest,
    session::{Ending, Owner, Parting, Renewal, Session, Which},
};

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
    async fn add(&self, account: &Account, story: &Story) -> Result<Added, StoreError>;

    /// Changes an account and raises its version. All that follows from it is done in the same step: what the gate reads
    /// of its owner, its sessions and open links where it loses them, and the journal. None: there is no such account.
    ///
    /// Invariant: whoever may not come in any more is not left inside, whatever breaks.
    /// Held by `store_contract::disabling_is_one_step`.
    async fn change(&self, id: UserId, change: &Change, story: &Story) -> Result<Option<Changed>, StoreError>;

    /// The hash of an account's password.
    async fn password(&self, id: UserId) -> Result<Option<PasswordHash>, StoreError>;

    /// Replaces the password, kills every open link of the account, ends and renews the sessions that go with it, and
    /// writes all of it into the journal, in one step. None: there is no such account, or its hash is another one by now.
    async fn set_password(&self, id: UserId, new: &NewHash, story: &Story) -> Result<Option<Changed>, StoreError>;

    /// Replaces a hash by another one of the same password. False: the password was changed meanwhile.
    async fn rehash(&self, id: UserId, from: &PasswordHash, to: &PasswordHash) -> Result<bool, StoreError>;

    /// Keeps a one-time link that sets a password; the account's earlier ones die. False: there is no such account.
    async fn put_link(&self, id: UserId, link: Digest, expires: Timestamp, story: &Story) -> Result<bool, StoreError>;

    /// Whose link this is, while it is good.
    async fn link(&self, link: Digest, now: Timestamp) -> Result<Option<UserId>, StoreError>;

    /// Uses a link up, sets the password and ends the sessions that the old one opened, in one step: of two at once, one
    /// gets `None`.
    async fn redeem_link(
        &self,
        link: Digest,
        hash: &PasswordHash,
        story: &Story,
    ) -> Result<Option<Changed>, StoreError>;

    /// The device that shows `device`, if this user has signed in from it before.
    async fn known_device(&self, owner: UserId, device: Digest) -> Result<Option<DeviceId>, StoreError>;

    /// The devices that this user has signed in from.
    async fn devices(&self, owner: UserId) -> Result<Vec<DeviceId>, StoreError>;

    /// Forgets devices that were last used before `before`.
    async fn forget_devices(&self, before: Timestamp) -> Result<(), StoreError>;

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
    /// May not sign in any more; its sessions and links are gone.
    Disable {
        /// Why, where somebody had to say.
        reason: Option<String>,
    },
    /// May sign in again.
    Enable,
    /// Has these roles from now on; sorted, each once.
    Roles(Vec<Role>),
    /// Is gone, with its password, links, devices and sessions.
    Remove,
}

impl Change {
    /// What happened.
    #[must_use]
    pub fn fact(&self) -> Fact {
        match self {
            Self::Disable { .. } => Fact::UserDisabled,
            Self::Enable => Fact::UserEnabled,
            Self::Roles(roles) => Fact::RolesChanged { roles: roles.iter().map(ToString::to_string).collect() },
            Self::Remove => Fact::UserRemoved,
        }
    }

    /// How the sessions end that it takes along, if it does.
    #[must_use]
    pub fn parting(&self, story: &Story) -> Option<Parting> {
        let reason = match self {
            Self::Disable { reason } => reason.clone(),
            Self::Remove => None,
            Self::Enable | Self::Roles(_) => return None,
        };
        Some(Parting { ending: Ending::AccountDisabled, reason, story: story.clone() })
    }
}

/// A password's new hash, and with whom it comes about.
#[derive(Clone, Debug)]
pub enum NewHash {
    /// Set without the old one, by a link or by the operator: all sessions that the old one opened end.
    Set(PasswordHash),
    /// Changed by somebody who is signed in and knew the old one.
    Changed {
        /// The new one.
        hash: PasswordHash,
        /// Only where this is what is there.
        was: Option<PasswordHash>,
        /// Their session gets a new secret.
        renewal: Renewal,
        /// Whether their other sessions end.
        end_others: bool,
    },
}

impl NewHash {
    /// The hash itself.
    #[must_use]
    pub const fn hash(&self) -> &PasswordHash {
        match self {
            Self::Set(hash) | Self::Changed { hash, .. } => hash,
        }
    }

    /// What happened.
    #[must_use]
    pub const fn fact(&self) -> Fact {
        match self {
            Self::Set(_) => Fact::PasswordSet,
            Self::Changed { .. } => Fact::PasswordChanged,
        }
    }

    /// The sessions of `owner` that end with it.
    #[must_use]
    pub const fn ends(&self, owner: UserId) -> Option<Which> {
        match self {
            Self::Set(_) => Some(Which::AllOf(owner)),
            Self::Changed { end_others: true, renewal, .. } => Some(Which::AllBut { owner, keep: renewal.id }),
            Self::Changed { end_others: false, .. } => None,
        }
    }

    /// How they end.
    #[must_use]
    pub fn parting(story: &Story) -> Parting {
        Parting { ending: Ending::PasswordChanged, reason: None, story: story.clone() }
    }
}

/// What a change has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The account as it is now; of one that was removed, as it was.
    pub account: Account,
    /// The sessions that ended with it.
    pub ended: Vec<Session>,
    /// Whether the session that was to be renewed was.
    pub renewed: bool,
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
