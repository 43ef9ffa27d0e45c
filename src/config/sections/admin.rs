//! `admin`: the listener for metrics and health.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::config::describe::section;
use crate::config::diagnostics::Diagnostics;
use crate::config::from_node::FromNode as _;
use crate::config::tree::{Node, NodeValue};
use crate::config::value::address::ListenAddress;
use crate::config::{EnvLookup, find, parse_tree};

section! {
    /// Listener for metrics and health.
    pub struct AdminSettings {
        /// Where `/metrics`, `/livez` and `/readyz` are served, `ADDR:PORT`. Never a port of `listen`.
        restart listen: SocketAddr as ListenAddress = SocketAddr::from(([127, 0, 0, 1], 9464));
    }
}

impl AdminSettings {
    /// Refuses a port that visitors use.
    pub(in crate::config) fn check_port<'a>(
        &self,
        mut visitors: impl Iterator<Item = &'a SocketAddr>,
        diagnostics: &Diagnostics,
    ) {
        if self.listen.port() != 0 && visitors.any(|visitors| visitors.port() == self.listen.port()) {
            diagnostics
                .report_at("admin.listen", "is the port that visitors use; write another port, such as 127.0.0.1:9464");
        }
    }

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
        AdminSettings::from_node(find_section(&tree, "admin")?, "admin", &ignored)
    };
    read().unwrap_or_default().listen
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
