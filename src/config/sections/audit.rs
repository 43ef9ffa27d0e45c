//! `audit`: how long and how much the journal keeps.

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

/// What the journal keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditSettings {
    /// For any entry.
    #[serde(serialize_with = "duration::serialize")]
    pub retention: Duration,
    /// For failed sign-ins with a name that nobody has.
    #[serde(serialize_with = "duration::serialize")]
    pub unknown_names_retention: Duration,
    /// Entries above which failed sign-ins are dropped.
    pub max_entries: u32,
}

/// What the journal keeps: the sign-in history of visitors, and what `portcullis audit` shows.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawAudit {
    /// How long an entry is kept, from 1d up.
    pub(in crate::config) retention: RawField<FiniteDuration>,
    /// How long a failed sign-in with a name that nobody has is kept, from 1h up, where that is shorter.
    pub(in crate::config) unknown_names_retention: RawField<FiniteDuration>,
    /// How many entries the journal holds, 1000 to 5000000; each takes about 0.6 KB of disk or of Redis' memory. Failed sign-ins
    /// have at most three quarters of it. Above it the oldest of them are dropped, those with names that nobody has first. All
    /// other entries stay for `retention`, even where they alone are more.
    pub(in crate::config) max_entries: RawField<u32>,
}

impl FromNode for RawAudit {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let audit = Self {
            retention: keys.take("retention"),
            unknown_names_retention: keys.take("unknown_names_retention"),
            max_entries: keys.take("max_entries"),
        };
        keys.finish(&[]);
        Some(audit)
    }
}

impl Default for AuditSettings {
    fn default() -> Self {
        let day = Duration::from_hours(24);
        Self { retention: 400 * day, unknown_names_retention: 7 * day, max_entries: 200_000 }
    }
}

impl AuditSettings {
    pub(in crate::config) fn validate(raw: RawAudit, diagnostics: &Diagnostics) -> Self {
        let default = Self::default();
        let (hour, day) = (Duration::from_hours(1), Duration::from_hours(24));
        Self {
            retention: ranges::duration(raw.retention, default.retention, &ranges::at_least(day), diagnostics),
            unknown_names_retention: ranges::duration(
                raw.unknown_names_retention,
                default.unknown_names_retention,
                &ranges::at_least(hour),
                diagnostics,
            ),
            max_entries: ranges::count(raw.max_entries, default.max_entries, &(1_000..=5_000_000), diagnostics),
        }
    }
}
