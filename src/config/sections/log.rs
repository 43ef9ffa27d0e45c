//! `log`: format and level of the log.

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, KeywordSet, RawField};
use crate::config::section::Section;
use crate::config::tree::Node;

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogSettings {
    /// How a message is written.
    pub format: LogFormatSetting,
    /// The least severe messages that are written.
    pub level: LogLevel,
    /// Whether each request is written.
    pub access: bool,
}

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormatSetting {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// Text for people.
    Text,
}

/// How severe a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is odd.
    Warn,
    /// Something happened.
    Info,
    /// For looking closer.
    Debug,
    /// Everything.
    Trace,
}

/// What is logged, and how.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawLog {
    /// `json`, `text`, or `auto`: text on a terminal and JSON elsewhere.
    pub(in crate::config) format: RawField<LogFormatSetting>,
    /// The least severe messages that are written.
    pub(in crate::config) level: RawField<LogLevel>,
    /// Whether each request is written, in one line.
    pub(in crate::config) access: RawField<bool>,
}

impl FromNode for RawLog {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let log = Self { format: keys.take("format"), level: keys.take("level"), access: keys.take("access") };
        keys.finish(&[]);
        Some(log)
    }
}

impl KeywordSet for LogFormatSetting {
    const KEYWORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("json", Self::Json), ("text", Self::Text)];
}

impl KeywordSet for LogLevel {
    const KEYWORDS: &'static [(&'static str, Self)] = &[
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormatSetting::Auto, level: LogLevel::Info, access: true }
    }
}

impl LogSettings {
    pub(in crate::config) fn from_raw(raw: RawLog) -> Self {
        let default = Self::default();
        Self {
            format: raw.format.map_or(default.format, |format| format.value),
            level: raw.level.map_or(default.level, |level| level.value),
            access: raw.access.map_or(default.access, |access| access.value),
        }
    }
}
