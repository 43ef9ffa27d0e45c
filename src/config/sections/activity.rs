//! `activity`: names of pages in the list of sessions.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Serialize as _, Serializer};

use crate::config::describe::{Syntax, section};
use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, Named};
use crate::config::tree::Node;
use crate::config::value::link;
use crate::config::value::text::PlainLabel;

section! {
    /// Names of pages.
    pub struct ActivitySettings {
        /// What the list of sessions calls a page, by its path: `/dashboard: Dashboard`. Other pages are shown by their path.
        reload page_labels: BTreeMap<String, String> as PageLabels = BTreeMap::new();
    }
}

/// Labels of pages by path.
#[derive(JsonSchema)]
#[schemars(transparent)]
pub(in crate::config) struct PageLabels(Named<OptionalLabel>);

/// A label; nothing when it could not be read.
#[derive(Default, JsonSchema)]
#[schemars(transparent)]
struct OptionalLabel(Option<PlainLabel>);

impl FromNode for PageLabels {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let labels = Named::from_node(node, key, diagnostics)?;
        for (path, _) in &labels.0 {
            if let Err(message) = link::check_app_path(&path.value) {
                path.report(diagnostics, message);
            }
        }
        Some(Self(labels))
    }
}

impl FromNode for OptionalLabel {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        Some(Self(PlainLabel::from_node(node, key, diagnostics)))
    }
}

impl Syntax<BTreeMap<String, String>> for PageLabels {
    fn into_value(self) -> BTreeMap<String, String> {
        self.0.0.into_iter().filter_map(|(path, label)| Some((path.value, label.0?.0))).collect()
    }

    fn serialize<S: Serializer>(value: &BTreeMap<String, String>, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }
}
