//! The configuration: one YAML file.
//!
//! A text becomes a tree whose nodes know their place (`tree`), variables are filled in (`expand`), keys are taken out of
//! the tree (`section`, `from_node`, `value`), checked section by section (`sections`), and looked at together
//! (`validated`). Each step reports its errors to one `diagnostics`, so that all are told at once, each with its line, its
//! column and what to write instead. A configuration with an error is never returned, and no message repeats a secret.

mod describe;
mod diagnostics;
mod expand;
mod find;
mod from_node;
mod ranges;
mod raw;
mod restart_keys;
mod section;
mod sections;
mod show;
mod starter;
mod tree;
mod validated;
mod value;

use std::path::{Path, PathBuf};

pub use crate::public_url::PublicUrl;
pub use diagnostics::{ConfigError, ConfigErrors};
pub use find::find;
pub use sections::activity::ActivitySettings;
pub use sections::admin::AdminSettings;
pub use sections::branding::BrandingSettings;
pub use sections::cross_site_forms::CrossSiteForms;
pub use sections::identity::{ExtraHeader, ExtraHeaderValue, IdentitySettings};
pub use sections::limits::LimitSettings;
pub use sections::log::{LogFormatSetting, LogLevel, LogSettings};
pub use sections::passwords::PasswordSettings;
pub use sections::routes::{RouteAccess, RouteSettings, RouteTimeouts};
pub use sections::sessions::SessionSettings;
pub use sections::shutdown::ShutdownSettings;
pub use sections::sign_in::SignInSettings;
pub use sections::tls::TlsSettings;
pub use sections::upstreams::{UpstreamSettings, UpstreamTimeouts};
pub use show::{reference, schema, show};
pub use starter::StarterConfig;
pub use validated::Config;
pub use value::header_secret::HeaderSecret;
pub use value::network::Network;
pub use value::redis_url::RedisUrl;
pub use value::secret::{RootSecret, generate_secret};
pub use value::size::ByteSize;
pub use value::store::{RecordsLocation, StoreLocation};
pub use value::upstream_address::UpstreamAddress;

use diagnostics::Diagnostics;
use from_node::FromNode;
use tree::{Node, NodeValue, Position};

/// The environment: the value of a variable by its name.
pub type EnvLookup<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Config {
    /// Reads a configuration file. Relative paths in it start at its folder.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn load(path: &Path, env: EnvLookup<'_>) -> Result<Self, ConfigErrors> {
        let text = find::read_text(path)?;
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        Self::from_text(&text, path, &folder, env)
    }

    /// Reads a configuration from its text. `file` is its name in complaints; relative paths start at `base`.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn from_text(text: &str, file: &Path, base: &Path, env: EnvLookup<'_>) -> Result<Self, ConfigErrors> {
        let diagnostics = Diagnostics::new(file, base).with_credentials_dir(env);
        let config = parse_tree(text, env, &diagnostics).and_then(|tree| {
            let raw = raw::RawConfig::from_node(&tree, "", &diagnostics)?;
            Some(Self::validate(raw, &diagnostics))
        });
        diagnostics.finish(config)
    }
}

