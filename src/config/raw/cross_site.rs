//! What pages of other sites may do, as written.

use schemars::JsonSchema;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, Located, RawField};
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::value::route_path::ExactPath;
use crate::public_url::PublicUrl;

/// A path that takes forms of other sites.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawCrossSiteForms {
    /// The one path, as browsers send it.
    #[schemars(required)]
    pub(in crate::config) path: RawField<ExactPath>,
    /// Origins of the pages that may post there.
    #[schemars(required)]
    pub(in crate::config) from: RawField<Vec<Located<PublicUrl>>>,
}

impl FromNode for RawCrossSiteForms {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let forms = Self { path: keys.take("path"), from: keys.take("from") };
        keys.finish(&[]);
        Some(forms)
    }
}
