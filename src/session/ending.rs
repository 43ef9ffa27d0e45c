//! How sessions end, for the sentence on the sign-in page, the history and the metrics.

use serde::{Deserialize, Serialize};

use super::{Kind, Session};
use crate::{
    audit::{Entry, Fact, Story, Told},
    clock::Timestamp,
    id::SessionId,
    visitor::Device,
};

/// How a session came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Ending {
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
        kind: Kind,
    },
    /// It reached the end of its life.
    Expired,
    /// Its owner opened more sessions than one may have.
    TooMany,
}

impl Ending {
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

/// How sessions end, and how that is told: what a store needs to end them and write it down in one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parting {
    /// How it counts.
    pub ending: Ending,
    /// The session that asks for it: to that one it is a sign-out.
    pub own: Option<SessionId>,
    /// Why, where somebody had to say.
    pub reason: Option<String>,
    /// Who, when, from where.
    pub story: Story,
}

impl Parting {
    /// Nobody's own, and nobody had to say why.
    #[must_use]
    pub const fn new(ending: Ending, story: Story) -> Self {
        Self { ending, own: None, reason: None, story }
    }

    /// How this session ends.
    #[must_use]
    pub fn ending(&self, session: SessionId) -> &Ending {
        if self.own == Some(session) { &Ending::SignedOut } else { &self.ending }
    }

    /// The line of the journal about one that ended.
    #[must_use]
    pub fn entry(&self, session: SessionId) -> Entry {
        self.story.entry(Some(session.owner()), self.fact(session))
    }

    /// What is told of those that ended.
    pub fn told<'a>(&self, ended: impl IntoIterator<Item = &'a Session>) -> Vec<Told> {
        let tell = |session: &Session| self.story.told(Some(session.owner()), self.fact(session.id));
        ended.into_iter().map(tell).collect()
    }

    fn fact(&self, session: SessionId) -> Fact {
        Fact::SessionEnded { session, ending: self.ending(session).clone(), reason: self.reason.clone() }
    }
}

/// A note about a session that is gone. Kept for 30 days for the sentence on the sign-in page; the gate never reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub ending: Ending,
    /// When.
    pub at: Timestamp,
}
