//! `shutdown`: drain and grace period.

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

/// Between the signal to stop and the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShutdownSettings {
    /// How long new requests are still taken.
    #[serde(serialize_with = "duration::serialize")]
    pub drain: Duration,
    /// How long requests that have begun may take.
    #[serde(serialize_with = "duration::serialize")]
    pub grace: Duration,
}

/// What happens between the signal to stop and the end.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawShutdown {
    /// How long new requests are still taken while `/readyz` already says no, so that a balancer can look away.
    pub(in crate::config) drain: RawField<FiniteDuration>,
    /// How long requests that have begun may then take to finish.
    pub(in crate::config) grace: RawField<FiniteDuration>,
}

impl FromNode for RawShutdown {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let shutdown = Self { drain: keys.take("drain"), grace: keys.take("grace") };
        keys.finish(&[]);
        Some(shutdown)
    }
}

impl Default for ShutdownSettings {
    fn default() -> Self {
        Self { drain: Duration::from_secs(5), grace: Duration::from_secs(30) }
    }
}

impl ShutdownSettings {
    pub(in crate::config) fn validate(raw: RawShutdown, diagnostics: &Diagnostics) -> Self {
        let default = Self::default();
        let range = Duration::ZERO..=Duration::from_hours(1);
        Self {
            drain: ranges::duration(raw.drain, default.drain, &range, diagnostics),
            grace: ranges::duration(raw.grace, default.grace, &range, diagnostics),
        }
    }
}
