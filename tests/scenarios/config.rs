//! The configuration, as an operator meets it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis::config::{self, Access, Complaints, Config, PublicUrl, Span, Store};
use portcullis::web::look::Accent;

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
#[expect(clippy::unwrap_used, reason = "a test whose files can not be prepared has failed")]
fn folder_with_secret() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_secret(&folder.path().join("portcullis.secret"), 0o600);
    folder
}

#[expect(clippy::unwrap_used, reason = "a test whose files can not be prepared has failed")]
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
        .filter(|key| !["store_file", "secret"].contains(&key.as_str()))
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
        let text = config::starter(public_url, "http://127.0.0.1:3000", "portcullis.db");
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
    assert!(
        written == expected,
        "docs/configuration.md is old; make it new with: UPDATE_DOCS=1 cargo test --test scenarios"
    );
}

#[test]
fn variables_are_filled_in_and_add_no_keys() {
    let text = "public_url: http://${HOST}:${PORT}\nstore: ${STORE:-memory}\nupstream: \"http://${APP}\"\n\
                sessions: { max_per_user: \"${MOST}\" }\nlog: { access: \"${ACCESS}\" }\nbranding: { app_name: \"${NAME} $${HOST}\" }\n";
    let variables = [
        ("HOST", "localhost"),
        ("PORT", "8080"),
        ("APP", "127.0.0.1:3000"),
        ("MOST", "7"),
        ("ACCESS", "false"),
        ("NAME", "a: {b} #"),
    ];
    let config = read_with(text, Path::new("/"), &variables).unwrap_or_else(|complaints| panic!("{complaints}"));
    assert_eq!((config.public_url.port, config.sessions.max_per_user, config.log.access), (8080, 7, false));
    assert_eq!(config.branding.app_name, "a: {b} # ${HOST}");
}

#[test]
fn values_come_from_files_of_their_own() {
    let folder = folder_with_secret();
    std::fs::write(folder.path().join("store.url"), "file:sessions.db\n").unwrap();
    let text = "public_url: http://localhost:8080\nupstream: http://127.0.0.1:3000\nstore_file: store.url\n\
                secret_file: ./portcullis.secret\n";
    let config = read_with(text, folder.path(), &[]).unwrap_or_else(|complaints| panic!("{complaints}"));
    assert_eq!(config.store, Store::File(folder.path().join("sessions.db")));
    assert_eq!(config.secret.unwrap().expose(), b"secret for the tests, used nowhere else");
}

#[test]
fn a_secret_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.secret");
    let text = format!("{MINIMAL}secret_file: portcullis.secret\n");
    for (mode, good) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o644, false)] {
        write_secret(&path, mode);
        let result = read_with(&text, folder.path(), &[]);
        assert_eq!(result.is_ok(), good, "{mode:o}");
        if let Err(complaints) = result {
            let mend = format!("(mode {mode:04o}); run: chmod 600 {}", path.display());
            assert!(complaints.to_string().ends_with(&mend), "{complaints}");
        }
    }
}

#[test]
fn a_secret_is_shown_nowhere() {
    let config = minimal_and(&format!("secret: {SECRET}\n"));
    for told in [format!("{config:?}"), config::show(&config), serde_json::to_string(&config).unwrap()] {
        assert!(!told.contains("c2VjcmV0") && !told.contains("secret for the tests"), "{told}");
        assert!(told.contains("(redacted)") || told.contains("RootSecret(..)"), "{told}");
    }
}

#[test]
fn what_is_shown_can_be_read_again() {
    let more = "sessions: { idle_timeout: never, heartbeat_interval: 1500ms }\nactivity: { page_labels: { /a: \"A: b\" } }\n\
                branding: { accent: \"#0B5394\", app_name: \"null\" }\n";
    let config = minimal_and(more);
    let shown = config::show(&config);
    assert!(shown.contains("idle_timeout: never\n") && shown.contains("heartbeat_interval: 1s500ms\n"), "{shown}");
    assert_eq!(good(&shown.replace("secret: null\n", "")), config, "{shown}");
}

#[test]
fn a_colour_that_is_taken_is_one_that_the_pages_use() {
    let greys = (0x60..=0x90).map(|grey: u8| format!("#{grey:02x}{grey:02x}{grey:02x}"));
    for colour in greys.chain(["#0a5c6b", "#0b5394", "#ffcc00", "#d0021b", "#7a4f00"].map(str::to_owned)) {
        let text = format!(
            "public_url: http://localhost:8080\nstore: memory\nupstream: http://127.0.0.1:3000\n\
             branding: {{ accent: \"{colour}\" }}\n"
        );
        let taken = read_with(&text, Path::new("/nowhere"), &[]).is_ok();
        assert_eq!(taken, Accent::parse(&colour).is_ok(), "{colour}");
    }
}

#[test]
fn fresh_secrets_are_good_and_differ() {
    let (one, other) = (config::fresh_secret().unwrap(), config::fresh_secret().unwrap());
    assert_ne!(one, other);
    assert_eq!(minimal_and(&format!("secret: {one}\n")).secret.unwrap().expose().len(), 32);
}

