//! How an account may change, and what goes with it: stores do it in one step, whatever they are.

use super::{Account, Role};
use crate::{
    audit::{Fact, Story},
    clock::Timestamp,
    id::UserId,
    secret::Digest,
    session::{Ending, Parting, Renewal, Session, Which},
};

/// A change of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// May not sign in any more; its sessions, links and known devices are gone.
    Disable {
        /// Why, where somebody had to say.
        reason: Option<String>,
    },
    /// May sign in again.
    Enable {
        /// Why, where somebody had to say.
        reason: Option<String>,
    },
    /// Has these roles from now on; sorted, each once.
    Roles(Vec<Role>),
    /// Is gone, with its password, links, devices and sessions.
    Remove,
}

impl Change {
    /// The account as it is after it; none: it is gone.
    #[must_use]
    pub fn applied_to(&self, before: &Account, at: Timestamp) -> Option<Account> {
        let changed = Account { version: before.next_version(at), ..before.clone() };
        match self {
            Self::Disable { .. } => Some(Account { disabled: true, ..changed }),
            Self::Enable { .. } => Some(Account { disabled: false, ..changed }),
            Self::Roles(roles) => Some(Account { roles: roles.clone(), ..changed }),
            Self::Remove => None,
        }
    }

    /// Whether open links and known devices go with it.
    #[must_use]
    pub const fn takes_all(&self) -> bool {
        match self {
            Self::Disable { .. } | Self::Remove => true,
            Self::Enable { .. } | Self::Roles(_) => false,
        }
    }

    /// What happened.
    #[must_use]
    pub fn fact(&self) -> Fact {
        match self {
            Self::Disable { reason } => Fact::UserDisabled { reason: reason.clone() },
            Self::Enable { reason } => Fact::UserEnabled { reason: reason.clone() },
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
            Self::Enable { .. } | Self::Roles(_) => return None,
        };
        Some(Parting { reason, ..Parting::new(Ending::AccountDisabled, story.clone()) })
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
        /// Digest of their device's cookie: it stays known.
        device: Option<Digest>,
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

    /// The device that stays known: whoever knew the old password may have made the others known.
    #[must_use]
    pub const fn device(&self) -> Option<Digest> {
        match self {
            Self::Set(_) => None,
            Self::Changed { device, .. } => *device,
        }
    }

    /// The sessions of `owner` that end with it. Whatever ends, a sign-in under way ends with it.
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
        Parting::new(Ending::PasswordChanged, story.clone())
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
