//! `passwords`: rules for passwords.

use schemars::JsonSchema;
use serde::Serialize;

use crate::account::HashCost;
use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, KeywordSet, RawField};
use crate::config::ranges;
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::value::size::ByteSize;

/// Rules for passwords.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PasswordSettings {
    /// What a new password must look like.
    pub policy: PasswordPreset,
    /// The fewest characters of a new password.
    pub min_length: u32,
    /// What a change does to the other sessions.
    pub after_change: AfterPasswordChange,
    /// The most memory that all passwords which are checked at once take together; none: as the cores are.
    pub memory: Option<ByteSize>,
}

/// What a new password must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PasswordPreset {
    /// Upper case, lower case, a digit and a special character.
    Classic,
    /// Length and a list of common passwords.
    Modern,
}

/// What a password change does to the other sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AfterPasswordChange {
    /// The visitor decides.
    Ask,
    /// They stay.
    Keep,
    /// They end.
    EndOthers,
}

/// Rules for passwords.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawPasswords {
    /// `classic`: an upper-case letter, a lower-case letter, a digit and a special character. `modern` (NIST SP 800-63B-4):
    /// length and a list of common passwords, no composition.
    pub(in crate::config) policy: RawField<PasswordPreset>,
    /// The fewest characters of a new password, 8 to 64. Left out, it is 8 with `classic` and 15 with `modern`, as NIST
    /// asks of a password that is the only factor. Passwords that exist keep working.
    pub(in crate::config) min_length: RawField<u32>,
    /// What a password change does to the other sessions: `ask` shows a box, `keep` leaves them, `end_others` ends them.
    pub(in crate::config) after_change: RawField<AfterPasswordChange>,
    /// The most memory that all passwords which are checked at once take together, at least the `19MiB` that one takes. With `null` it is
    /// 19 MiB for each core, for 8 at most. Further ones wait their turn, and a minute after the last one the memory is given back. A
    /// hash from elsewhere that takes more than this is checked alone.
    pub(in crate::config) memory: RawField<ByteSize>,
}

impl FromNode for RawPasswords {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let passwords = Self {
            policy: keys.take("policy"),
            min_length: keys.take("min_length"),
            after_change: keys.take("after_change"),
            memory: keys.take_nullable("memory"),
        };
        keys.finish(&[]);
        Some(passwords)
    }
}

impl KeywordSet for PasswordPreset {
    const KEYWORDS: &'static [(&'static str, Self)] = &[("classic", Self::Classic), ("modern", Self::Modern)];
}

impl KeywordSet for AfterPasswordChange {
    const KEYWORDS: &'static [(&'static str, Self)] =
        &[("ask", Self::Ask), ("keep", Self::Keep), ("end_others", Self::EndOthers)];
}

impl PasswordPreset {
    /// The fewest characters when none are written: the guides' eight, or what NIST SP 800-63B-4 asks of a password
    /// that is the only factor.
    fn default_min_length(self) -> u32 {
        match self {
            Self::Classic => 8,
            Self::Modern => 15,
        }
    }
}

impl Default for PasswordSettings {
    fn default() -> Self {
        let policy = PasswordPreset::Classic;
        Self { policy, min_length: policy.default_min_length(), after_change: AfterPasswordChange::Ask, memory: None }
    }
}

impl PasswordSettings {
    pub(in crate::config) fn validate(raw: RawPasswords, diagnostics: &Diagnostics) -> Self {
        let default = Self::default();
        let policy = raw.policy.map_or(default.policy, |policy| policy.value);
        Self {
            policy,
            min_length: ranges::count(raw.min_length, policy.default_min_length(), &(8..=64), diagnostics),
            after_change: raw.after_change.map_or(default.after_change, |after| after.value),
            memory: raw.memory.map(|memory| {
                let needed = ByteSize::kib(HashCost::default().memory.into());
                if memory.value < needed {
                    memory.report(diagnostics, format!("is less than one password takes; write {needed} or more"));
                }
                memory.value
            }),
        }
    }
}
