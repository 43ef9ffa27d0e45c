//! `log`: format and level of the log.

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::describe::section;
use crate::config::from_node::KeywordSet;

section! {
    /// Format and level of the log.
    pub struct LogSettings {
        /// `json`, `text`, or `auto`: text on a terminal and JSON elsewhere.
        restart format: LogFormatSetting = LogFormatSetting::Auto;
        /// The least severe messages that are written.
        restart level: LogLevel = LogLevel::Info;
        /// Whether each request is written, in one line.
        restart access: bool = true;
    }
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
