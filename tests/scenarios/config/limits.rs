//! What a client may ask of a connection, and whose word about its address is taken.

use portcullis::config;

use super::{MINIMAL, minimal_config_with, parse, valid_config};

#[test]
fn a_route_may_have_a_body_size_of_its_own() {
    let sizes = |limits: &str| {
        let config = valid_config(&format!(
            "public_url: http://localhost:8080\nstore: memory\nupstreams: {{ app: {{ servers: [http://127.0.0.1:3000] }} }}\n\
             routes:\n  - {{ path: /a, upstream: app, body_size: 20MiB }}\n  - {{ path: /b, upstream: app, body_size: null }}\n  \
             - {{ path: /, upstream: app }}\n{limits}"
        ));
        assert_eq!(
            valid_config(&config::show(&config).replace("secret: null\n", "")),
            config,
            "what is shown can be read again"
        );
        config.routes.iter().map(|route| route.body_size.map(config::ByteSize::bytes)).collect::<Vec<_>>()
    };
    assert_eq!(sizes(""), [Some(20 << 20), None, None]);
    assert_eq!(sizes("limits: { body_size: 1MiB }\n"), [Some(20 << 20), None, Some(1 << 20)]);
    let short = minimal_config_with("limits: { body_size: 1GiB }\n");
    assert_eq!(short.routes[0].body_size.map(config::ByteSize::bytes), Some(1 << 30));
}

#[test]
fn visitors_are_known_where_nothing_stands_in_front_or_it_says_who_they_are() {
    let https =
        "public_url: https://app.test\nlisten: 127.0.0.1:8080\nstore: memory\nupstream: http://127.0.0.1:3000\n";
    for (text, known) in [
        (MINIMAL.to_owned(), true),
        (https.to_owned(), false),
        (format!("{https}trusted_proxies: []\n"), false),
        (format!("{https}trusted_proxies: [127.0.0.1/32, \"fd00::/8\"]\n"), true),
    ] {
        let config = valid_config(&text);
        assert_eq!(
            (config.knows_client_addresses(), config.client_address_warning().is_none()),
            (known, known),
            "{text}"
        );
    }
}

#[test]
fn limits_of_a_listener_need_a_restart_and_those_of_bodies_do_not() {
    let old = valid_config(MINIMAL);
    let routed = minimal_config_with("limits: { body_size: 1MiB }\n");
    assert!(old != routed && old.needs_restart(&routed).is_empty());
    let new = minimal_config_with(
        "trusted_proxies: [10.0.0.0/8]\nlimits: { head_size: 8KiB, headers: 50, head_deadline: 1s, body_idle: 1s, write_idle: 1s, \
         slow_readers_per_session: 1, slow_readers_per_address: 1, keep_alive: 1s, requests_per_connection: 1, connections_per_address: 1, http2_streams: 1 }\n",
    );
    let keys = "trusted_proxies limits.head_size limits.headers limits.head_deadline limits.body_idle limits.write_idle \
                limits.slow_readers_per_session limits.slow_readers_per_address limits.keep_alive \
                limits.requests_per_connection limits.connections_per_address limits.http2_streams";
    assert_eq!(old.needs_restart(&new).join(" "), keys);
}

#[test]
fn memory_for_passwords_is_enough_for_one() {
    let with = |memory: &str| format!("{MINIMAL}passwords: {{ memory: {memory} }}\n");
    let told = parse(&with("18MiB")).unwrap_err().to_string();
    assert!(told.ends_with("passwords.memory: is less than one password takes; write 19MiB or more"), "{told}");
    assert!(parse(&with("64")).unwrap_err().to_string().contains("passwords.memory: is a bare number"));
    let (none, one) = (valid_config(MINIMAL), valid_config(&with("19MiB")));
    assert_eq!((none.passwords.memory, one.passwords.memory), (None, Some(config::ByteSize::kib(19 * 1024))));
    assert_eq!(none.needs_restart(&one), ["passwords.memory"]);
}
