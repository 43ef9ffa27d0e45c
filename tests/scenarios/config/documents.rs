//! The files that speak of every key say what the program does.

use std::time::Duration;

use portcullis::config::{self, Config, RouteAccess, StarterConfig};
use portcullis::session::TimeLimit;

use super::{MINIMAL, folder_with_secret, parse_with, repository, write_private};

#[test]
fn the_full_file_says_what_leaving_out_means() {
    let folder = folder_with_secret();
    let text = std::fs::read_to_string(repository("config/portcullis.yaml")).unwrap();
    let full = parse_with(&text, folder.path(), &[("REDIS_PASSWORD", "abc")])
        .unwrap_or_else(|complaints| panic!("{complaints}"));
    let short = "public_url: https://app.example.com\nlisten: 127.0.0.1:8080\nsecret_file: portcullis.secret\n\
                 upstream: http://127.0.0.1:3000\n";
    assert_eq!(full, parse_with(short, folder.path(), &[]).unwrap());
}

#[test]
fn the_full_file_has_every_key() {
    fn keys(schema: &serde_json::Value, found: &mut Vec<String>) {
        if let Some(properties) = schema.get("properties").and_then(|keys| keys.as_object()) {
            found.extend(properties.keys().cloned());
            properties.values().for_each(|below| keys(below, found));
        }
        ["items", "additionalProperties"]
            .iter()
            .filter_map(|inner| schema.get(inner))
            .for_each(|below| keys(below, found));
    }
    let text = std::fs::read_to_string(repository("config/portcullis.yaml")).unwrap();
    let mut found = Vec::new();
    keys(&config::schema(), &mut found);
    assert!(found.len() > 50, "{found:?}");
    let missing: Vec<_> = found
        .iter()
        .filter(|key| !["store_file", "records_file", "secret"].contains(&key.as_str()))
        .filter(|key| {
            !text.lines().any(|line| line.trim_start_matches(['#', ' ', '-']).starts_with(&format!("{key}:")))
        })
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
        let config = parse_with(&text, folder.path(), &[("REDIS_PASSWORD", "abc")])
            .unwrap_or_else(|complaints| panic!("{}: {complaints}", path.display()));
        assert_eq!(public_by_accident(&config), [""; 0], "{}: wider than the route of `/`", path.display());
        count += 1;
    }
    assert!(count >= 7);
}

/// Paths that let in more people than the route around them, and are not `public`, which nobody writes by accident.
fn public_by_accident(config: &Config) -> Vec<&str> {
    let roles = |access: &RouteAccess| match access {
        RouteAccess::Roles(roles) => Some(roles.clone()),
        RouteAccess::Public | RouteAccess::SignedIn => None,
    };
    let around = |inner: &str| {
        let holds = |outer: &str| inner != outer && (outer == "/" || inner.starts_with(&format!("{outer}/")));
        config.routes.iter().filter(|route| holds(&route.path)).max_by_key(|route| route.path.len())
    };
    let wider = |inner: &RouteAccess, outer: &RouteAccess| match (roles(inner), roles(outer)) {
        (_, None) => false,
        (None, Some(_)) => *inner != RouteAccess::Public,
        (Some(inner), Some(outer)) => inner.iter().any(|role| !outer.contains(role)),
    };
    let routes = config.routes.iter();
    routes
        .filter(|route| around(&route.path).is_some_and(|outer| wider(&route.access, &outer.access)))
        .map(|route| &*route.path)
        .collect()
}

