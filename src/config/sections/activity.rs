//! `activity`: names of pages in the list of sessions.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, Named, RawField};
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::value::link;
use crate::config::value::text::PlainLabel;

/// Names of pages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ActivitySettings {
    /// From a path to the words that the list of sessions shows.
    pub page_labels: BTreeMap<String, String>,
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

impl ActivitySettings {
    pub(in crate::config) fn validate(raw: RawActivity, diagnostics: &Diagnostics) -> Self {
        let mut page_labels = BTreeMap::new();
        for (path, written) in raw.page_labels.map(|labels| labels.value.0).unwrap_or_default() {
            if let Err(message) = link::check_app_path(&path.value) {
                path.report(diagnostics, message);
            }
            if let Some(label) = written.0 {
                page_labels.insert(path.value, label.0);
            }
        }
        Self { page_labels }
    }
}
