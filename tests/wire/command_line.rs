//! The command line: what it prints, and how it ends. 0 is done, 1 is failed, 2 is wrong usage or a wrong configuration.

use std::process::Command;

use crate::harness::{App, Installation, Person, Said, portcullis};

/// Before an app that is never asked.
fn house() -> Installation {
    Installation::with(
        "upstreams: { app: { servers: [\"http://127.0.0.1:1\"] } }\nroutes:\n\
         - { path: /assets, access: public, upstream: app }\n\
         - { path: /admin, access: { roles: [admin] }, upstream: app }\n\
         - { path: /, access: signed_in, upstream: app }\n",
    )
}

fn anywhere(words: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    Said::by(portcullis(folder.path()).args(words), "")
}

#[test]
fn every_verb_has_help_with_an_example() {
    let mut seen = 0;
    let mut open = vec![Vec::<String>::new()];
    while let Some(verb) = open.pop() {
        let words: Vec<&str> = verb.iter().map(String::as_str).chain(["--help"]).collect();
        let help = anywhere(&words).ok();
        assert!(verb.is_empty() || help.contains("Example: portcullis "), "{verb:?}: {help}");
        let commands = help.split("\nCommands:\n").nth(1).unwrap_or_default();
        for line in commands.lines().take_while(|line| line.starts_with("  ")) {
            let name = line.split_whitespace().next().unwrap();
            if line.starts_with("  ") && !line.starts_with("   ") && name != "help" {
                open.push(verb.iter().cloned().chain([name.to_owned()]).collect());
                seen += 1;
            }
        }
    }
    assert!(seen >= 20, "{seen}");
}

#[test]
fn wrong_usage_is_2() {
    anywhere(&[]).refused(2);
    anywhere(&["runn"]).refused(2);
    anywhere(&["sessions", "revoke"]).refused(2);
    anywhere(&["sessions", "revoke", "not-an-id"]).refused(2);
    anywhere(&["users", "add"]).refused(2);
    for reason in ["", " ", "two\nlines", &"x".repeat(501)] {
        for act in [
            &["users", "disable", "alice"][..],
            &["users", "enable", "alice"],
            &["users", "unlock", "alice"],
            &["sessions", "revoke", "--user", "alice"],
            &["sessions", "revoke", "--all"],
        ] {
            let why = anywhere(&[act, &["--reason", reason]].concat()).refused(2);
            assert!(why.contains("--reason"), "{why}");
            assert!(anywhere(act).refused(2).contains("--reason"));
        }
    }
    anywhere(&["completions", "cobol"]).refused(2);
    anywhere(&["init", "--app", "gopher://x"]).refused(2);
}

#[test]
fn help_says_where_a_reason_is_required() {
    let help = anywhere(&["sessions", "revoke", "--help"]).ok();
    assert!(help.contains("required with --user and --all"), "{help}");
}

