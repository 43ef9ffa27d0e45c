//! The configuration on its way out: as YAML with everything filled in, as a JSON Schema, and as a page of the manual.

use super::Config;

mod reference;
mod schema;

pub use reference::reference;
pub use schema::schema;

/// The configuration as YAML with every default filled in; the secret is not in it.
///
/// # Panics
/// Never: a configuration is made of maps, lists and text, all of which YAML can hold.
#[must_use]
pub fn show(config: &Config) -> String {
    serde_saphyr::to_string(config).expect("a configuration is made of maps, lists and text")
}
