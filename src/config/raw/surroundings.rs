//! Sign-in, the admin port, logs, labels, shutdown and branding as written.

use schemars::JsonSchema;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, KeywordSet, Named, RawField};
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::validated::surroundings::{LogFormatSetting, LogLevel};
use crate::config::value::accent::AccentValue;
use crate::config::value::address::ListenAddress;
use crate::config::value::label::{AppPath, HomeLink, PlainLabel, SupportLink};
use crate::config::value::length::FiniteDuration;

/// Signing in.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawSignIn {
    /// The path of the app where a visitor lands who did not come from a page.
    pub(in crate::config) landing: RawField<AppPath>,
}

/// The port for metrics and health checks.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawAdmin {
    /// Where `/metrics`, `/livez` and `/readyz` are served, `ADDR:PORT`. Never a port of `listen`.
    pub(in crate::config) listen: RawField<ListenAddress>,
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

/// How visitors' pages are named.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawActivity {
    /// What the list of sessions calls a page, by its path: `/dashboard: Dashboard`. Other pages are shown by their path.
    pub(in crate::config) page_labels: RawField<Named<OptionalLabel>>,
}

/// A label; nothing when it could not be read.
#[derive(Default, JsonSchema)]
#[schemars(transparent)]
pub(in crate::config) struct OptionalLabel(pub(in crate::config) Option<PlainLabel>);

/// What happens between the signal to stop and the end.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawShutdown {
    /// How long new requests are still taken while `/readyz` already says no, so that a balancer can look away.
    pub(in crate::config) drain: RawField<FiniteDuration>,
    /// How long requests that have begun may then take to finish.
    pub(in crate::config) grace: RawField<FiniteDuration>,
}

/// How the pages under `/security` look.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawBranding {
    /// The name of the app on every page. Left out, it is the host of `public_url`.
    pub(in crate::config) app_name: RawField<PlainLabel>,
    /// Where the link back to the app leads: a path or an `http` or `https` URL.
    pub(in crate::config) home_url: RawField<HomeLink>,
    /// Where people find help, also with a forgotten password: an `http`, `https` or `mailto` URL; `null` shows no such link,
    /// and the sign-in page tells to ask the administrator.
    pub(in crate::config) support_url: RawField<SupportLink>,
    /// The colour of buttons and links, `"#rrggbb"` in quotes; `null` keeps the built-in one. It must have a contrast of
    /// 4.5:1 on the page (`#f5f6f4`), or text in it could not be read.
    pub(in crate::config) accent: RawField<AccentValue>,
    /// Whether pages of guarded routes get the script `/security/assets/watch.js`, which tells their visitor that the session
    /// has ended or soon will: whole documents in HTML that are not compressed, in an encoding that contains ASCII, and whose
    /// Content-Security-Policy allows it.
    pub(in crate::config) watch: RawField<bool>,
}

impl FromNode for RawSignIn {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let sign_in = Self { landing: keys.take("landing") };
        keys.finish(&["methods"]);
        Some(sign_in)
    }
}

impl FromNode for RawAdmin {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let admin = Self { listen: keys.take("listen") };
        keys.finish(&[]);
        Some(admin)
    }
}

impl FromNode for RawLog {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let log = Self { format: keys.take("format"), level: keys.take("level"), access: keys.take("access") };
        keys.finish(&[]);
        Some(log)
    }
}

impl FromNode for RawActivity {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let activity = Self { page_labels: keys.take("page_labels") };
        keys.finish(&[]);
        Some(activity)
    }
}

impl FromNode for OptionalLabel {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        Some(Self(PlainLabel::from_node(node, key, diagnostics)))
    }
}

impl FromNode for RawShutdown {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let shutdown = Self { drain: keys.take("drain"), grace: keys.take("grace") };
        keys.finish(&[]);
        Some(shutdown)
    }
}

impl FromNode for RawBranding {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let branding = Self {
            app_name: keys.take("app_name"),
            home_url: keys.take("home_url"),
            support_url: keys.take_nullable("support_url"),
            accent: keys.take_nullable("accent"),
            watch: keys.take("watch"),
        };
        keys.finish(&[]);
        Some(branding)
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
