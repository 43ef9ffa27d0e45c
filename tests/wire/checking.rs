//! `config check`, `doctor` and `healthcheck`: what is wrong, told before a visitor meets it.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use crate::harness::{App, Installation, beside, free_port};

const APP: &str = "upstreams: { app: { servers: [\"http://127.0.0.1:1\"] } }\n";

/// Before an app that is never asked.
fn house() -> Installation {
    Installation::with(&format!(
        "{APP}routes:\n\
         - {{ path: /assets, access: public, upstream: app }}\n\
         - {{ path: /admin, access: {{ roles: [admin] }}, upstream: app }}\n\
         - {{ path: /, access: signed_in, upstream: app, cross_site_forms: [{{ path: /pay, from: [\"https://pay.test\"] }}] }}\n"
    ))
}

#[test]
fn what_would_happen_to_a_request_is_explained() {
    let house = house();
    house.user("alice", &["--role", "admin"]);
    house.user("bob", &[]);
    let explain = |method: &str, url: &str, user: &[&str]| {
        house.cli(&[&["config", "check", "--explain", method, url], user].concat()).ok()
    };
    let get = |url: &str, user: &[&str]| explain("GET", url, user);
    let url = format!("http://{}/admin/x?y=1", house.public);
    assert_eq!(
        get("/assets/x.css", &[]),
        "GET /assets/x.css: route 1 (/assets, public): goes to app, without identity\n"
    );
    assert_eq!(
        get(&url, &[]),
        "GET /admin/x?y=1: route 2 (/admin, roles admin): must sign in first (302 for a page, else 401)\n"
    );
    assert!(explain("post", &url, &[]).contains("must sign in first (303 for a page, else 401)"));
    assert!(get(&url, &["--user", "alice"]).ends_with("(/admin, roles admin): goes to app\n"));
    assert!(get(&url, &["--user", "bob"]).ends_with("403, the account has none of the roles\n"));
    assert!(get("/security/sessions", &[]).contains("answered by Portcullis itself"));
    assert!(get("/admin%2fx", &[]).contains("400, the path holds an encoded slash"));
    assert!(explain("TRACE", "/", &[]).contains("405, this method is never forwarded"));
    for other in ["https://evil.test/assets/x", "http://localhost/", "http://127.0.0.1:1/#x"] {
        let said = get(other, &["--user", "alice"]);
        assert!(
            said.contains(&format!("421, this host is not served here; public_url is http://{}", house.public)),
            "{said}"
        );
    }
    let forms =
        |method, url| explain(method, url, &["--user", "alice"]).contains("a form from https://pay.test is shown");
    assert!(forms("POST", "/pay?a=b") && !forms("GET", "/pay") && !forms("POST", "/pay/x"));
    house.cli(&["users", "disable", "alice", "--reason", "left"]).ok();
    assert!(get(&url, &["--user", "alice"]).ends_with("else 401), and cannot: the account is disabled\n"));
    house.cli(&["config", "check", "--explain", "GET", "/x", "--user", "carol"]).refused(1);
    house.cli(&["config", "check", "--explain", "GET", "example.com"]).refused(2);
    house.cli(&["config", "check", "--explain", "G T", "/"]).refused(2);
}

#[test]
fn rules_can_be_asked_where_there_is_no_store() {
    let house = Installation::with(&format!("{APP}routes: [{{ path: /, access: public, upstream: app }}]\n"));
    assert!(house.cli(&["config", "check", "--explain", "GET", "/"]).ok().contains("goes to app"));
    assert!(!house.path("portcullis.db").exists());
}

#[test]
fn a_store_that_would_not_open_is_told_by_the_check() {
    let house = house();
    let check = || house.cli(&["config", "check"]);
    assert!(check().ok().contains("portcullis.db is not there yet and will be created"));
    assert!(!house.path("portcullis.db").exists(), "it only looks");
    house.user("alice", &[]);
    assert!(check().ok().contains("portcullis.db can be opened"));
    let good = fs::read(house.path("portcullis.db")).unwrap();

    fs::write(house.path("portcullis.db"), b"this is a diary, not a database").unwrap();
    assert!(check().refused(1).contains("is not a Portcullis store, and was left as it is"));
    let mut newer = good.clone();
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(house.path("portcullis.db"), newer).unwrap();
    assert!(check().refused(1).contains("was written by a newer Portcullis (format 99"));
    fs::write(house.path("portcullis.db"), good).unwrap();
    check().ok();

    let text = fs::read_to_string(house.file()).unwrap();
    fs::write(house.file(), text.replace("file:portcullis.db", "file:nowhere/portcullis.db")).unwrap();
    let why = check().refused(1);
    assert!(why.contains("there is no folder") && why.contains("nowhere; create it, or name another path"), "{why}");
    assert_eq!(house.cli(&["run"]).refused(1).trim(), why.split_once("store: ").unwrap().1.trim(), "as run says it");
    house.cli(&["config", "check", "--file-only"]).ok();
}

