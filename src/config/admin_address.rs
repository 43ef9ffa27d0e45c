//! One value of a file that may have mistakes elsewhere.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::diagnostics::Diagnostics;
use super::from_node::FromNode as _;
use super::raw::surroundings::RawAdmin;
use super::tree::{Node, NodeValue};
use super::{AdminSettings, EnvLookup, find, parse_tree};

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
