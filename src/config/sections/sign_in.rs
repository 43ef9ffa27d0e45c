//! `sign_in`: the landing page.

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, RawField};
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::value::link::AppPath;

/// Signing in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignInSettings {
    /// Where a visitor lands who did not come from a page.
    pub landing: String,
}

/// Signing in.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawSignIn {
    /// The path of the app where a visitor lands who did not come from a page.
    pub(in crate::config) landing: RawField<AppPath>,
}

impl FromNode for RawSignIn {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let sign_in = Self { landing: keys.take("landing") };
        keys.finish(&["methods"]);
        Some(sign_in)
    }
}

impl Default for SignInSettings {
    fn default() -> Self {
        Self { landing: "/".to_owned() }
    }
}

impl SignInSettings {
    pub(in crate::config) fn from_raw(raw: RawSignIn) -> Self {
        raw.landing.map_or_else(Self::default, |landing| Self { landing: landing.value.0 })
    }
}
