//! A first configuration: where it says that Portcullis listens.

use std::net::TcpListener;

use crate::harness::{Said, free_port, portcullis};

/// What `init` said, and what the configuration means that it wrote.
fn init(words: &[&str]) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let cli = |words: &[&str]| Said::by(portcullis(folder.path()).args(words), "").ok();
    let said = cli(&[&["init"], words].concat());
    (said, cli(&["config", "show"]))
}

fn refused(words: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let why = Said::by(portcullis(folder.path()).arg("init").args(words), "").refused(2);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    why
}

#[test]
fn init_listens_where_it_is_told() {
    let (visitors, admin) = (free_port(), free_port());
    let (listen, admin_listen) = (format!("127.0.0.1:{visitors}"), format!("127.0.0.1:{admin}"));
    let words = ["--listen", &listen, "--admin-listen", &admin_listen];
    let (said, shown) = init(&words);
    assert!(
        said.contains(&format!(
            "Visitors come to http://localhost:{visitors}; metrics and health are at {admin_listen}."
        )),
        "{said}"
    );
    for line in [
        format!("public_url: http://localhost:{visitors}\n"),
        format!("listen:\n- {listen}\n"),
        format!("admin:\n  listen: {admin_listen}\n"),
    ] {
        assert!(shown.contains(&line), "{line}: {shown}");
    }
    let (_, shown) = init(&[&words[..], &["--public-url", "https://app.example.com"]].concat());
    assert!(
        shown.contains("public_url: https://app.example.com\n") && shown.contains(&format!("- {listen}\n")),
        "{shown}"
    );
    let (_, shown) = init(&["--listen", "[::1]:4711", "--admin-listen", "[::1]:4712"]);
    assert!(shown.contains("[::1]:4711") && shown.contains("[::1]:4712"), "{shown}");
}

#[test]
fn init_finds_free_ports_and_says_so() {
    // Somebody else on this machine may have them already: that does as well.
    let _taken = ["127.0.0.1:8080", "127.0.0.1:9464"].map(TcpListener::bind);
    let (said, shown) = init(&["--public-url", "https://app.example.com"]);
    assert!(said.contains("listen: port 8080 is taken (ss -ltnp shows by whom); wrote 127.0.0.1:80"), "{said}");
    assert!(said.contains("admin.listen: port 9464 is taken (ss -ltnp shows by whom); wrote 127.0.0.1:94"), "{said}");
    assert!(!shown.contains(":8080") && !shown.contains(":9464"), "{shown}");
    let (said, shown) = init(&[]);
    assert!(!said.contains("localhost:8080") && shown.contains("public_url: http://localhost:80"), "{said} {shown}");
}

#[test]
fn what_was_asked_for_is_written_although_somebody_has_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (said, shown) = init(&["--listen", &address.to_string()]);
    assert!(said.contains(&format!("something listens on {address} now")), "{said}");
    assert!(shown.contains(&address.to_string()), "{shown}");
}

#[test]
fn init_writes_nothing_that_could_not_be_used() {
    assert!(refused(&["--listen", "0.0.0.0:8080"]).contains("other machines could reach this in plain http"));
    assert!(refused(&["--listen", "localhost:8080"]).contains("--listen"));
    assert!(refused(&["--public-url", "app.example.com"]).contains("--public-url: has no scheme"));
    assert!(
        refused(&["--listen", "127.0.0.1:4711", "--admin-listen", "127.0.0.1:4711"])
            .contains("--admin-listen 127.0.0.1:4711: visitors come in there")
    );
}
