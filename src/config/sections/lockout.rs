//! `lockout`: when an account is locked.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, RawField};
use crate::config::ranges;
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::value::duration;
use crate::config::value::duration::FiniteDuration;

/// When an account is locked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LockoutSettings {
    /// So many wrong passwords lock it.
    pub failures: u32,
    /// Older ones are forgotten.
    #[serde(serialize_with = "duration::serialize")]
    pub within: Duration,
    /// How long it stays locked.
    #[serde(serialize_with = "duration::serialize")]
    pub cool_off: Duration,
}

/// When an account is locked after wrong passwords.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawLockout {
    /// So many wrong passwords lock the account for a while, 1 to 100.
    pub(in crate::config) failures: RawField<u32>,
    /// Wrong passwords older than this are forgotten.
    pub(in crate::config) within: RawField<FiniteDuration>,
    /// How long the account stays locked. A shorter one holds for a lock that stands from the next try on; `failures` holds for
    /// the next lock. `portcullis users unlock` lifts one.
    pub(in crate::config) cool_off: RawField<FiniteDuration>,
}

impl FromNode for RawLockout {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let lockout =
            Self { failures: keys.take("failures"), within: keys.take("within"), cool_off: keys.take("cool_off") };
        keys.finish(&["permanent_after"]);
        Some(lockout)
    }
}

impl Default for LockoutSettings {
    fn default() -> Self {
        Self { failures: 5, within: Duration::from_mins(15), cool_off: Duration::from_mins(30) }
    }
}

impl LockoutSettings {
    pub(in crate::config) fn validate(raw: RawLockout, diagnostics: &Diagnostics) -> Self {
        let default = Self::default();
        let range = ranges::at_least(Duration::from_secs(1));
        Self {
            failures: ranges::count(raw.failures, default.failures, &(1..=100), diagnostics),
            within: ranges::duration(raw.within, default.within, &range, diagnostics),
            cool_off: ranges::duration(raw.cool_off, default.cool_off, &range, diagnostics),
        }
    }
}