#[test]
fn the_file_of_every_app_is_good() {
    let folder = folder_with_secret();
    write_private(&folder.path().join("pgadmin.secret"), "between us\n", 0o440);
    let index = std::fs::read_to_string(repository("docs/apps/README.md")).unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(repository("docs/apps")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == "README.md" {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let (_, rest) = text.split_once("## portcullis.yaml\n\n```yaml\n").unwrap_or_else(|| panic!("{name}: no file"));
        let (file, _) = rest.split_once("```").unwrap();
        let config = parse_with(file, folder.path(), &[]).unwrap_or_else(|complaints| panic!("{name}: {complaints}"));
        assert_eq!(public_by_accident(&config), [""; 0], "{name}: wider than the route of `/`");
        for heading in ["## Signing out\n", "## Public paths\n"] {
            assert!(text.contains(heading), "{name} lacks {heading}");
        }
        assert!(
            text.contains("\nTried with ") || text.contains("**Untried**"),
            "{name} does not say whether it was tried"
        );
        assert!(index.contains(&format!("({name})")), "docs/apps/README.md does not lead to {name}");
        count += 1;
    }
    assert!(count >= 18);
}

#[test]
fn the_examples_of_further_headers_are_good() {
    let folder = folder_with_secret();
    write_private(&folder.path().join("proxy.secret"), "between us\n", 0o440);
    let read = |headers: &str| {
        let text = format!("{MINIMAL}identity:\n  extra:\n{headers}");
        parse_with(&text, folder.path(), &[])
            .unwrap_or_else(|complaints| panic!("{headers}{complaints}"))
            .identity
            .extra
    };
    let reference = config::reference();
    let inline: Vec<&str> = reference
        .split("`- { header: ")
        .skip(1)
        .filter_map(|rest| rest.split_once('`'))
        .map(|(header, _)| header)
        .collect();
    assert!(inline.len() >= 2, "{inline:?}");
    for header in inline {
        assert_eq!(read(&format!("    - {{ header: {header}\n")).len(), 1);
    }
    let full = std::fs::read_to_string(repository("config/portcullis.yaml")).unwrap();
    let (_, commented) = full.split_once("  extra: []").unwrap();
    let lines = commented.lines().skip(1).map_while(|line| line.strip_prefix("    # "));
    assert_eq!(read(&lines.fold(String::new(), |text, line| text + "    " + line + "\n")).len(), 2);
}

#[test]
fn the_examples_of_the_guides_mean_what_they_say() {
    let folder = folder_with_secret();
    let sessions = |name: &str| {
        let text = std::fs::read_to_string(repository(&format!("config/examples/{name}"))).unwrap();
        parse_with(&text, folder.path(), &[("REDIS_PASSWORD", "abc")]).unwrap().sessions
    };
    let days = |days: u64| Duration::from_secs(days * 86_400);
    assert_eq!(sessions("guide-24h.yaml").policy.idle_timeout, TimeLimit::After(days(1)));
    assert_eq!(sessions("guide-30d.yaml").policy.remember_me.lifetime, TimeLimit::Never);
    assert_eq!(sessions("guide-30d.yaml").policy.absolute_timeout, days(180));
    assert_eq!(sessions("guide-team.yaml").policy.app.idle_timeout, TimeLimit::After(days(90)));
}

#[test]
fn the_example_for_kubernetes_is_good() {
    let folder = folder_with_secret();
    write_private(&folder.path().join("store"), "redis://redis:6379/0\n", 0o440);
    let text = std::fs::read_to_string(repository("deploy/kubernetes.yaml")).unwrap();
    let inner = text.split("  portcullis.yaml: |\n").nth(1).unwrap().split("---").next().unwrap();
    let inner: String = inner.lines().fold(String::new(), |text, line| text + &line[4.min(line.len())..] + "\n");
    let inner =
        inner.replace("/run/secrets/portcullis/secret", "portcullis.secret").replace("/run/secrets/portcullis/", "");
    let config = parse_with(&inner, folder.path(), &[]).unwrap_or_else(|complaints| panic!("{complaints}"));
    assert!(config.admin.listen.ip().is_unspecified() && config.knows_client_addresses());
    assert!(!text.contains("subPath:"), "a file that is mounted by itself never changes");
    for line in ["fsGroup: 10001", "defaultMode: 0440", "path: /readyz, port: admin", "path: /livez, port: admin"] {
        assert!(text.contains(line), "{line}");
    }
}

#[test]
fn the_unit_waits_for_what_is_not_there_yet() {
    let unit = std::fs::read_to_string(repository("deploy/portcullis.service")).unwrap();
    assert!(unit.contains("\nStartLimitIntervalSec=0\n") && unit.contains("\nRestart=on-failure\n"));
    assert!(!unit.contains("ExecStartPre"), "nothing that needs Redis");
}

fn starter() -> StarterConfig<'static> {
    StarterConfig {
        public_url: "http://localhost:8080",
        app_url: "http://127.0.0.1:3000",
        listen: None,
        admin_listen: "127.0.0.1:9464".parse().unwrap(),
        store: "portcullis.db",
        name: None,
    }
}

#[test]
fn the_starter_is_short_and_good() {
    let folder = folder_with_secret();
    let here = "127.0.0.1:8080".parse().unwrap();
    let v6 = "[::1]:8080".parse().unwrap();
    let admin_listen = "[::1]:9465".parse().unwrap();
    for (public_url, listen, expected) in [
        ("http://localhost:8080", None, here),
        ("http://localhost:8080", Some(v6), v6),
        ("https://app.example.com/", Some(here), here),
        ("https://app.example.com/", Some(v6), v6),
    ] {
        let text = StarterConfig { public_url, listen, admin_listen, ..starter() }.to_yaml();
        assert!(text.lines().count() < 50);
        let config = parse_with(&text, folder.path(), &[("REDIS_PASSWORD", "abc")])
            .unwrap_or_else(|complaints| panic!("{complaints}"));
        assert_eq!(config.listen, [expected]);
        assert_eq!(config.admin.listen, admin_listen);
        let split_store = if public_url.ends_with(":8080") { "portcullis-8080" } else { "portcullis" };
        let sessions =
            config::SessionSettings { cookie_name: split_store.to_owned(), ..config::SessionSettings::default() };
        assert_eq!(config.sessions, sessions);
    }
}

#[test]
fn the_starter_takes_any_name() {
    let folder = folder_with_secret();
    for name in ["Meridian", "A: b #1", "\"quoted\" 'twice'", "${HOME}", "$${HOME} $5", "null", "{a}", "Été 漢字"] {
        let text = StarterConfig { name: Some(name), ..starter() }.to_yaml();
        let config = parse_with(&text, folder.path(), &[("REDIS_PASSWORD", "abc")])
            .unwrap_or_else(|complaints| panic!("{complaints}"));
        assert_eq!(config.branding.pages.app_name, name);
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
    assert!(
        written == expected,
        "docs/configuration.md is old; make it new with: UPDATE_DOCS=1 cargo test --test scenarios"
    );
}

#[test]
fn the_schema_describes_every_key_and_allows_no_other() {
    fn walk(schema: &serde_json::Value, path: &str) {
        let Some(keys) = schema.get("properties").and_then(|keys| keys.as_object()) else { return };
        assert_eq!(schema["additionalProperties"], false, "{path}");
        for (key, below) in keys {
            let path = format!("{path}.{key}");
            assert!(below["description"].as_str().is_some_and(|text| text.len() > 8 && !text.contains('\n')), "{path}");
            walk(below, &path);
        }
    }
    let schema = config::schema();
    walk(&schema, "");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["required"], serde_json::json!(["public_url"]));
    assert_eq!(schema["properties"]["sessions"]["properties"]["idle_timeout"]["default"], "7d");
    assert_eq!(schema["properties"]["routes"]["items"]["required"], serde_json::json!(["path", "upstream"]));
    assert_eq!(schema["properties"]["log"]["properties"]["level"].get("anyOf"), None);
}
