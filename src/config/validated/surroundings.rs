//! Sign-in, the admin port, logs, labels, shutdown and branding.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::ranges;
use crate::config::diagnostics::Diagnostics;
use crate::config::raw::surroundings::{RawActivity, RawAdmin, RawBranding, RawLog, RawShutdown, RawSignIn};
use crate::config::value::{label, length};
use crate::web::theme::Accent;

/// Signing in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignInSettings {
    /// Where a visitor lands who did not come from a page.
    pub landing: String,
}

/// Metrics and health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdminSettings {
    /// Where they are served.
    pub listen: SocketAddr,
}

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

/// Names of pages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ActivitySettings {
    /// From a path to the words that the list of sessions shows.
    pub page_labels: BTreeMap<String, String>,
}

/// Between the signal to stop and the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShutdownSettings {
    /// How long new requests are still taken.
    #[serde(serialize_with = "length::serialize")]
    pub drain: Duration,
    /// How long requests that have begun may take.
    #[serde(serialize_with = "length::serialize")]
    pub grace: Duration,
}

/// The look of the pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BrandingSettings {
    /// The name of the app.
    pub app_name: String,
    /// Where the link back leads.
    pub home_url: String,
    /// Where people find help.
    pub support_url: Option<String>,
    /// `#rrggbb`, readable on the ground of the pages; none for the built-in colour.
    #[serde(serialize_with = "as_text")]
    pub accent: Option<Accent>,
    /// Whether documents of guarded routes get the script that watches their session.
    pub watch: bool,
}

impl Default for SignInSettings {
    fn default() -> Self {
        Self { landing: "/".to_owned() }
    }
}

impl SignInSettings {
    pub(super) fn from_raw(raw: RawSignIn) -> Self {
        raw.landing.map_or_else(Self::default, |landing| Self { landing: landing.value.0 })
    }
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 9464)) }
    }
}

impl AdminSettings {
    pub(super) fn validate<'a>(
        raw: RawAdmin,
        mut visitors: impl Iterator<Item = &'a SocketAddr>,
        diagnostics: &Diagnostics,
    ) -> Self {
        let Some(field) = raw.listen else {
            return Self::default();
        };
        let address = field.value.0;
        if address.port() != 0 && visitors.any(|visitors| visitors.port() == address.port()) {
            field.report(diagnostics, "is the port that visitors use; write another port, such as 127.0.0.1:9464");
        }
        Self { listen: address }
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormatSetting::Auto, level: LogLevel::Info, access: true }
    }
}

impl LogSettings {
    pub(super) fn from_raw(raw: RawLog) -> Self {
        let default = Self::default();
        Self {
            format: raw.format.map_or(default.format, |format| format.value),
            level: raw.level.map_or(default.level, |level| level.value),
            access: raw.access.map_or(default.access, |access| access.value),
        }
    }
}

impl ActivitySettings {
    pub(super) fn validate(raw: RawActivity, diagnostics: &Diagnostics) -> Self {
        let mut page_labels = BTreeMap::new();
        for (path, written) in raw.page_labels.map(|labels| labels.value.0).unwrap_or_default() {
            if let Err(message) = label::check_app_path(&path.value) {
                path.report(diagnostics, message);
            }
            if let Some(label) = written.0 {
                page_labels.insert(path.value, label.0);
            }
        }
        Self { page_labels }
    }
}

impl Default for ShutdownSettings {
    fn default() -> Self {
        Self { drain: Duration::from_secs(5), grace: Duration::from_secs(30) }
    }
}

impl ShutdownSettings {
    pub(super) fn validate(raw: RawShutdown, diagnostics: &Diagnostics) -> Self {
        let default = Self::default();
        let range = Duration::ZERO..=Duration::from_hours(1);
        Self {
            drain: ranges::duration(raw.drain, default.drain, &range, diagnostics),
            grace: ranges::duration(raw.grace, default.grace, &range, diagnostics),
        }
    }
}

impl Default for BrandingSettings {
    fn default() -> Self {
        Self {
            app_name: "localhost".to_owned(),
            home_url: "/".to_owned(),
            support_url: None,
            accent: None,
            watch: false,
        }
    }
}

impl BrandingSettings {
    pub(super) fn from_raw(raw: RawBranding, host: String) -> Self {
        Self {
            app_name: raw.app_name.map_or(host, |name| name.value.0),
            home_url: raw.home_url.map_or_else(|| Self::default().home_url, |link| link.value.0),
            support_url: raw.support_url.map(|link| link.value.0),
            accent: raw.accent.map(|accent| accent.value.0),
            watch: raw.watch.is_some_and(|watch| watch.value),
        }
    }
}

#[expect(clippy::ref_option, reason = "serde hands the field over so")]
fn as_text<S: Serializer>(accent: &Option<Accent>, serializer: S) -> Result<S::Ok, S::Error> {
    accent.as_ref().map(ToString::to_string).serialize(serializer)
}
