//! Short texts that are shown on pages.

use schemars::JsonSchema;

use crate::config::diagnostics::escape;
use crate::config::from_node::FromScalar;
use crate::config::tree::Node;

/// The longest label.
const MAX_CHARACTERS: usize = 80;

/// A short text on a page.
#[derive(Clone, JsonSchema)]
#[schemars(with = "String", extend("minLength" = 1, "maxLength" = 80))]
pub(in crate::config) struct PlainLabel(pub(in crate::config) String);

impl FromScalar for PlainLabel {
    fn from_scalar(node: &Node) -> Result<Self, String> {
        let text = String::from_scalar(node)?;
        if text.trim().is_empty() {
            return Err("is empty; write a word or two".to_owned());
        }
        if text.chars().count() > MAX_CHARACTERS {
            return Err(format!("is longer than {MAX_CHARACTERS} letters; write a shorter one"));
        }
        if escape(&text, MAX_CHARACTERS) != text {
            return Err("has a line break or a letter that does not show; write plain words".to_owned());
        }
        Ok(Self(text.trim().to_owned()))
    }
}
