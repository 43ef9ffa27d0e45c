//! The operator's colour for buttons and links, which must be readable on the ground of the pages.

use schemars::JsonSchema;

use crate::config::from_node::FromScalar;
use crate::config::tree::{Node, NodeValue};
use crate::web::theme::{self, BadAccent};

/// `#rrggbb`.
#[derive(Clone, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^#[0-9A-Fa-f]{6}$"))]
pub(in crate::config) struct AccentValue(pub(in crate::config) theme::Accent);

impl FromScalar for AccentValue {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        const HINT: &str = "write it as \"#0b5fff\", with the quotes";
        let NodeValue::Text(text) = &node.value else {
            return Err(format!("wants a colour, not {}; {HINT}", node.kind()));
        };
        theme::Accent::parse(text).map(Self).map_err(|why| match why {
            BadAccent::NotAColour => format!("is not a colour; {HINT}"),
            BadAccent::LowContrast(contrast) => {
                // Cut, not rounded: 4.499 must not read as 4.5.
                let told = (contrast * 100.0).floor() / 100.0;
                format!("has a contrast of {told:.2}:1 on the page, and text needs 4.5:1; write a darker colour")
            }
        })
    }
}