#[test]
fn why_a_store_cannot_be_opened_is_told_once_by_every_verb() {
    let house = house();
    let text = fs::read_to_string(house.file()).unwrap();
    let long = "x".repeat(300);
    fs::write(house.file(), text.replace("file:portcullis.db", &format!("file:{long}.db"))).unwrap();
    for words in [&["config", "check"][..], &["users", "list"], &["run"], &["doctor"]] {
        let said = house.cli(words);
        assert_eq!(said.code, 1, "{words:?}: {said:?}");
        let told = [said.out.as_str(), &said.err].concat();
        assert_eq!(told.matches("cannot open ").count(), 1, "{words:?}: {told}");
        assert_eq!(told.matches("File name too long").count(), 1, "{words:?}: {told}");
    }
}

#[test]
fn a_file_can_be_checked_where_it_is_not_run() {
    let house = house();
    fs::remove_file(house.path("portcullis.secret")).unwrap();
    assert!(house.cli(&["config", "check"]).refused(2).contains("secret_file: names a file that does not exist"));
    let said = house.cli(&["config", "check", "--file-only"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("no complaints about the file itself"), "{said:?}");
    assert!(said.err.starts_with("warning: ") && said.err.contains("secret_file"), "{said:?}");
    house.cli(&["config", "check", "--file-only", "--explain", "GET", "/"]).refused(2);
    fs::write(house.path("portcullis.secret"), "a placeholder").unwrap();
    assert_eq!(house.cli(&["config", "check", "--file-only"]).code, 0, "nor what is in it");
    let text = fs::read_to_string(house.file()).unwrap();
    fs::write(house.file(), format!("{text}secret: hunter2\n")).unwrap();
    let why = house.cli(&["config", "check", "--file-only"]).refused(2);
    assert!(why.contains("keep one of secret and secret_file"), "{why}");
    fs::write(house.file(), "upstraem: x\nsecret_file: portcullis.secret\n").unwrap();
    let why = house.cli(&["config", "check", "--file-only"]).refused(2);
    assert!(why.contains("did you mean \"upstream\""), "{why}");
}

#[test]
fn a_name_that_nobody_knows_is_a_warning() {
    let house = Installation::with("upstream: http://app.invalid:3000\n");
    let said = house.cli(&["config", "check"]);
    assert!(said.code == 0 && said.out.contains("no complaints"), "{said:?}");
    assert!(said.err.starts_with("warning: upstreams.app: app.invalid cannot be looked up"), "{said:?}");
}

#[tokio::test]
async fn the_doctor_finds_nothing_wrong_with_a_good_installation() {
    let app = App::ok().await;
    let house = Installation::before(app.address);
    house.user("alice", &[]);
    let said = house.cli(&["doctor"]).ok();
    assert!(!said.contains("WRONG"), "{said}");
    assert!(said.contains(&format!("listen: {} is free", house.public)), "{said}");
    assert!(said.contains(&format!("http://{} takes connections", app.address)), "{said}");
    let server = house.run().await;
    let said = house.cli(&["doctor"]).ok();
    assert!(said.contains(&format!("listen: {} is served by Portcullis", house.public)), "{said}");
    server.stop().await;
}

#[tokio::test]
async fn the_doctor_tells_two_installations_apart() {
    let house = Installation::before(App::ok().await.address);
    house.user("alice", &[]);
    let server = house.run().await;
    assert!(house.cli(&["doctor"]).ok().contains(&format!("listen: {} is served by Portcullis", house.public)));
    let listens = |address| format!("{address} is served by Portcullis");
    // The same configuration with a secret of its own, and with other ports.
    let other = Installation::before(App::ok().await.address);
    other.user("alice", &[]);
    std::fs::copy(house.file(), other.file()).unwrap();
    fs::write(other.path("portcullis.secret"), "YW5vdGhlciBzZWNyZXQgb2YgdGhlIHRlc3RzLCBvZiBub2JvZHk=\n").unwrap();
    let said = other.cli(&["doctor"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("WRONG  server: another installation of Portcullis answers at"), "{said:?}");
    for (key, address) in [("listen", house.public), ("admin.listen", house.admin)] {
        let told = format!("WRONG  {key}: something listens on {address}, and another installation of Portcullis");
        assert!(said.out.contains(&told) && !said.out.contains(&listens(address)), "{told}: {said:?}");
    }
    server.stop().await;
}

#[test]
fn the_doctor_says_what_to_do() {
    let house = house();
    house.user("alice", &[]);
    fs::set_permissions(house.file(), fs::Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(house.path("portcullis.db"), fs::Permissions::from_mode(0o644)).unwrap();
    let said = house.cli(&["doctor"]);
    assert_eq!((said.code, said.err.as_str()), (1, "3 things are wrong\n"), "{said:?}");
    let shown = |path: &Path| path.display().to_string();
    for words in [
        format!("chmod go-w {}", shown(&house.file())),
        format!("may read it (mode 0644); run: chmod o-rwx {}", shown(&house.path("portcullis.db"))),
        "http://127.0.0.1:1 takes no connection".to_owned(),
    ] {
        assert!(said.out.lines().any(|line| line.starts_with("WRONG  ") && line.contains(&words)), "{words}: {said:?}");
    }
}

#[test]
fn a_store_that_everybody_may_read_is_refused_with_its_mend() {
    let house = house();
    house.user("alice", &[]);
    let open_up = |name: &str, mode| {
        fs::set_permissions(house.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    open_up("portcullis.db", 0o644);
    for words in [&["run"][..], &["users", "list"], &["config", "check"]] {
        let why = house.cli(words).refused(1);
        let mend = format!("may read it (mode 0644); run: chmod o-rwx {}", house.path("portcullis.db").display());
        assert!(why.trim_end().ends_with(&mend), "{why}");
    }
    // Beside a process that has it open, what is written next stands beside it first.
    let held = rusqlite::Connection::open(house.path("portcullis.db")).unwrap();
    let count: i64 = held.query_row("SELECT count(*) FROM account", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
    open_up("portcullis.db", 0o600);
    open_up("portcullis.db-shm", 0o644);
    let why = house.cli(&["users", "list"]).refused(1);
    assert!(
        why.contains("-shm: everybody on this machine may read it") && why.trim_end().ends_with(".db-shm"),
        "{why}"
    );
    drop(held);
    open_up("portcullis.db", 0o644);
    let why = house.cli(&["users", "list"]).refused(1);
    let mend = why.trim_end().split("run: ").nth(1).unwrap();
    assert!(std::process::Command::new("sh").args(["-c", mend]).status().unwrap().success());
    assert!(house.cli(&["users", "list"]).ok().contains("alice"));
    open_up("portcullis.db", 0o660);
    assert!(
        house.cli(&["users", "list"]).ok().contains("alice"),
        "a group may: volumes of containers are given to one"
    );
}

#[test]
fn a_key_of_tls_that_everybody_may_read_is_refused_with_its_mend() {
    let (house, _shown) = Installation::over_tls("upstream: http://127.0.0.1:1\n");
    let key = house.path("tls.key");
    for (mode, code) in [(0o640, 0), (0o440, 0), (0o644, 2)] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let said = house.cli(&["config", "check"]);
        assert_eq!(said.code, code, "{said:?}");
        let mend = format!("may read it (mode 0644); run: chmod o-rwx {}", key.display());
        assert_eq!(said.err.contains(&mend), code == 2, "{said:?}");
    }
}

#[test]
fn a_password_that_travels_in_clear_is_told_and_not_shown() {
    let house = house();
    let text = fs::read_to_string(house.file()).unwrap();
    for (url, clear) in
        [("redis://alice:hunter2@redis.invalid/0", true), ("rediss://alice:hunter2@redis.invalid/0", false)]
    {
        fs::write(house.file(), text.replace("file:portcullis.db", url)).unwrap();
        let said = house.cli(&["doctor"]);
        let warned = "look   store: the password for redis.invalid travels in clear";
        assert_eq!(said.out.contains(warned), clear, "{said:?}");
        let shown = house.cli(&["config", "show"]).ok();
        assert!(shown.contains("alice:<redacted>@redis.invalid:6379/0"), "{shown}");
        assert!(house.cli(&["config", "check", "--file-only"]).ok().contains("no complaints"));
        let checked = house.cli(&["config", "check"]);
        for told in [&said.out, &said.err, &checked.out, &checked.err] {
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}

#[tokio::test]
async fn the_doctor_asks_the_running_server() {
    let house = Installation::before(App::ok().await.address);
    house.user("alice", &[]);
    assert!(!house.cli(&["doctor"]).ok().contains("server: "), "there is none");
    let server = house.run().await;
    let said = house.cli(&["doctor"]).ok();
    assert!(
        said.contains(&format!("ok     server: the one that runs says at {} that it is ready", house.admin)),
        "{said}"
    );
    let (place, aside) = (house.path("portcullis.db"), house.path("aside.db"));
    fs::rename(&place, &aside).unwrap();
    server.says("was replaced or deleted while it was in use").await;
    fs::rename(&aside, &place).unwrap();
    let said = house.cli(&["doctor"]);
    let wrong = said.out.lines().find(|line| line.starts_with("WRONG  server: ")).unwrap_or_default();
    assert!(wrong.contains("not ready: ") && wrong.ends_with("restart Portcullis"), "{said:?}");
    server.stop().await;
}

#[tokio::test]
async fn the_doctor_does_not_take_the_running_server_for_another_program() {
    let house = Installation::before(App::ok().await.address);
    house.user("alice", &[]);
    let server = house.run().await;
    let text = fs::read_to_string(house.file()).unwrap();
    let elsewhere = format!("127.0.0.1:{}", free_port());
    fs::write(house.file(), text.replace(&house.admin.to_string(), &elsewhere)).unwrap();
    let said = house.cli(&["doctor"]).ok();
    let listen = format!("look   listen: something listens on {}", house.public);
    let line = said.lines().find(|line| line.starts_with(&listen)).unwrap_or_default();
    assert!(line.contains("if it is the running Portcullis, all is well"), "{said}");
    assert!(!said.contains("end it"), "{said}");
    server.stop().await;
}

#[tokio::test]
async fn healthcheck_asks_the_running_server() {
    let house = Installation::before(App::ok().await.address);
    assert!(house.cli(&["healthcheck"]).refused(1).contains("no answer from"));
    let server = house.run().await;
    assert_eq!(house.cli(&["healthcheck"]).ok(), "ready\n");
    // The file may name another port by now, the server does not listen on it.
    let text = fs::read_to_string(house.file()).unwrap();
    let admin = format!("127.0.0.1:{}", free_port());
    fs::write(house.file(), text.replace(&house.admin.to_string(), &admin)).unwrap();
    server.child.signal("HUP");
    server.says("admin.listen changed: counts after a restart").await;
    server.says("Configuration reloaded").await;
    assert_eq!(server.admin("/readyz").await.unwrap().0, 200, "it stays where it was");
    let why = house.cli(&["healthcheck"]).refused(1);
    assert!(why.contains(&admin) && why.contains("started since admin.listen was changed"), "{why}");
    server.stop().await;
}

#[tokio::test]
async fn healthcheck_is_about_this_installation() {
    let house = Installation::before(App::ok().await.address);
    let server = house.run().await;
    let other = Installation::before(App::ok().await.address);
    let text = fs::read_to_string(other.file()).unwrap();
    fs::write(other.file(), text.replace(&other.admin.to_string(), &house.admin.to_string())).unwrap();
    assert_eq!(other.cli(&["healthcheck"]).ok(), "ready\n", "the same secret: a replica");
    fs::write(other.path("portcullis.secret"), "YW5vdGhlciBzZWNyZXQsIG5vdCBvZiB0aGUgZmlyc3Qgb25l\n").unwrap();
    let why = other.cli(&["healthcheck"]).refused(1);
    assert!(why.contains(&format!("another installation of Portcullis answers at {}", house.admin)), "{why}");
    assert_eq!(house.cli(&["healthcheck"]).ok(), "ready\n");
    server.stop().await;
}

#[tokio::test]
async fn a_mistake_in_the_file_does_not_make_a_server_unhealthy() {
    let house = Installation::before(App::ok().await.address);
    let server = house.run().await;
    let good = fs::read_to_string(house.file()).unwrap();
    for mistake in ["sessions: { idle_timeout: 7 d }\n", "upstraem: x\n", "secret_file: nowhere\n"] {
        fs::write(house.file(), format!("{good}{mistake}")).unwrap();
        let said = house.cli(&["healthcheck"]);
        assert_eq!((said.code, said.out.as_str()), (0, "ready\n"), "{mistake}: {said:?}");
        let note = "note: the configuration has a mistake; portcullis config check says which\n";
        assert_eq!(said.err, note, "{mistake}");
    }
    server.stop().await;
}

#[tokio::test]
async fn healthcheck_says_once_why_not() {
    let house = house();
    let answering = async |answer: &'static str| {
        let admin = tokio::net::TcpListener::bind(house.admin).await.unwrap();
        beside(async move {
            let (mut stream, _) = admin.accept().await.unwrap();
            crate::harness::read_request(&mut stream).await;
            tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes()).await.unwrap();
        });
        let folder = house.file();
        let checked = tokio::task::spawn_blocking(move || {
            let mut command = crate::harness::portcullis(folder.parent().unwrap());
            crate::harness::Said::by(command.arg("healthcheck"), "")
        });
        checked.await.unwrap()
    };
    let away = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 40\r\n\r\nnot ready: the store does not answer\n";
    let why = answering(away).await.refused(1);
    assert_eq!(why, "not ready: the store does not answer\n");
    let why = answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await.refused(1);
    assert!(why.contains("does not answer as Portcullis does: HTTP/1.1 404 Not Found"), "{why}");
}
