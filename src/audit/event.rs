//! One thing that happened, told so that the history, the audit trail and the log can each say it.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::LoginOutcome;
use crate::{
    auth_method::AuthMethod,
    clock::Timestamp,
    end_reason::EndReason,
    id::{EventId, SessionId, UserId},
    visitor::{Device, Visitor},
};

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Public.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// The user whom it concerns; none when nobody has that name.
    pub user: Option<UserId>,
    /// Actor.
    pub actor: Actor,
    /// From where, where somebody called.
    pub ip: Option<IpAddr>,
    /// With what.
    pub device: Option<Device>,
    /// What.
    #[serde(rename = "fact")]
    pub event: AuditEvent,
}

impl AuditEntry {
    /// Time of the last thing that it tells of.
    #[must_use]
    pub const fn last_at(&self) -> Timestamp {
        match self.event {
            AuditEvent::SignInsFailed { until, .. } => until,
            _ => self.at,
        }
    }
}

/// Actor, time and client of an act: all that the audit log says of an act beside what came of it. A store
/// is handed the story with the act and writes the entries in the same step, so that none is ever missing (promise P6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditContext {
    /// When.
    pub at: Timestamp,
    /// Actor.
    pub actor: Actor,
    /// From where, where somebody called.
    pub ip: Option<IpAddr>,
    /// With what.
    pub device: Option<Device>,
}

impl AuditContext {
    /// Context of a caller's act.
    #[must_use]
    pub fn new(actor: Actor, from: Option<&Visitor>, at: Timestamp) -> Self {
        Self { at, actor, ip: from.map(|from| from.ip), device: from.map(|from| from.device.clone()) }
    }

    /// Context of what Portcullis does by itself.
    #[must_use]
    pub const fn system(at: Timestamp) -> Self {
        Self { at, actor: Actor::System, ip: None, device: None }
    }

    /// The line that tells this of it.
    #[must_use]
    pub fn entry(&self, user: Option<UserId>, event: AuditEvent) -> AuditEntry {
        let Self { at, actor, ip, device } = self.clone();
        AuditEntry { id: EventId::mint(), at, user, actor, ip, device, event }
    }
}

/// Actor of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// Somebody who is not signed in.
    Visitor,
    /// A user.
    User(UserId),
    /// Whoever holds the machine: the command line.
    Operator,
    /// Portcullis itself.
    System,
}

impl Actor {
    /// Kind of actor, without a name.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Visitor => "visitor",
            Self::User(_) => "user",
            Self::Operator => "operator",
            Self::System => "system",
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Visitor | Self::Operator | Self::System => f.write_str(self.kind()),
        }
    }
}

/// An event, as it stands in the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum AuditEvent {
    /// Somebody signed in.
    SignedIn {
        /// The session it opened.
        session: SessionId,
        /// The last proof they gave.
        method: AuthMethod,
    },
    /// Somebody tried to.
    SignInFailed {
        /// At which step.
        step: AuthMethod,
        /// Why.
        #[serde(rename = "why")]
        reason: SignInFailure,
    },
    /// Failed sign-ins that have no line of their own, counted from the entry's time on.
    SignInsFailed {
        /// Step that failed.
        step: AuthMethod,
        /// Number of tries, at least one.
        count: u64,
        /// Time of the last one.
        until: Timestamp,
    },
    /// A session ended.
    SessionEnded {
        /// Which.
        session: SessionId,
        /// How.
        #[serde(rename = "ending")]
        end_reason: EndReason,
        /// Why, where somebody had to say.
        reason: Option<String>,
    },
    /// Somebody reached for a session that is not theirs.
    SessionOfAnother {
        /// Which.
        session: SessionId,
    },
    /// The password was changed by whoever knew the old one.
    PasswordChanged,
    /// A password change failed because the current one was wrong.
    PasswordChangeFailed,
    /// The password was set by a one-time link, or by the operator.
    PasswordSet,
    /// A one-time link that sets the password was made.
    LinkMade,
    /// The account was added.
    UserAdded,
    /// The account came from another store.
    UserImported {
        /// With these roles.
        roles: Vec<String>,
    },
    /// All accounts were written into a file, with their password hashes.
    UsersExported {
        /// How many.
        users: usize,
    },
    /// The account was disabled.
    UserDisabled {
        /// Why, where somebody had to say.
        reason: Option<String>,
    },
    /// The account was enabled.
    UserEnabled {
        /// Why, where somebody had to say.
        reason: Option<String>,
    },
    /// The account was opened again after too many tries.
    UserUnlocked {
        /// Why, where somebody had to say.
        reason: Option<String>,
    },
    /// The account was removed.
    UserRemoved,
    /// The roles were changed.
    RolesChanged {
        /// To these.
        roles: Vec<String>,
    },
}

