//! The configuration, as an operator meets it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use portcullis::config::{Config, ConfigErrors};

mod complaints;
mod documents;
mod limits;
mod meaning;
mod secrets;
mod stores;

/// 32 bytes that are used nowhere else.
const SECRET: &str = "c2VjcmV0IGZvciB0aGUgdGVzdHMsIHVzZWQgbm93aGVyZSBlbHNl";

const MINIMAL: &str = "public_url: http://localhost:8080\nstore: memory\nupstream: http://127.0.0.1:3000\n";

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    parse_with(text, Path::new("/etc/portcullis"), &[])
}

fn parse_with(text: &str, base: &Path, variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let variables: BTreeMap<_, _> = variables.iter().copied().collect();
    let env = |name: &str| variables.get(name).map(|value| (*value).to_owned());
    Config::from_text(text, Path::new("portcullis.yaml"), base, &env)
}

fn valid_config(text: &str) -> Config {
    parse(text).unwrap_or_else(|complaints| panic!("{complaints}"))
}

fn minimal_config_with(more: &str) -> Config {
    valid_config(&format!("{MINIMAL}{more}"))
}

/// A folder with a secret that only its owner may read.
#[expect(clippy::unwrap_used, reason = "a test whose files can not be prepared has failed")]
fn folder_with_secret() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_secret(&folder.path().join("portcullis.secret"), 0o600);
    folder
}

fn write_secret(path: &Path, mode: u32) {
    write_private(path, &format!("{SECRET}\n"), mode);
}

#[expect(clippy::unwrap_used, reason = "a test whose files can not be prepared has failed")]
fn write_private(path: &Path, text: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
