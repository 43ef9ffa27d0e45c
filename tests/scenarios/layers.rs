//! The walls inside the program (`src/ARCHITECTURE.md`): who may name whom, read from the source itself.

mod names;
mod paths;

use std::{fs, path::Path};

use paths::{PathUse, paths_in};

/// What knows neither the web, nor a database, nor who put it together.
const DOMAIN: [&str; 15] = [
    "auth_method",
    "clock",
    "end_reason",
    "id",
    "invisible",
    "list_slice",
    "secret",
    "store_error",
    "visitor",
    "session",
    "account",
    "audit",
    "guard",
    "sign_in",
    "gate",
];
/// Crates that speak HTTP pages, SQL, or a wire.
const OUTER_CRATES: [&str; 8] = ["axum", "askama", "rusqlite", "redis", "pingora", "tower", "utoipa", "fluent_bundle"];
/// The parts that stand around the domain.
const OUTER_MODULES: [&str; 8] = ["web", "proxy", "server", "store", "config", "cli", "tasks", "portcullis"];
/// Readings of the time.
const CLOCK_CALLS: [&str; 3] = ["SystemTime::now", "Instant::now", "Timestamp::now"];

/// Longest file that is read at one go.
const MAX_LINES: usize = 400;

/// What is wrong with a file.
fn layer_violations(file: &str, text: &str) -> Vec<String> {
    let part = top_module(file);
    let mut faults = Vec::new();
    for PathUse { path, line } in paths_in(file, text) {
        let first = path.split("::").next().unwrap_or_default();
        let mut wrong = |rule: &str| faults.push(format!("src/{file}:{line}: {path}: {rule}"));
        match first {
            "pingora" if !matches!(part, "proxy" | "server") => wrong("only proxy and server name pingora"),
            "redis" if !file.starts_with("store/redis") => wrong("only store/redis names redis"),
            "rusqlite" if !file.starts_with("store/embedded") => wrong("only store/embedded names rusqlite"),
            "http" if DOMAIN.contains(&part) && part != "gate" => wrong("the domain knows no HTTP"),
            crates if OUTER_CRATES.contains(&crates) && DOMAIN.contains(&part) => {
                wrong("the domain names no such crate");
            }
            _ => {}
        }
        if CLOCK_CALLS.iter().any(|now| path.ends_with(now)) && file != "clock.rs" {
            wrong("only the clock reads the time");
        }
        let Some(other) = path.strip_prefix("crate::").and_then(|rest| rest.split("::").next()) else { continue };
        if DOMAIN.contains(&part) && OUTER_MODULES.contains(&other) {
            wrong("the domain knows nothing of what stands around it");
        }
        if other == "config" && !matches!(part, "config" | "server" | "cli") {
            wrong("configuration is handed over, not looked up");
        }
        if let (Some(here), Some(there)) = (layer_of(part), layer_of(other))
            && there > here
        {
            wrong("an arrow that points upwards");
        }
        let folder_of = |path: &str, separator: &str| path.split(separator).nth(1).and_then(proxy_floor);
        if let (Some(here), Some(there)) = (folder_of(file, "/"), folder_of(&path["crate::".len()..], "::"))
            && there > here
        {
            wrong("an arrow that points upwards in the proxy");
        }
    }
    faults
}

/// How high a part stands: it names what is on its own floor and below.
fn layer_of(part: &str) -> Option<u8> {
    let floors: [&[&str]; 14] = [
        &[
            "certificate",
            "clock",
            "exposure",
            "id",
            "identity_headers",
            "invisible",
            "list_slice",
            "own_paths",
            "public_url",
            "secret",
            "store_error",
        ],
        &["auth_method", "metrics", "visitor"],
        &["end_reason", "telemetry"],
        &["audit", "guard"],
        &["session"],
        &["account"],
        &["gate", "sign_in", "store"],
        &["web"],
        &["config", "portcullis"],
        &["proxy"],
        &["tasks"],
        &["server"],
        &["cli"],
        &["main"],
    ];
    let floor = floors.iter().position(|parts| parts.contains(&part))?;
    u8::try_from(floor).ok()
}

/// How high a folder of `proxy` stands.
fn proxy_floor(folder: &str) -> Option<usize> {
    ["in_flight", "http", "forward", "listener"].iter().position(|known| *known == folder)
}

