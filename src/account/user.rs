//! A user.

use super::{Email, Role, UserName};
use crate::{clock::Timestamp, id::UserId, session::UserSnapshot};

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Public, never reused.
    pub id: UserId,
    /// Name to sign in with.
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
    /// The part that the gate reads.
    #[must_use]
    pub fn snapshot(&self) -> UserSnapshot {
        UserSnapshot {
            id: self.id,
            name: self.name.to_string(),
            display_name: self.display_name.clone(),
            email: self.email.as_ref().map(ToString::to_string),
            roles: self.roles.iter().map(ToString::to_string).collect(),
            disabled: self.disabled,
            version: self.version,
        }
    }

    /// The version of it that is made at `at`. Above all that was ever made of it, also where an old copy of it was put back
    /// meanwhile: what the gate knows may be of a later one.
    #[must_use]
    pub fn next_version(&self, at: Timestamp) -> u64 {
        u64::try_from(at.as_millis()).unwrap_or(0).max(self.version + 1)
    }

    /// What stays of it when it is removed: that nobody may come in under its id, and no longer who that was.
    #[must_use]
    pub fn removed_snapshot(&self, at: Timestamp) -> UserSnapshot {
        UserSnapshot {
            id: self.id,
            name: String::new(),
            display_name: None,
            email: None,
            roles: Vec::new(),
            disabled: true,
            version: self.next_version(at),
        }
    }
}

/// Outcome of adding an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddResult {
    /// It is there.
    Added,
    /// Somebody has that name already, or signs in with it as an address.
    NameTaken,
    /// Somebody has that address already, or signs in with it as a name.
    EmailTaken,
}
