//! Secrets and variables: where values come from, and that they are shown nowhere.

use std::path::Path;

use portcullis::config::{self, Store};

use super::{MINIMAL, SECRET, folder_with_secret, minimal_and, read_with, write_secret};

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
    assert_eq!((config.public_url.port(), config.sessions.max_per_user, config.log.access), (8080, 7, false));
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
fn fresh_secrets_are_good_and_differ() {
    let (one, other) = (config::fresh_secret().unwrap(), config::fresh_secret().unwrap());
    assert_ne!(one, other);
    assert_eq!(minimal_and(&format!("secret: {one}\n")).secret.unwrap().expose().len(), 32);
}