/// The folder or file at the top that a file belongs to.
fn top_module(file: &str) -> &str {
    file.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

fn visit_files(folder: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit_files(&path, visit);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            visit(&path);
        }
    }
}

#[test]
fn every_arrow_points_the_right_way() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut files, mut all) = (0, Vec::new());
    visit_files(&source, &mut |path| {
        let file = path.strip_prefix(&source).unwrap().to_str().unwrap().replace('\\', "/");
        let text = fs::read_to_string(path).unwrap();
        all.extend(layer_violations(&file, &text));
        let lines = text.lines().count();
        if lines > MAX_LINES {
            all.push(format!("src/{file}: {lines} lines: what is this file about, besides?"));
        }
        files += 1;
    });
    assert!(files > 100, "the source was read");
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

#[test]
fn only_the_clock_reads_the_time() {
    let reads = "fn f() { let now = std::time::Instant::now(); }";
    assert_eq!(layer_violations("session/policy.rs", reads).len(), 1);
    assert_eq!(layer_violations("main.rs", "use std::time::SystemTime; fn f() { SystemTime::now(); }").len(), 1);
    assert_eq!(layer_violations("clock.rs", reads), Vec::<String>::new());
}

#[test]
fn a_forbidden_edge_is_found_wherever_it_hides() {
    // One path may break several rules.
    for (file, text, count) in [
        ("gate/head.rs", "use pingora::http::RequestHeader;", 1),
        ("proxy/head.rs", "use pingora::http::RequestHeader;", 0),
        ("web/mod.rs", "fn f(session: &pingora::proxy::Session) {}", 1),
        ("session/store.rs", "use {rusqlite::Connection, std::fmt};", 1),
        ("store/embedded/mod.rs", "use rusqlite::Connection;", 0),
        ("store/mod.rs", "use redis::Client;", 1),
        (
            "session/mod.rs",
            "use crate::{\n    id::UserId,\n    web::{Call, Error},\n    store::embedded::Embedded,\n};",
            6,
        ),
        ("session/mod.rs", "mod inner { use super::super::web::Call; }", 2),
        ("session/policy.rs", "use super::super::config::Config;", 3),
        ("session/policy.rs", "use super::Kind; use self::deep::Thing;", 0),
        ("gate/mod.rs", "fn f() -> crate::config::Config { crate::server::thing() }", 5),
        ("proxy/hooks.rs", "use crate::config::Config;", 1),
        ("cli/run.rs", "use crate::config::Config;", 0),
        ("account/mod.rs", "use axum::Router; use http::StatusCode;", 2),
        ("clock.rs", "use crate::session::Session;", 1),
        ("audit/event.rs", "use crate::session::Session;", 1),
        ("session/policy.rs", "use crate::audit::AuditEvent;", 0),
        ("metrics/mod.rs", "use crate::session::Session;", 1),
        ("proxy/http/server.rs", "use crate::proxy::listener::listeners::Listeners;", 1),
        ("proxy/http/server.rs", "use super::super::in_flight::slot::InFlightSlot;", 0),
        ("session/mod.rs", "// use crate::web::Call;\n/* use pingora; */ const A: &str = \"crate::web::Call\";", 0),
        ("session/mod.rs", "const A: char = '\"'; use crate::web::Call; const B: &str = r#\"\" crate::web\"#;", 2),
    ] {
        let faults = layer_violations(file, text);
        assert_eq!(faults.len(), count, "{file}: {text}: {faults:?}");
    }
}

#[test]
fn a_fault_names_its_line() {
    let faults = layer_violations("id.rs", "//! Ids.\n\nuse crate::{\n    secret::random,\n    web::Call,\n};\n");
    assert!(faults[0].starts_with("src/id.rs:5: crate::web::Call: "), "{faults:?}");
}

#[test]
fn each_licence_that_is_named_has_its_text() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(root.join(file)).unwrap();
    assert!(read("Cargo.toml").contains("\nlicense = \"MIT OR Apache-2.0\"\n"));
    let (mit, apache) = (read("LICENSE-MIT"), read("LICENSE-APACHE"));
    assert!(mit.contains("Permission is hereby granted, free of charge") && mit.trim_end().ends_with("SOFTWARE."));
    assert!(apache.contains("Version 2.0, January 2004") && apache.contains("END OF TERMS AND CONDITIONS"));
    assert!(read("README.md").contains("[MIT](LICENSE-MIT) or [Apache 2.0](LICENSE-APACHE)"));
}
