//! `branding`: the look of the pages.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, RawField};
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::value::accent::AccentValue;
use crate::config::value::link::{HomeLink, SupportLink};
use crate::config::value::text::PlainLabel;
use crate::web::theme::Accent;

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
    pub(in crate::config) fn from_raw(raw: RawBranding, host: String) -> Self {
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
