//! Changes of accounts, and what goes with each: a store does it in one step.

use super::{Account, Role};
use crate::{
    audit::{AuditContext, AuditEvent},
    clock::Timestamp,
    id::UserId,
    secret::Digest,
    session::{EndReason, EndRecord, EndTarget, SecretRenewal, Session},
};

/// A change of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountChange {
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
    SetRoles(Vec<Role>),
    /// Is gone, with its password, links, devices and sessions.
    Remove,
}

impl AccountChange {
    /// The account as it is after it; none: it is gone.
    #[must_use]
    pub fn apply_to(&self, before: &Account, at: Timestamp) -> Option<Account> {
        let changed = Account { version: before.next_version(at), ..before.clone() };
        match self {
            Self::Disable { .. } => Some(Account { disabled: true, ..changed }),
            Self::Enable { .. } => Some(Account { disabled: false, ..changed }),
            Self::SetRoles(roles) => Some(Account { roles: roles.clone(), ..changed }),
            Self::Remove => None,
        }
    }

    /// Whether open links and known devices go with it.
    #[must_use]
    pub const fn revokes_credentials(&self) -> bool {
        match self {
            Self::Disable { .. } | Self::Remove => true,
            Self::Enable { .. } | Self::SetRoles(_) => false,
        }
    }

    /// The event of it.
    #[must_use]
    pub fn event(&self) -> AuditEvent {
        match self {
            Self::Disable { reason } => AuditEvent::UserDisabled { reason: reason.clone() },
            Self::Enable { reason } => AuditEvent::UserEnabled { reason: reason.clone() },
            Self::SetRoles(roles) => {
                AuditEvent::RolesChanged { roles: roles.iter().map(ToString::to_string).collect() }
            }
            Self::Remove => AuditEvent::UserRemoved,
        }
    }

    /// How the sessions end that it takes along, if it does.
    #[must_use]
    pub fn end_record(&self, context: &AuditContext) -> Option<EndRecord> {
        let reason = match self {
            Self::Disable { reason } => reason.clone(),
            Self::Remove => None,
            Self::Enable { .. } | Self::SetRoles(_) => return None,
        };
        Some(EndRecord { reason, ..EndRecord::new(EndReason::AccountDisabled, context.clone()) })
    }
}

/// A password's new hash, and with whom it comes about.
#[derive(Clone, Debug)]
pub enum PasswordUpdate {
    /// Set without the old one, by a link or by the operator: all sessions that the old one opened end.
    Set(PasswordHash),
    /// Changed by somebody who is signed in and knew the old one.
    Changed {
        /// The new one.
        hash: PasswordHash,
        /// Only where this is what is there.
        expected: Option<PasswordHash>,
        /// Their session gets a new secret.
        renewal: SecretRenewal,
        /// Digest of their device's cookie: it stays known.
        keep_device: Option<Digest>,
        /// Whether their other sessions end.
        end_others: bool,
    },
}

impl PasswordUpdate {
    /// The hash itself.
    #[must_use]
    pub const fn hash(&self) -> &PasswordHash {
        match self {
            Self::Set(hash) | Self::Changed { hash, .. } => hash,
        }
    }

    /// The event of it.
    #[must_use]
    pub const fn event(&self) -> AuditEvent {
        match self {
            Self::Set(_) => AuditEvent::PasswordSet,
            Self::Changed { .. } => AuditEvent::PasswordChanged,
        }
    }

    /// The device that stays known: whoever knew the old password may have made the others known.
    #[must_use]
    pub const fn kept_device(&self) -> Option<Digest> {
        match self {
            Self::Set(_) => None,
            Self::Changed { keep_device: device, .. } => *device,
        }
    }

    /// The sessions of `owner` that end with it. Whatever ends, a sign-in under way ends with it.
    #[must_use]
    pub const fn end_target(&self, owner: UserId) -> Option<EndTarget> {
        match self {
            Self::Set(_) => Some(EndTarget::AllOf(owner)),
            Self::Changed { end_others: true, renewal, .. } => Some(EndTarget::AllBut { owner, keep: renewal.id }),
            Self::Changed { end_others: false, .. } => None,
        }
    }

    /// How they end.
    #[must_use]
    pub fn end_record(context: &AuditContext) -> EndRecord {
        EndRecord::new(EndReason::PasswordChanged, context.clone())
    }
}

/// A change of an account, as records are asked for it.
#[derive(Clone, Debug)]
pub enum AccountCommand {
    /// Of what the user may do.
    Change(UserId, AccountChange),
    /// Of the password.
    Password(UserId, PasswordUpdate),
    /// Of the password, by whoever holds this one-time link, which is used up.
    Redeem(Digest, PasswordHash),
}

/// Outcome of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeOutcome {
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