/// The text as a tree of keys with the variables filled in.
fn parse_tree(text: &str, env: EnvLookup<'_>, diagnostics: &Diagnostics) -> Option<Node> {
    let mut tree = match tree::parse(text) {
        Ok(tree) => tree,
        Err((place, message)) => {
            diagnostics.report(place, "", message);
            return None;
        }
    };
    match tree.value {
        NodeValue::Map(_) => {}
        NodeValue::Empty | NodeValue::Null => {
            diagnostics.report(Position::START, "", "the file is empty; begin with: portcullis init");
            return None;
        }
        _ => {
            let message =
                format!("wants keys, not {}; write lines such as public_url: https://app.example.com", tree.kind());
            diagnostics.report(tree.at, "", message);
            return None;
        }
    }
    expand::expand_tree(&mut tree, "", env, diagnostics);
    Some(tree)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FULL: &str = include_str!("../../config/portcullis.yaml");

    fn read(text: &str) -> Result<Config, ConfigErrors> {
        Config::from_text(text, Path::new("portcullis.yaml"), Path::new("/nowhere"), &|_| None)
    }

    #[test]
    fn line_ends_and_byte_order_marks_of_other_systems_are_fine() {
        let text = "\u{feff}public_url: http://localhost:8080\r\nstore: memory\r\nupstream: http://127.0.0.1:3000\r\n\
                    sessions: { max_per_user: 7 }\r\nlog:\r\n  level: loud\r\n";
        let told = read(text).map(|_| ()).expect_err("an unknown word").to_string();
        assert!(told.starts_with("portcullis.yaml:6:10: log.level:") && told.lines().count() == 1, "{told}");
        let config = read(&text.replace("loud", "info")).expect("a good file");
        assert_eq!(config.sessions.policy.max_per_user, 7);
    }

    #[test]
    fn anchors_and_merges_are_fine() {
        let text = "public_url: http://localhost:8080\nstore: memory\nupstreams:\n  a: &a { servers: [http://x:1] }\n  \
                    b: { <<: *a, timeouts: { read: 5s } }\nroutes: [{ path: /a, upstream: a }, { path: /, upstream: b }]\n";
        let config = read(text).expect("a good file");
        assert_eq!(config.upstreams["a"].servers, config.upstreams["b"].servers);
    }

    #[test]
    fn no_complaint_repeats_a_secret() {
        for value in [
            "!!int hunter2",
            "!!binary hunter2",
            "!x hunter2",
            "{hunter2: 1}",
            "[hunter2]",
            "\"hunter2",
            "hunter2: 1",
            "*hunter2",
        ] {
            for key in ["secret", "store", "public_url", "upstream"] {
                let told = read(&format!("{key}: {value}\n")).map(|_| ()).expect_err(value).to_string();
                assert!(!told.contains("hunter2"), "{key}: {value}: {told}");
            }
        }
    }

    /// What a file is made of, and what breaks it.
    const PIECES: &[&str] = &[
        "public_url: ",
        "https://app.example.com",
        "store: ",
        "memory",
        "file:x.db",
        "upstream: ",
        "http://127.0.0.1:3000",
        "routes:",
        "identity:",
        "preset: ",
        "jenkins",
        "extra: ",
        "header: ",
        "X-A",
        "value: ",
        "roles",
        "access: ",
        "path: ",
        "/a",
        "%2f",
        "\n",
        "\n",
        "\n  ",
        "\n    ",
        "\n- ",
        "\n  - ",
        "- ",
        "{ ",
        " }",
        "[",
        "]",
        ", ",
        ": ",
        "\"",
        "'",
        "|\n",
        ">\n",
        "&a ",
        "*a",
        "<<: ",
        "!!int ",
        "!x ",
        "? ",
        "# ",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "\t",
        "null",
        "~",
        "true",
        "yes",
        "1e999",
        "0x10",
        "-1",
        "99999999999999999999",
        "${X}",
        "$${",
        "\u{feff}",
        "\u{85}",
        "\u{2028}",
        "\0",
        "\r",
        "é",
    ];

    /// Whether a text is a configuration, or each complaint is one line and names a place in it.
    fn in_place(text: &str) -> Result<(), String> {
        let Err(complaints) = read(text) else { return Ok(()) };
        if complaints.len() == 0 || complaints.to_string().lines().count() != complaints.len() {
            return Err(format!("not one line each: {complaints}"));
        }
        // What ends a line of YAML.
        let lines = text.replace("\r\n", "\n").split(['\n', '\r']).count() as u64;
        let placed =
            |at: Option<(u64, u64)>| at.is_some_and(|(line, column)| (1..=lines).contains(&line) && column > 0);
        match complaints.iter().find(|complaint| !placed(complaint.position())) {
            Some(lost) => Err(format!("not in these {lines} lines: {lost}")),
            None => Ok(()),
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_configuration_or_is_complained_about_in_its_place(text in "(?s).{0,200}") {
            prop_assert_eq!(in_place(&text), Ok(()));
        }

        #[test]
        fn so_is_any_pile_of_keys_and_values(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
            let text = pieces.concat();
            prop_assert_eq!(in_place(&text), Ok(()), "{}", text);
        }

        #[test]
        fn no_damage_makes_it_panic(at in 0..FULL.len(), length in 0..40_usize, instead in "[ -~\n\t]{0,4}") {
            let keep = |index: usize| (0..=index.min(FULL.len())).rev().find(|index| FULL.is_char_boundary(*index)).unwrap_or(0);
            let damaged = format!("{}{instead}{}", &FULL[..keep(at)], &FULL[keep(at + length)..]);
            prop_assert_eq!(in_place(&damaged), Ok(()));
        }
    }
}