/// What cannot be written is not done: a journal that is half on a full disk must not look like a whole one.
#[test]
fn a_result_that_cannot_be_written_is_1_and_told() {
    let house = house();
    house.user("alice", &[]);
    for words in [
        &["audit", "export"][..],
        &["audit", "tail", "--json"],
        &["users", "list"],
        &["users", "add", "bob"],
        &["sessions", "list", "--json"],
        &["config", "show"],
        &["config", "schema"],
        &["config", "check"],
        &["completions", "bash"],
        &["version"],
        &["--version"],
        &["--help"],
        &["users", "--help"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = portcullis(house.file().parent().unwrap());
        let output = command.args(words).stdout(full).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {told}");
        assert!(told.ends_with("standard output: No space left on device (os error 28)\n"), "{words:?}: {told}");
    }
    assert!(house.cli(&["users", "list"]).ok().contains("bob"), "what was done is done");
    let script = format!("{} audit export | head -n 1", env!("CARGO_BIN_EXE_portcullis"));
    let mut shell = Command::new("bash");
    let piped = Said::by(shell.args(["-o", "pipefail", "-c", &script]).env("PORTCULLIS_CONFIG", house.file()), "");
    assert_eq!((piped.code, piped.err.as_str(), piped.out.lines().count()), (0, "", 1), "{piped:?}");
}

#[test]
fn no_configuration_is_2_and_says_where_it_looked() {
    for words in [&["run"][..], &["users", "list"], &["config", "check"], &["healthcheck"]] {
        let why = anywhere(words).refused(2);
        assert!(why.contains("portcullis init") && why.contains("/etc/portcullis/portcullis.yaml"), "{why}");
    }
    let why = anywhere(&["run", "-c", "elsewhere.yaml"]).refused(2);
    assert!(why.contains("elsewhere.yaml"), "{why}");
}

#[test]
fn a_wrong_configuration_is_2_with_the_place_of_each_mistake() {
    let house = house();
    std::fs::write(house.file(), "public_url: http://127.0.0.1:80\nupstraem: http://127.0.0.1:1\nlog:\n  lvl: info\n")
        .unwrap();
    for words in [&["config", "check"][..], &["run"], &["users", "list"], &["sessions", "list"]] {
        let why = house.cli(words).refused(2);
        assert!(why.contains("portcullis.yaml:2:1: upstraem: unknown key; did you mean \"upstream\"?"), "{why}");
        assert!(why.contains("portcullis.yaml:4:3: log.lvl: "), "{why}");
    }
}

#[test]
fn the_store_in_memory_cannot_be_looked_into() {
    let house = house();
    let text = std::fs::read_to_string(house.file()).unwrap().replace("file:portcullis.db", "memory");
    std::fs::write(house.file(), text).unwrap();
    for words in [&["users", "list"][..], &["sessions", "list"]] {
        let why = house.cli(words).refused(2);
        assert!(why.contains("store: memory") && why.contains("file:PATH"), "{why}");
    }
}

#[test]
fn a_store_that_a_verb_makes_is_told_once() {
    let house = house();
    for told in [1, 0] {
        let said = house.cli(&["users", "list"]);
        assert_eq!((said.code, said.err.matches("created a new store at").count()), (0, told), "{said:?}");
    }
}

#[test]
fn init_touches_nothing_that_is_there() {
    let house = house();
    let before = std::fs::read(house.file()).unwrap();
    let why = house.cli(&["init"]).refused(1);
    assert!(why.contains("is there already"), "{why}");
    assert_eq!(std::fs::read(house.file()).unwrap(), before);
}

#[test]
fn init_puts_the_store_where_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (home, data) = (folder.path().join("etc"), folder.path().join("lib"));
    let said = |data: &std::path::Path| {
        let mut init = portcullis(folder.path());
        Said::by(init.arg("init").arg(&home).arg("--data").arg(data), "")
    };
    assert!(said(&folder.path().join("a # b")).refused(2).contains("--data"));
    assert!(!home.exists());
    said(&data).ok();
    let yaml = std::fs::read_to_string(home.join("portcullis.yaml")).unwrap();
    assert!(yaml.contains("\n#   app_name: "), "{yaml}");
    assert!(yaml.contains(&format!("\nstore: file:{}/portcullis.db\n", data.display())), "{yaml}");
}

#[test]
fn init_names_the_app() {
    let folder = tempfile::tempdir().unwrap();
    let cli = |words: &[&str]| Said::by(portcullis(folder.path()).args(words), "");
    cli(&["init", "--name", "two\nlines"]).refused(2);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    cli(&["init", "--name", "Meridian: the app"]).ok();
    assert!(cli(&["config", "show"]).ok().contains("app_name: \"Meridian: the app\""));
}

#[test]
fn the_configuration_is_told_without_its_secret() {
    let house = house();
    assert!(house.cli(&["config", "check"]).ok().contains("no complaints"));
    let shown = house.cli(&["config", "show"]).ok();
    let secret = std::fs::read_to_string(house.path("portcullis.secret")).unwrap();
    assert!(shown.contains("idle_timeout: 7d") && shown.contains("(redacted)"), "{shown}");
    assert!(!shown.contains(secret.trim()), "{shown}");
    let schema = house.cli(&["config", "schema"]).json();
    assert!(schema["properties"]["public_url"].is_object(), "{schema}");
}