impl AuditEvent {
    /// Its name in the store and the log.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SignedIn { .. } => "signed_in",
            Self::SignInFailed { .. } => "sign_in_failed",
            Self::SignInsFailed { .. } => "sign_ins_failed",
            Self::SessionEnded { .. } => "session_ended",
            Self::SessionOfAnother { .. } => "session_of_another",
            Self::PasswordChanged => "password_changed",
            Self::PasswordChangeFailed => "password_change_failed",
            Self::PasswordSet => "password_set",
            Self::LinkMade => "link_made",
            Self::UserAdded => "user_added",
            Self::UserImported { .. } => "user_imported",
            Self::UsersExported { .. } => "users_exported",
            Self::UserDisabled { .. } => "user_disabled",
            Self::UserEnabled { .. } => "user_enabled",
            Self::UserUnlocked { .. } => "user_unlocked",
            Self::UserRemoved => "user_removed",
            Self::RolesChanged { .. } => "roles_changed",
        }
    }

    /// How it went, where it was a sign-in.
    #[must_use]
    pub const fn outcome(&self) -> Option<LoginOutcome> {
        match self {
            Self::SignedIn { .. } => Some(LoginOutcome::Succeeded),
            // Whoever guesses the password in a stolen session shows up where one looks for that.
            Self::SignInFailed { .. } | Self::SignInsFailed { .. } | Self::PasswordChangeFailed => {
                Some(LoginOutcome::Failed)
            }
            _ => None,
        }
    }

    /// Whether it tells of failed tries to sign in, of which the journal keeps only so many.
    #[must_use]
    pub const fn is_failed_sign_in(&self) -> bool {
        matches!(self, Self::SignInFailed { .. } | Self::SignInsFailed { .. })
    }

    /// Whether it is written on a full store, too: ends, and a signed-in user's wrong passwords, which are bounded by session.
    #[must_use]
    pub const fn is_urgent(&self) -> bool {
        matches!(self, Self::SessionEnded { .. } | Self::PasswordChangeFailed)
    }

    /// Number of tries that it tells of.
    #[must_use]
    pub const fn attempts(&self) -> u64 {
        match self {
            Self::SignInsFailed { count, .. } => *count,
            _ => 1,
        }
    }

    /// Why a sign-in failed, or how a session ended.
    #[must_use]
    pub const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::SignInFailed { reason: why, .. } => Some(why.name()),
            Self::SessionEnded { end_reason: ending, .. } => Some(ending.label()),
            _ => None,
        }
    }

    /// The session it is about.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        match self {
            Self::SignedIn { session, .. }
            | Self::SessionEnded { session, .. }
            | Self::SessionOfAnother { session } => Some(*session),
            Self::SignInFailed { .. }
            | Self::SignInsFailed { .. }
            | Self::PasswordChanged
            | Self::PasswordChangeFailed
            | Self::PasswordSet
            | Self::LinkMade
            | Self::UserAdded
            | Self::UserImported { .. }
            | Self::UsersExported { .. }
            | Self::UserDisabled { .. }
            | Self::UserEnabled { .. }
            | Self::UserUnlocked { .. }
            | Self::UserRemoved
            | Self::RolesChanged { .. } => None,
        }
    }
}

/// Why a sign-in was refused. For us; the visitor reads one sentence for most of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInFailure {
    /// Nobody has that name.
    UnknownUser,
    /// The password was wrong.
    WrongPassword,
    /// The account has no password yet.
    NoPassword,
    /// The account is disabled.
    Disabled,
    /// Too many tries on this account, or from this address.
    Throttled,
    /// All sessions of the user were ended while they signed in.
    Superseded,
}

impl SignInFailure {
    /// Its name in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown_user",
            Self::WrongPassword => "wrong_password",
            Self::NoPassword => "no_password",
            Self::Disabled => "disabled",
            Self::Throttled => "throttled",
            Self::Superseded => "superseded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_a_reason_is_read() {
        let read: AuditEvent = serde_json::from_str("{\"fact\":\"user_disabled\"}").unwrap();
        assert_eq!(read, AuditEvent::UserDisabled { reason: None });
    }
}
