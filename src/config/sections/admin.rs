//! `admin`: the listener for metrics and health.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::{FromNode, RawField};
use crate::config::section::Section;
use crate::config::tree::{Node, NodeValue};
use crate::config::value::address::ListenAddress;
use crate::config::{EnvLookup, find, parse_tree};

/// Metrics and health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdminSettings {
    /// Where they are served.
    pub listen: SocketAddr,
}

/// The port for metrics and health checks.
#[derive(Default, JsonSchema)]
pub(in crate::config) struct RawAdmin {
    /// Where `/metrics`, `/livez` and `/readyz` are served, `ADDR:PORT`. Never a port of `listen`.
    pub(in crate::config) listen: RawField<ListenAddress>,
}

impl FromNode for RawAdmin {
    fn from_node(node: &Node, key: &str, diagnostics: &Diagnostics) -> Option<Self> {
        let mut keys = Section::open(node, key, diagnostics)?;
        let admin = Self { listen: keys.take("listen") };
        keys.finish(&[]);
        Some(admin)
    }
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 9464)) }
    }
}

impl AdminSettings {
    pub(in crate::config) fn validate<'a>(
        raw: RawAdmin,
        mut visitors: impl Iterator<Item = &'a SocketAddr>,
        diagnostics: &Diagnostics,
    ) -> Self {
        let Some(field) = raw.listen else {
            return Self::default();
        };
        let address = field.value.0;
        if address.port() != 0 && visitors.any(|visitors| visitors.port() == address.port()) {
            field.report(diagnostics, "is the port that visitors use; write another port, such as 127.0.0.1:9464");
        }
        Self { listen: address }
    }
}

impl AdminSettings {
    /// Where a file says that metrics and health are served, whatever else is wrong with it; where it cannot be read or
    /// does not say so, the default.
    #[must_use]
    pub fn read_leniently(path: &Path, env: EnvLookup<'_>) -> Self {
        find::read_text(path).map_or_else(|_| Self::default(), |text| Self { listen: read_address(&text, env) })
    }
}

fn read_address(text: &str, env: EnvLookup<'_>) -> SocketAddr {
    // Whoever wants to hear of mistakes reads all of the file.
    let ignored = Diagnostics::new(Path::new(""), &PathBuf::new());
    let read = || {
        let tree = parse_tree(text, env, &ignored)?;
        RawAdmin::from_node(find_section(&tree, "admin")?, "admin", &ignored)?.listen
    };
    read().map_or_else(|| AdminSettings::default().listen, |field| field.value.0)
}

fn find_section<'a>(tree: &'a Node, name: &str) -> Option<&'a Node> {
    let NodeValue::Map(entries) = &tree.value else { return None };
    entries.iter().find(|(key, _)| key.text() == Some(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_elsewhere_do_not_hide_it() {
        let told = |text: &str| read_address(text, &|name| (name == "PORT").then(|| "7".to_owned())).to_string();
        for around in ["", "sessions: { idle_timeout: 7 d }\n", "unknown: 1\nunknown: ${NOBODY}\n"] {
            assert_eq!(told(&format!("{around}admin: {{ listen: 127.0.0.1:5 }}\n")), "127.0.0.1:5");
            assert_eq!(told(&format!("{around}admin: {{ x: 1, listen: \"[::1]:${{PORT}}\" }}\n")), "[::1]:7");
        }
        for silent in ["", "admin: 1", "admin: { listen: here }", "admin: { listen: 127.0.0.1:5 ", "\"admin"] {
            assert_eq!(told(silent), "127.0.0.1:9464", "{silent}");
        }
    }
}
