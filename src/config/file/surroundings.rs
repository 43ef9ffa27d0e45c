//! Sign-in, the admin port, logs, labels, shutdown and branding as written.

use schemars::JsonSchema;

use crate::config::complaint::Desk;
use crate::config::meaning::surroundings::{LogFormat, LogLevel};
use crate::config::read::{Choice, Field, Named, Read};
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::value::accent::Accent;
use crate::config::value::address::Address;
use crate::config::value::label::{HomeLink, Label, OwnPath, SupportLink};
use crate::config::value::length::Length;

/// Signing in.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct SignInFile {
    /// The path of the app where a visitor lands who did not come from a page.
    pub(in crate::config) landing: Field<OwnPath>,
}

/// The port for metrics and health checks.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct AdminFile {
    /// Where `/metrics`, `/livez` and `/readyz` are served, `ADDR:PORT`. Never a port of `listen`.
    pub(in crate::config) listen: Field<Address>,
}

/// What is logged, and how.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct LogFile {
    /// `json`, `text`, or `auto`: text on a terminal and JSON elsewhere.
    pub(in crate::config) format: Field<LogFormat>,
    /// The least severe messages that are written.
    pub(in crate::config) level: Field<LogLevel>,
    /// Whether each request is written, in one line.
    pub(in crate::config) access: Field<bool>,
}

/// How visitors' pages are named.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct ActivityFile {
    /// What the list of sessions calls a page, by its path: `/dashboard: Dashboard`. Other pages are shown by their path.
    pub(in crate::config) page_labels: Field<Named<LabelOrNothing>>,
}

/// A label; nothing when it could not be read.
#[derive(Default, JsonSchema)]
#[schemars(transparent)]
pub(in crate::config) struct LabelOrNothing(pub(in crate::config) Option<Label>);

/// What happens between the signal to stop and the end.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct ShutdownFile {
    /// How long new requests are still taken while `/readyz` already says no, so that a balancer can look away.
    pub(in crate::config) drain: Field<Length>,
    /// How long requests that have begun may then take to finish.
    pub(in crate::config) grace: Field<Length>,
}

/// How the pages under `/security` look.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct BrandingFile {
    /// The name of the app on every page. Left out, it is the host of `public_url`.
    pub(in crate::config) app_name: Field<Label>,
    /// Where the link back to the app leads: a path or an `http` or `https` URL.
    pub(in crate::config) home_url: Field<HomeLink>,
    /// Where people find help, also with a forgotten password: an `http`, `https` or `mailto` URL; `null` shows no such link,
    /// and the sign-in page tells to ask the administrator.
    pub(in crate::config) support_url: Field<SupportLink>,
    /// The colour of buttons and links, `"#rrggbb"` in quotes; `null` keeps the built-in one. It must have a contrast of
    /// 4.5:1 on the page (`#f5f6f4`), or text in it could not be read.
    pub(in crate::config) accent: Field<Accent>,
    /// Whether pages of guarded routes get the script `/security/assets/watch.js`, which tells their visitor that the session
    /// has ended or soon will: whole documents in HTML that are not compressed, in an encoding that contains ASCII, and whose
    /// Content-Security-Policy allows it.
    pub(in crate::config) watch: Field<bool>,
}

impl Read for SignInFile {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        let mut keys = Section::open(node, key, desk)?;
        let sign_in = Self { landing: keys.take("landing") };
        keys.close(&["methods"]);
        Some(sign_in)
    }
}

impl Read for AdminFile {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        let mut keys = Section::open(node, key, desk)?;
        let admin = Self { listen: keys.take("listen") };
        keys.close(&[]);
        Some(admin)
    }
}

impl Read for LogFile {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        let mut keys = Section::open(node, key, desk)?;
        let log = Self { format: keys.take("format"), level: keys.take("level"), access: keys.take("access") };
        keys.close(&[]);
        Some(log)
    }
}

impl Read for ActivityFile {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        let mut keys = Section::open(node, key, desk)?;
        let activity = Self { page_labels: keys.take("page_labels") };
        keys.close(&[]);
        Some(activity)
    }
}

impl Read for LabelOrNothing {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        Some(Self(Label::read(node, key, desk)))
    }
}

impl Read for ShutdownFile {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        let mut keys = Section::open(node, key, desk)?;
        let shutdown = Self { drain: keys.take("drain"), grace: keys.take("grace") };
        keys.close(&[]);
        Some(shutdown)
    }
}

impl Read for BrandingFile {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        let mut keys = Section::open(node, key, desk)?;
        let branding = Self {
            app_name: keys.take("app_name"),
            home_url: keys.take("home_url"),
            support_url: keys.take_or_null("support_url"),
            accent: keys.take_or_null("accent"),
            watch: keys.take("watch"),
        };
        keys.close(&[]);
        Some(branding)
    }
}

impl Choice for LogFormat {
    const WORDS: &'static [(&'static str, Self)] = &[("auto", Self::Auto), ("json", Self::Json), ("text", Self::Text)];
}

impl Choice for LogLevel {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];
}
