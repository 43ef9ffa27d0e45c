//! The configuration, as an operator meets it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis::config::{self, Access, Complaints, Config, PublicUrl, Span, Store};

/// 32 bytes that are used nowhere else.
const SECRET: &str = "c2VjcmV0IGZvciB0aGUgdGVzdHMsIHVzZWQgbm93aGVyZSBlbHNl";

const MINIMAL: &str = "public_url: http://localhost:8080\nstore: memory\nupstream: http://127.0.0.1:3000\n";

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(text: &str) -> Result<Config, Complaints> {
    read_with(text, Path::new("/etc/portcullis"), &[])
}

fn read_with(text: &str, base: &Path, variables: &[(&str, &str)]) -> Result<Config, Complaints> {
    let variables: BTreeMap<_, _> = variables.iter().copied().collect();
    let env = |name: &str| variables.get(name).map(|value| (*value).to_owned());
    Config::from_text(text, Path::new("portcullis.yaml"), base, &env)
}

fn good(text: &str) -> Config {
    read(text).unwrap_or_else(|complaints| panic!("{complaints}"))
}

fn minimal_and(more: &str) -> Config {
    good(&format!("{MINIMAL}{more}"))
}

/// A folder with a secret that only its owner may read.
fn folder_with_secret() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_secret(&folder.path().join("portcullis.secret"), 0o600);
    folder
}

