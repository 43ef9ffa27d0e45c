//! Secrets and variables: where values come from, and that they are shown nowhere.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use portcullis::config::{self, StoreLocation};

use super::{MINIMAL, SECRET, folder_with_secret, minimal_config_with, parse_with, write_private, write_secret};

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
    let config = parse_with(text, Path::new("/"), &variables).unwrap_or_else(|complaints| panic!("{complaints}"));
    assert_eq!((config.public_url.port(), config.sessions.policy.max_per_user, config.log.access), (8080, 7, false));
    assert_eq!(config.branding.pages.app_name, "a: {b} # ${HOST}");
}

#[test]
fn values_come_from_files_of_their_own() {
    let folder = folder_with_secret();
    write_private(&folder.path().join("store.url"), "file:sessions.db\n", 0o440);
    let text = "public_url: http://localhost:8080\nupstream: http://127.0.0.1:3000\nstore_file: store.url\n\
                secret_file: ./portcullis.secret\n";
    let config = parse_with(text, folder.path(), &[]).unwrap_or_else(|complaints| panic!("{complaints}"));
    assert_eq!(config.store, StoreLocation::File(folder.path().join("sessions.db")));
    assert_eq!(config.secret.unwrap().expose(), b"secret for the tests, used nowhere else");
}

#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let folder = folder_with_secret();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status().unwrap().success());
    let text = "public_url: http://localhost:8080\nupstream: http://127.0.0.1:3000\nstore: memory\nsecret_file: pipe\n";
    let told = parse_with(text, folder.path(), &[]).expect_err("nobody writes into it").to_string();
    assert!(told.contains("secret_file: names a pipe, a socket or a device; name a plain file"), "{told}");
}

#[test]
fn a_secret_that_everybody_may_open_is_refused() {
    let folder = folder_with_secret();
    let own = "public_url: http://localhost:8080\nupstream: http://127.0.0.1:3000\n";
    for (key, file, rest) in [
        ("secret_file", "portcullis.secret", "store: memory\n"),
        ("store_file", "store.url", "secret_file: portcullis.secret\n"),
        ("records_file", "store.url", "store: redis://127.0.0.1:1\nsecret_file: portcullis.secret\n"),
    ] {
        let path = folder.path().join(file);
        let text = format!("{own}{rest}{key}: {file}\n");
        std::fs::write(folder.path().join("store.url"), "file:sessions.db\n").unwrap();
        for (mode, may) in [
            (0o600, None),
            (0o400, None),
            (0o440, None),
            (0o640, None),
            (0o660, None),
            (0o604, Some("read")),
            (0o644, Some("read")),
            (0o602, Some("change")),
            (0o666, Some("read and change")),
        ] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let told = parse_with(&text, folder.path(), &[]).err().map(|complaints| complaints.to_string());
            let mend = may.map(|may| {
                format!(
                    "{key}: everybody on this machine may {may} it (mode {mode:04o}); run: chmod o-rwx {}",
                    path.display()
                )
            });
            assert!(told.is_some() == mend.is_some(), "{key} {mode:o}: {told:?}");
            assert!(told.zip(mend).is_none_or(|(told, mend)| told.ends_with(&mend)), "{key} {mode:o}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn the_secret_of_a_header_is_one_line_in_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.secret");
    let read = |keys: &str| {
        let text = format!("{MINIMAL}identity: {{ extra: [{{ header: X-Secret{keys} }}] }}\n");
        parse_with(&text, folder.path(), &[]).map_err(|complaints| complaints.to_string())
    };
    let from = |text: &[u8]| {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        read(", value_file: app.secret")
    };
    let in_file = "identity.extra[0].value_file: names a file";
    assert!(read(", value_file: app.secret").unwrap_err().contains(&format!("{in_file} that does not exist")));
    for (text, why) in [
        (&b""[..], " that is empty; write"),
        (b"\n\n", " that is empty; write"),
        (b"hush-one\nhush-two\n", " of several lines; write"),
        (b"hush\rhush", " of several lines; write"),
        (b"hush\thush", " whose value begins with a space, or holds what"),
        (b" hush", " whose value begins with a space, or holds what"),
        (b"hush\0hush", " whose value begins with a space, or holds what"),
        ("hush \u{e9}".as_bytes(), " whose value begins with a space, or holds what"),
        (b"hush \xe9", " that is not text; write"),
        (&[b'x'; 4_097], " whose value is longer than 4096 bytes; write"),
    ] {
        let told = from(text).unwrap_err();
        assert!(told.contains(&format!("{in_file}{why}")) && !told.contains("hush"), "{told}");
    }
    for good in [&b"hush hush\r\n"[..], &[b'x'; 4_096]] {
        let config = from(good).unwrap();
        let [config::ExtraHeader { value: config::ExtraHeaderValue::Secret(secret), .. }] = &config.identity.extra[..]
        else {
            panic!("{config:?}")
        };
        let value = secret.expose();
        assert_eq!((value.as_bytes(), value.is_sensitive()), (good.trim_ascii_end(), true));
        let told = [config::show(&config), format!("{config:?}"), format!("{value:?}")].concat();
        assert!(told.contains("(redacted)") && !told.contains("hush") && !told.contains("xx"), "{told}");
    }
    let both = read(", value: name, value_file: app.secret").unwrap_err();
    assert!(both.contains("identity.extra[0].value: value_file is written too; keep one of value and value_file"));
    let neither = read("").unwrap_err();
    assert!(neither.contains("identity.extra[0].value: is missing") && neither.contains("or value_file with"));
}

#[test]
fn what_systemd_hands_over_is_fine_whatever_its_mode() {
    let (folder, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let elsewhere = folder.path().join("portcullis.secret");
    for path in [&elsewhere, &credentials.path().join("portcullis.secret")] {
        write_secret(path, 0o444);
    }
    let folder_of_credentials = credentials.path().to_str().unwrap();
    let read = |file: &str, variable: &str| {
        let text = format!("{MINIMAL}secret_file: {file}\n");
        parse_with(&text, folder.path(), &[("CREDENTIALS_DIRECTORY", variable)])
    };
    let handed = "\"${CREDENTIALS_DIRECTORY}/portcullis.secret\"";
    assert!(read(handed, folder_of_credentials).is_ok());
    assert!(read("portcullis.secret", folder_of_credentials).is_err(), "it lies elsewhere");
    let around =
        format!("{folder_of_credentials}/../{}/portcullis.secret", folder.path().file_name().unwrap().display());
    assert!(read(&around, folder_of_credentials).is_err(), "a path that leads out of it again");
}

#[test]
fn a_secret_is_shown_nowhere() {
    let config = minimal_config_with(&format!("secret: {SECRET}\n"));
    for told in [format!("{config:?}"), config::show(&config), serde_json::to_string(&config).unwrap()] {
        assert!(!told.contains("c2VjcmV0") && !told.contains("secret for the tests"), "{told}");
        assert!(told.contains("(redacted)") || told.contains("RootSecret(..)"), "{told}");
    }
}

#[test]
fn fresh_secrets_are_good_and_differ() {
    let (one, other) = (config::generate_secret().unwrap(), config::generate_secret().unwrap());
    assert_ne!(one, other);
    assert_eq!(minimal_config_with(&format!("secret: {one}\n")).secret.unwrap().expose().len(), 32);
}
