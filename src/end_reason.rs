//! The reason for which a session ended: for the sentence on the sign-in page, the login history, the audit trail and the metrics.

use serde::{Deserialize, Serialize};

use crate::visitor::Device;

/// How a session came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum EndReason {
    /// Its own browser signed out.
    SignedOut,
    /// Its owner ended it from somewhere else.
    FromAnotherDevice {
        /// The device that ended it.
        device: Device,
    },
    /// An administrator, or the operator's command line, ended it.
    ByAdministrator,
    /// The password was changed, and the other sessions with it.
    PasswordChanged,
    /// The account was disabled or removed.
    AccountDisabled,
    /// Nobody used it for too long.
    Idle {
        /// A browser or an installed app: how long is too long is not the same for both.
        kind: ClientKind,
    },
    /// It reached the end of its life.
    Expired,
    /// Its owner opened more sessions than one may have.
    TooMany,
}

impl EndReason {
    /// Every value of the label `reason`, so that each series exists from the start.
    pub const LABELS: [&'static str; 8] = [
        "signed_out",
        "other_device",
        "administrator",
        "password_changed",
        "account_disabled",
        "idle",
        "expired",
        "too_many",
    ];

    /// Its value of the label `reason`.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::SignedOut => Self::LABELS[0],
            Self::FromAnotherDevice { .. } => Self::LABELS[1],
            Self::ByAdministrator => Self::LABELS[2],
            Self::PasswordChanged => Self::LABELS[3],
            Self::AccountDisabled => Self::LABELS[4],
            Self::Idle { .. } => Self::LABELS[5],
            Self::Expired => Self::LABELS[6],
            Self::TooMany => Self::LABELS[7],
        }
    }
}

/// What kind of client holds the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// A browser.
    Web,
    /// An installed app (PWA).
    App,
}
