//! One value of a file that may have mistakes elsewhere.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::complaint::Desk;
use super::file::surroundings::AdminFile;
use super::read::Read as _;
use super::tree::{Node, Value};
use super::{Admin, Env, find, read_tree};

impl Admin {
    /// Where a file says that metrics and health are served, whatever else is wrong with it; where it cannot be read or
    /// does not say so, the default.
    #[must_use]
    pub fn told_by(path: &Path, env: Env<'_>) -> Self {
        find::read_text(path).map_or_else(|_| Self::default(), |text| Self { listen: address(&text, env) })
    }
}

fn address(text: &str, env: Env<'_>) -> SocketAddr {
    // Whoever wants to hear of mistakes reads all of the file.
    let unheard = Desk::new(Path::new(""), &PathBuf::new());
    let told = || {
        let tree = read_tree(text, env, &unheard)?;
        AdminFile::read(section(&tree, "admin")?, "admin", &unheard)?.listen
    };
    told().map_or_else(|| Admin::default().listen, |field| field.value.0)
}

fn section<'a>(tree: &'a Node, name: &str) -> Option<&'a Node> {
    let Value::Map(entries) = &tree.value else { return None };
    entries.iter().find(|(key, _)| key.text() == Some(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_elsewhere_do_not_hide_it() {
        let told = |text: &str| address(text, &|name| (name == "PORT").then(|| "7".to_owned())).to_string();
        for around in ["", "sessions: { idle_timeout: 7 d }\n", "unknown: 1\nunknown: ${NOBODY}\n"] {
            assert_eq!(told(&format!("{around}admin: {{ listen: 127.0.0.1:5 }}\n")), "127.0.0.1:5");
            assert_eq!(told(&format!("{around}admin: {{ x: 1, listen: \"[::1]:${{PORT}}\" }}\n")), "[::1]:7");
        }
        for silent in ["", "admin: 1", "admin: { listen: here }", "admin: { listen: 127.0.0.1:5 ", "\"admin"] {
            assert_eq!(told(silent), "127.0.0.1:9464", "{silent}");
        }
    }
}