#[test]
fn the_public_url_knows_its_host_headers() {
    for (url, header, matches) in [
        ("https://app.example.com", "app.example.com", true),
        ("https://app.example.com", "App.Example.COM:443", true),
        ("https://app.example.com", "app.example.com:80", false),
        ("https://app.example.com", "app.example.com:8443", false),
        ("https://app.example.com", "example.com", false),
        ("https://app.example.com", "app.example.com.", false),
        ("https://app.example.com", "ann@app.example.com", false),
        ("https://app.example.com", "app.example.com:", false),
        ("https://app.example.com", "app.example.com:+443", false),
        ("https://app.example.com", "", false),
        ("https://App.Example.com:8443/", "app.example.com:8443", true),
        ("https://App.Example.com:8443/", "app.example.com", false),
        ("http://localhost", "localhost:80", true),
        ("http://[::1]:8080", "[::1]:8080", true),
        ("http://[::1]:8080", "[::1]", false),
        ("http://[::1]", "[::1]", true),
    ] {
        let parsed: PublicUrl = url.parse().unwrap();
        assert_eq!(parsed.authority_matches(header), matches, "{url} {header:?}");
    }
    let url: PublicUrl = "https://App.Example.com:443/".parse().unwrap();
    assert_eq!((url.origin(), url.is_https(), url.port), ("https://app.example.com", true, 443));
}

#[test]
fn plain_http_is_for_this_machine_unless_asked_for() {
    for (public_url, listen, insecure, good) in [
        ("http://localhost:8080", "127.0.0.1:8080", false, true),
        ("http://127.9.9.9:8080", "127.9.9.9:8080", false, true),
        ("http://[::1]:8080", "\"[::1]:8080\"", false, true),
        ("http://app.example.com", "127.0.0.1:8080", false, false),
        ("http://localhost.example.com", "127.0.0.1:8080", false, false),
        ("https://app.example.com", "127.0.0.1:8080", false, true),
        ("https://app.example.com", "0.0.0.0:8080", false, false),
        ("http://app.example.com", "0.0.0.0:8080", true, true),
    ] {
        let text = format!(
            "public_url: {public_url}\nlisten: {listen}\ninsecure_http: {insecure}\nstore: memory\nupstream: http://app:3000\n"
        );
        assert_eq!(read(&text).is_ok(), good, "{text}");
    }
}

#[test]
fn the_heartbeat_fits_the_idle_timeout_by_itself() {
    let heartbeat = |sessions: &str| minimal_and(&format!("sessions: {{ {sessions} }}\n")).sessions.heartbeat_interval;
    assert_eq!(heartbeat(""), Duration::from_secs(5));
    assert_eq!(heartbeat("idle_timeout: never"), Duration::from_secs(5));
    assert_eq!(heartbeat("idle_timeout: 3s"), Duration::from_millis(150));
    assert_eq!(heartbeat("app: { idle_timeout: 20s }"), Duration::from_secs(1));
    assert_eq!(heartbeat("idle_timeout: 2s, heartbeat_interval: 100ms"), Duration::from_millis(100));
}

#[test]
fn a_password_that_is_the_only_factor_is_long_with_the_modern_policy() {
    let length = |passwords: &str| minimal_and(&format!("passwords: {{ {passwords} }}\n")).passwords.min_length;
    assert_eq!((length(""), length("policy: modern")), (8, 15));
    assert_eq!(length("policy: modern, min_length: 12"), 12);
}

#[test]
fn a_reload_says_what_needs_a_restart() {
    let old = good(MINIMAL);
    let applied = "sessions: { idle_timeout: 1d }\npasswords: { policy: modern }\nlockout: { failures: 3 }\n\
                   branding: { app_name: Other }\nactivity: { page_labels: { /a: A } }\nsign_in: { landing: /a }\n";
    assert!(old.needs_restart(&minimal_and(applied)).is_empty());
    assert!(old.needs_restart(&old.clone()).is_empty());
    let new = good(&format!(
        "public_url: http://localhost:9090\nupstream: http://127.0.0.1:4000\nstore: file:x.db\nsecret: {SECRET}\n\
         insecure_http: true\nadmin: {{ listen: 127.0.0.1:9465 }}\nlog: {{ format: json, level: debug, access: false }}\n\
         shutdown: {{ drain: 1s, grace: 1s }}\n"
    ));
    let keys = "public_url listen insecure_http store secret admin.listen log.format log.level log.access shutdown.drain \
                shutdown.grace";
    assert_eq!(old.needs_restart(&new).join(" "), keys);
}

#[test]
fn the_demo_needs_nothing() {
    let config = Config::demo(SocketAddr::from(([127, 0, 0, 1], 8080)), SocketAddr::from(([127, 0, 0, 1], 3000)));
    assert_eq!((config.public_url.origin(), &config.store), ("http://127.0.0.1:8080", &Store::Memory));
    assert_eq!(good(&config::show(&config).replace("secret: null\n", "")), config);
}

#[test]
fn the_file_is_found_where_it_is_named_first() {
    let env = |_: &str| Some("/etc/named.yaml".to_owned());
    assert_eq!(config::find(Some(Path::new("mine.yaml")), &env).unwrap(), Path::new("mine.yaml"));
    assert_eq!(config::find(None, &env).unwrap(), Path::new("/etc/named.yaml"));
    let told = config::find(None, &|_| None).unwrap_err().to_string();
    assert!(told.contains("looked for ./portcullis.yaml and /etc/portcullis/portcullis.yaml"), "{told}");
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