#[test]
fn users_are_added_listed_and_changed() {
    let house = house();
    house.user("alice", &["--email", "alice@example.com", "--role", "admin"]);
    house.cli(&["users", "add", "bob"]).ok();
    let list = house.cli(&["users", "list", "--json"]).json();
    let [alice, bob] = [&list["items"][0], &list["items"][1]];
    assert_eq!(
        (&alice["name"], &alice["email"], &alice["roles"][0]),
        (&"alice".into(), &"alice@example.com".into(), &"admin".into())
    );
    assert!(alice["id"].as_str().unwrap().starts_with("usr_") && alice["password_set_at"].is_string(), "{alice}");
    assert_eq!((&bob["email"], &bob["password_set_at"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    assert_eq!(list["next_cursor"], serde_json::Value::Null);
    assert!(house.cli(&["users", "list"]).ok().contains("no password yet"));
    assert!(
        house.cli(&["users", "add", "ALICE"]).refused(1).contains("taken")
            || house.cli(&["users", "add", "ALICE"]).code == 1
    );
    house.cli(&["users", "add", "bad\nname"]).refused(2);
    house.cli(&["users", "add", "carol", "--role", "no,comma"]).refused(2);
    house.cli_typing(&["users", "add", "carol", "--password-stdin"], "weak").refused(1);
    house.cli_typing(&["users", "add", "carol", "--password-stdin"], "").refused(2);
    assert_eq!(
        house.cli(&["users", "list", "--json"]).json()["items"].as_array().unwrap().len(),
        2,
        "carol was not added"
    );
    house.cli(&["users", "disable", "nobody", "--reason", "left"]).refused(1);
    house.cli(&["users", "disable", "bob", "--reason", "left"]).ok();
    assert_eq!(house.cli(&["users", "list", "--json"]).json()["items"][1]["disabled"], true);
    house.cli(&["users", "enable", "bob", "--reason", "is back"]).ok();
    house.cli(&["users", "unlock", "bob", "--reason", "on the phone"]).ok();
    // No session of theirs was open: it stands with the act itself.
    for (act, reason) in [("disabled", "left"), ("enabled", "is back"), ("unlocked", "on the phone")] {
        let told = house.cli(&["audit", "export"]).ok();
        let has =
            |line: &str| line.contains(&format!("user_{act}")) && line.contains(&format!("\"reason\":\"{reason}\""));
        assert!(told.lines().any(has), "{act}: {told}");
    }
    house.cli(&["users", "remove", "bob"]).ok();
    assert_eq!(house.cli(&["users", "list", "--json"]).json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn sessions_are_listed_beside_a_server_and_without_one() {
    let house = Installation::before(App::ok().await.address);
    house.user("alice", &[]);
    house.user("bob", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    Person::with_user_agent(house.public, "curl/8.5.0").sign_in("bob").await;
    let id = alice.session().await;
    let list = house.cli(&["sessions", "list", "--user", "alice", "--json"]).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    let item = &list["items"][0];
    assert_eq!((&item["user"]["name"], &item["session"]["id"]), (&"alice".into(), &id.as_str().into()));
    assert_eq!(item["session"]["device"]["label"], "Chrome on macOS");
    server.stop().await;
    let table = house.cli(&["sessions", "list"]).ok();
    assert!(
        table.starts_with("USER") && table.contains(&id) && table.contains("curl 8.5") && table.lines().count() == 3,
        "{table}"
    );
    house.cli(&["sessions", "revoke", &id]).ok();
    assert_eq!(house.cli(&["sessions", "list"]).ok().lines().count(), 2);
    house.cli(&["sessions", "list", "--user", "carol"]).refused(1);
}

#[tokio::test]
async fn somebody_who_is_locked_out_is_let_in_beside_a_running_server() {
    let house = Installation::before(App::ok().await.address);
    house.user("bob", &[]);
    let server = house.run().await;
    let bob = Person::at(house.public);
    for _ in 0..5 {
        assert_eq!(bob.try_to_sign_in("bob", "wrong").await.status().as_u16(), 401);
    }
    assert_eq!(bob.try_to_sign_in("bob", "wrong").await.status().as_u16(), 429);
    assert!(house.cli(&["users", "unlock", "bob", "--reason", "on the phone"]).ok().contains("Unlocked bob"));
    let told = house.cli(&["audit", "tail"]).ok();
    assert!(told.lines().any(|line| line.contains("user unlocked") && line.contains("on the phone")), "{told}");
    bob.sign_in("bob").await;
    server.stop().await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_1_and_named() {
    let house = Installation::before(App::ok().await.address);
    let _taken = std::net::TcpListener::bind(house.public).unwrap();
    let said = house.cli(&["run"]);
    assert!(said.code == 1 && said.err.contains(&format!("cannot listen on {}", house.public)), "{said:?}");
}

#[tokio::test]
async fn an_address_of_another_machine_is_told_with_one_cause() {
    let house = house();
    let text = std::fs::read_to_string(house.file()).unwrap();
    // TEST-NET-1 (RFC 5737): nobody has it.
    std::fs::write(house.file(), format!("listen: 192.0.2.1:8080\ninsecure_http: true\n{text}")).unwrap();
    for words in [&["config", "check"][..], &["run"], &["doctor"]] {
        let said = house.cli(words);
        let told = [said.out.as_str(), &said.err].concat();
        assert_eq!(said.code, 1, "{told}");
        assert!(
            told.contains("no interface of this machine has the address 192.0.2.1:8080; write one that it has"),
            "{told}"
        );
        assert!(!told.contains("another program may have it") && !told.contains("this user may not listen"), "{told}");
    }
}

#[test]
fn version_and_completions() {
    assert!(anywhere(&["version"]).ok().starts_with(&format!("portcullis {} (commit ", env!("CARGO_PKG_VERSION"))));
    for shell in ["bash", "zsh", "fish"] {
        assert!(anywhere(&["completions", shell]).ok().contains("healthcheck"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("portcullis.bash");
    std::fs::write(&script, anywhere(&["completions", "bash"]).ok()).unwrap();
    assert_eq!(Said::by(Command::new("bash").arg("-n").arg(&script), "").ok(), "");
}
