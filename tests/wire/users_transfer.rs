//! Accounts in a file, from the embedded store to Redis, by the command line.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use crate::harness::{App, Installation, Redis, StoreKind};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_moves_to_redis_signs_in_there() {
    let app = App::ok().await;
    let house = Installation::before(app.address);
    house.user("alice", &["--role", "admin"]);
    house.cli(&["users", "add", "bob"]).ok();
    house.cli(&["users", "disable", "bob", "--reason", "a test"]).ok();
    house.cli(&["users", "export", "users.json", "--with-roles"]).ok();
    let file = house.path("users.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    house.cli(&["users", "export", "users.json"]).refused(1);
    let before = house.cli(&["users", "list", "--json"]).json();

    let redis = Redis::start().await;
    let [StoreKind::Redis { url }] = &redis.stores(1)[..] else { panic!("it is a Redis") };
    let text = fs::read_to_string(house.file()).unwrap().replace("file:portcullis.db", url);
    fs::write(house.file(), text).unwrap();
    let import = ["users", "import", "users.json", "--with-roles"];
    let dry = house.cli(&[&import[..], &["--dry-run"]].concat()).ok();
    assert!(dry.contains("Would import 2 users; 0 are there already; 0 conflicts"), "{dry}");
    assert_eq!(house.cli(&["users", "list", "--json"]).json()["items"], json!([]));
    house.cli(&import).ok();
    assert_eq!(house.cli(&["users", "list", "--json"]).json(), before);
    let again = house.cli(&import).ok();
    assert!(again.contains("Imported 0 users; 2 are there already"), "{again}");
    let trail = house.cli(&["audit", "tail", "--json"]).json();
    assert_eq!(trail["items"][0]["action"], "user_imported");
    let running = house.run().await;
    house.signed_in("alice").await;
    drop(running);

    house.cli(&["users", "enable", "bob", "--reason", "a test"]).ok();
    let said = house.cli(&import);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("bob") && said.err.contains("the file differs in disabled"), "{said:?}");
}

#[test]
fn a_file_that_will_not_do_changes_nothing() {
    let house = Installation::with("upstream: http://127.0.0.1:1\n");
    house.user("alice", &[]);
    house.cli(&["users", "export", "users.json"]).ok();
    let file = house.path("users.json");
    let good: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    house.cli(&["users", "remove", "alice"]).ok();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut whole = good.clone();
        change(&mut whole);
        fs::write(&file, whole.to_string()).unwrap();
        house.cli(&["users", "import", "users.json"]).refused(1)
    };
    for (change, why) in [
        ((&|it: &mut Value| it["version"] = json!(2)) as &dyn Fn(&mut Value), "version 2 is newer than 1"),
        (&|it| it["format"] = json!("other"), "is not \"portcullis-users\""),
        (&|it| it["users"][0]["password"] = json!("$1$abc"), "users[0]: the password is no argon2 hash"),
        (&|it| it["users"][0]["name"] = json!("a,b"), "users[0]: the name \"a,b\""),
        (&|it| it["users"][0]["sudo"] = json!(true), "unknown field `sudo`"),
    ] {
        let said = with(change);
        assert!(said.contains(why), "{said}");
    }
    fs::write(&file, good.to_string()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let said = house.cli(&["users", "import", "users.json"]).refused(1);
    assert!(said.contains("chmod 600 users.json"), "{said}");
    assert_eq!(house.cli(&["users", "list", "--json"]).json()["items"], json!([]));
}
