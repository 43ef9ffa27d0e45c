//! What pages of other sites may do, as written.

use schemars::JsonSchema;

use crate::config::complaint::Desk;
use crate::config::read::{Field, Located, Read};
use crate::config::section::Section;
use crate::config::tree::Node;
use crate::config::value::route_path::ExactPath;
use crate::public_url::PublicUrl;

/// A path that takes forms of other sites.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct CrossSiteFormsFile {
    /// The one path, as browsers send it.
    #[schemars(required)]
    pub(in crate::config) path: Field<ExactPath>,
    /// Origins of the pages that may post there.
    #[schemars(required)]
    pub(in crate::config) from: Field<Vec<Located<PublicUrl>>>,
}

impl Read for CrossSiteFormsFile {
    fn read(node: &Node, key: &str, desk: &Desk) -> Option<Self> {
        let mut keys = Section::open(node, key, desk)?;
        let forms = Self { path: keys.take("path"), from: keys.take("from") };
        keys.close(&[]);
        Some(forms)
    }
}