fn write_secret(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, format!("{SECRET}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn each_broken_file_is_explained() {
    let folder = repository("tests/fixtures/config/broken");
    let variables = [("TOKEN", "hunter2-from-the-environment"), ("INJECTION", "x\nsecret: hunter2")];
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    names.sort();
    assert!(names.len() >= 28);
    let mut wrong = Vec::new();
    for path in names {
        let text = std::fs::read_to_string(&path).unwrap();
        let told = match read_with(&text, Path::new("/nowhere"), &variables) {
            Ok(_) => "(no complaint)".to_owned(),
            Err(complaints) => complaints.to_string(),
        };
        assert!(!told.contains("hunter2"), "{} repeats a secret: {told}", path.display());
        let expected = path.with_extension("txt");
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(&expected, format!("{told}\n")).unwrap();
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != format!("{told}\n") {
            wrong.push(format!("{}:\n{told}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "differs from the .txt beside it:\n\n{}", wrong.join("\n\n"));
}

#[test]
fn a_file_that_can_not_be_read_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.yaml");
    let told = |path: &Path| Config::load(path, &|_| None).unwrap_err().to_string();

    assert!(told(&path).ends_with("portcullis.yaml: there is no such file; write one with: portcullis init"));
    assert!(told(folder.path()).ends_with(": is a folder; name the file in it"));
    std::fs::write(&path, b"store: memory\nlog: \xff\n").unwrap();
    assert!(told(&path).ends_with(": is not UTF-8 text (line 2); save it as UTF-8"));
    std::fs::write(&path, "#".repeat(1024 * 1024 + 1)).unwrap();
    assert!(told(&path).ends_with(": is larger than 1 MiB; is this the right file?"));
}

#[test]
fn a_complaint_can_be_taken_apart() {
    let complaints = read(&format!("{MINIMAL}log:\n  level: loud\n")).unwrap_err();
    let complaint = complaints.iter().next().unwrap();
    assert_eq!(complaints.len(), 1);
    assert_eq!((complaint.key(), complaint.position()), ("log.level", Some((5, 10))));
    assert_eq!(complaint.message(), "unknown word \"loud\"; write error, warn, info, debug or trace");
}

#[test]
fn the_shortest_file_is_enough() {
    let config = good(MINIMAL);
    assert_eq!(config.listen, [SocketAddr::from(([127, 0, 0, 1], 8080))]);
    assert_eq!(config.store, Store::Memory);
    assert_eq!(config.upstreams["app"].servers[0].to_string(), "http://127.0.0.1:3000");
    assert_eq!((config.routes[0].path.as_str(), &config.routes[0].access), ("/", &Access::SignedIn));
    assert_eq!(config.branding.app_name, "localhost");
    assert!(config.secret.is_none());
}

#[test]
fn the_full_file_says_what_leaving_out_means() {
    let folder = folder_with_secret();
    let text = std::fs::read_to_string(repository("config/portcullis.yaml")).unwrap();
    let full = read_with(&text, folder.path(), &[]).unwrap_or_else(|complaints| panic!("{complaints}"));
    let short = "public_url: https://app.example.com\nlisten: 127.0.0.1:8080\nsecret_file: portcullis.secret\n\
                 upstream: http://127.0.0.1:3000\n";
    assert_eq!(full, read_with(short, folder.path(), &[]).unwrap());
}

#[test]
fn the_full_file_has_every_key() {
    fn keys(schema: &serde_json::Value, found: &mut Vec<String>) {
        if let Some(properties) = schema.get("properties").and_then(|keys| keys.as_object()) {
            found.extend(properties.keys().cloned());
            properties.values().for_each(|below| keys(below, found));
        }
        ["items", "additionalProperties"].iter().filter_map(|inner| schema.get(inner)).for_each(|below| keys(below, found));
    }
    let text = std::fs::read_to_string(repository("config/portcullis.yaml")).unwrap();
    let mut found = Vec::new();
    keys(&config::schema(), &mut found);
    assert!(found.len() > 50, "{found:?}");
    let missing: Vec<_> = found
        .iter()
        .filter(|key| !["store_file", "secret"].contains(&key.as_str()))
        .filter(|key| !text.lines().any(|line| line.trim_start_matches(['#', ' ', '-']).starts_with(&format!("{key}:"))))
        .collect();
    assert!(missing.is_empty(), "config/portcullis.yaml lacks {missing:?}");
}

#[test]
fn every_example_is_good() {
    let folder = folder_with_secret();
    let mut count = 0;
    for entry in std::fs::read_dir(repository("config/examples")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap().replace("/run/secrets/portcullis", "portcullis.secret");
        if let Err(complaints) = read_with(&text, folder.path(), &[]) {
            panic!("{}: {complaints}", path.display());
        }
        count += 1;
    }
    assert!(count >= 6);
}

#[test]
fn the_examples_of_the_guides_mean_what_they_say() {
    let folder = folder_with_secret();
    let sessions = |name: &str| {
        let text = std::fs::read_to_string(repository(&format!("config/examples/{name}"))).unwrap();
        read_with(&text, folder.path(), &[]).unwrap().sessions
    };
    let days = |days: u64| Duration::from_secs(days * 86_400);
    assert_eq!(sessions("guide-24h.yaml").idle_timeout, Span::For(days(1)));
    assert_eq!(sessions("guide-30d.yaml").remember_me.lifetime, Span::Never);
    assert_eq!(sessions("guide-30d.yaml").absolute_timeout, days(180));
    assert_eq!(sessions("guide-team.yaml").app.idle_timeout, Span::For(days(90)));
}

#[test]
fn the_starter_is_short_and_good() {
    let folder = folder_with_secret();
    for public_url in ["http://localhost:8080", "https://app.example.com/"] {
        let text = config::starter(public_url, "http://127.0.0.1:3000");
        assert!(text.lines().count() < 50);
        let config = read_with(&text, folder.path(), &[]).unwrap_or_else(|complaints| panic!("{complaints}"));
        assert_eq!(config.listen, [SocketAddr::from(([127, 0, 0, 1], 8080))]);
        assert_eq!(config.sessions, config::Sessions::default());
    }
}

#[test]
fn the_page_of_the_manual_is_up_to_date() {
    let path = repository("docs/configuration.md");
    let expected = config::reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == expected, "docs/configuration.md is old; make it new with: UPDATE_DOCS=1 cargo test --test scenarios");
}
