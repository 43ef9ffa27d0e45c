//! What a configuration means, keys looked at together.

use std::net::SocketAddr;
use std::time::Duration;

use portcullis::config::{self, Config, PublicUrl, RouteAccess, StoreLocation};
use portcullis::gate;

use proptest::prelude::*;

use super::{MINIMAL, SECRET, minimal_config_with, parse, valid_config};
use crate::test_app::TestApp;

#[test]
fn the_shortest_file_is_enough() {
    let config = valid_config(MINIMAL);
    assert_eq!(config.listen, [SocketAddr::from(([127, 0, 0, 1], 8080))]);
    assert_eq!(config.store, StoreLocation::Memory);
    assert_eq!(config.upstreams["app"].servers[0].to_string(), "http://127.0.0.1:3000");
    assert_eq!((config.routes[0].path.as_str(), &config.routes[0].access), ("/", &RouteAccess::SignedIn));
    assert_eq!(config.branding.pages.app_name, "localhost");
    assert!(config.secret.is_none());
}

#[test]
fn what_is_shown_can_be_read_again() {
    let more = "sessions: { idle_timeout: never, heartbeat_interval: 1500ms }\nactivity: { page_labels: { /a: \"A: b\" } }\n\
                branding: { accent: \"#0B5394\", app_name: \"null\" }\n";
    let config = minimal_config_with(more);
    let shown = config::show(&config);
    assert_eq!(config.branding.pages.accent.as_ref().map(ToString::to_string).as_deref(), Some("#0b5394"));
    assert!(shown.contains("idle_timeout: never\n") && shown.contains("heartbeat_interval: 1s500ms\n"), "{shown}");
    assert_eq!(valid_config(&shown.replace("secret: null\n", "")), config, "{shown}");
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
    assert_eq!((url.origin(), url.is_https(), url.port()), ("https://app.example.com", true, 443));
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
        assert_eq!(parse(&text).is_ok(), good, "{text}");
    }
}

#[test]
fn the_heartbeat_fits_the_idle_timeout_by_itself() {
    let heartbeat = |sessions: &str| {
        minimal_config_with(&format!("sessions: {{ {sessions} }}\n")).sessions.policy.heartbeat_interval
    };
    assert_eq!(heartbeat(""), Duration::from_secs(5));
    assert_eq!(heartbeat("idle_timeout: never"), Duration::from_secs(5));
    assert_eq!(heartbeat("idle_timeout: 3s"), Duration::from_millis(150));
    assert_eq!(heartbeat("app: { idle_timeout: 20s }"), Duration::from_secs(1));
    assert_eq!(heartbeat("idle_timeout: 2s, heartbeat_interval: 100ms"), Duration::from_millis(100));
}

#[test]
fn a_password_that_is_the_only_factor_is_long_with_the_modern_policy() {
    let length =
        |passwords: &str| minimal_config_with(&format!("passwords: {{ {passwords} }}\n")).passwords.policy.min_length;
    assert_eq!((length(""), length("policy: modern")), (8, 15));
    assert_eq!(length("policy: modern, min_length: 12"), 12);
}

#[test]
fn a_reload_says_what_needs_a_restart() {
    let old = valid_config(MINIMAL);
    let applied = "sessions: { idle_timeout: 1d }\npasswords: { policy: modern }\nlockout: { failures: 3 }\n\
                   branding: { app_name: Other }\nactivity: { page_labels: { /a: A } }\nsign_in: { landing: /a }\n\
                   identity: { preset: webauth, extra: [{ header: X-Employee, value: email }] }\n";
    assert!(old.needs_restart(&minimal_config_with(applied)).is_empty());
    assert!(old.needs_restart(&old.clone()).is_empty());
    let new = valid_config(&format!(
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
    assert_eq!((config.public_url.origin(), &config.store), ("http://127.0.0.1:8080", &StoreLocation::Memory));
    assert_eq!(valid_config(&config::show(&config).replace("secret: null\n", "")), config);
}

/// A configuration with one route.
fn with_route(path: &str) -> String {
    let path = serde_json::to_string(path).unwrap();
    format!(
        "public_url: http://localhost:8080\nstore: memory\nupstreams: {{ app: {{ servers: [http://127.0.0.1:3000] }} }}\n\
         routes: [{{ path: {path}, upstream: app }}]\n"
    )
}

#[tokio::test]
async fn what_the_gate_answers_itself_is_no_route() {
    let app = TestApp::new();
    let anonymous = app.new_browser();
    for (path, ours) in [
        ("/security", true),
        ("/security/x", true),
        ("/security-guide", false),
        ("/.well-known/portcullis", true),
        ("/.well-known/portcullis/x", true),
        ("/.well-known/change-password", true),
        ("/.well-known/security.txt", false),
        ("/.well-known", false),
    ] {
        let (explained, _) = anonymous.navigation(http::Method::GET, path).explain(None).await;
        assert_eq!(matches!(explained.decision, gate::ExplainedDecision::Serve), ours, "{path}");
        assert_eq!(parse(&with_route(path)).is_err(), ours, "{path}");
    }
}

proptest! {
    /// What the gate does not take would stop a server that reads the file.
    #[test]
    fn what_is_taken_as_a_path_the_gate_takes(path in "/([a-z/.]|[ -~]|%[0-9A-Fa-f]{2}|\u{e9}|\u{7f}){0,6}") {
        if let Ok(config) = parse(&with_route(&path)) {
            let taken = &config.routes[0].path;
            prop_assert!(gate::Route::new(taken, gate::Access::SignedIn, 0, true).is_ok(), "{taken}");
            let canonical = gate::CanonicalPath::parse(taken.as_bytes()).map(|path| path.without_parameters().into_owned());
            prop_assert_eq!(canonical.as_ref(), Ok(taken));
        }
    }
}
