//! `portcullis audit`: the operator reads what happened.

use serde_json::Value;

use crate::harness::{App, Installation};

#[tokio::test]
async fn the_trail_tells_who_did_what_to_whom_from_where_and_why() {
    let house = Installation::before(App::ok().await.address);
    house.user("alice", &["--role", "editor"]);
    house.user("bob", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    let session = alice.session().await;
    assert_eq!(house.person().try_to_sign_in("bob", "Wrong-horse-7-battery").await.status(), 401);
    house.cli(&["sessions", "revoke", "--user", "alice", "--reason", "lost laptop"]).ok();

    let tail = house.cli(&["audit", "tail", "--user", "alice", "--json"]).json();
    let items = tail["items"].as_array().unwrap();
    let told: Vec<&str> = items.iter().map(|item| item["action"].as_str().unwrap()).collect();
    assert_eq!(told, ["user_added", "password_set", "signed_in", "session_ended"], "the newest last");
    let [.., signed_in, ended] = items.as_slice() else { panic!("{tail}") };
    assert_eq!((&signed_in["user"]["name"], &signed_in["ip"]), (&"alice".into(), &"127.0.0.1".into()));
    assert_eq!((&signed_in["session"], &signed_in["device"]), (&session.as_str().into(), &"Chrome on macOS".into()));
    assert_eq!((&ended["actor"]["kind"], &ended["session"]), (&"operator".into(), &session.as_str().into()));
    assert_eq!(
        (&ended["reason"], &ended["details"]["ending"]["how"]),
        (&"lost laptop".into(), &"by_administrator".into())
    );
    assert!(ended["id"].as_str().unwrap().starts_with("evt_") && ended["at"].as_str().unwrap().ends_with('Z'));

    let table = house.cli(&["audit", "tail"]).ok();
    let row = |words: &[&str]| table.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(table.starts_with("WHEN ") && table.lines().count() == 8, "{table}");
    assert!(row(&["operator", "alice", "session ended (by administrator)", &session, "lost laptop"]), "{table}");
    assert!(
        row(&["visitor", "bob", "sign in failed (password, wrong password)", "127.0.0.1, Chrome on macOS"]),
        "{table}"
    );
    let last = house.cli(&["audit", "tail", "--limit", "1"]).ok();
    assert!(last.lines().count() == 2 && last.contains("lost laptop"), "{last}");

    // Who was removed has no name any more; what they did stays.
    let id = signed_in["user"]["id"].as_str().unwrap();
    house.cli(&["users", "remove", "alice"]).ok();
    let removed = house.cli(&["audit", "tail", "--user", id, "--json"]).json();
    assert_eq!(removed["items"][0]["user"], serde_json::json!({ "id": id, "name": null }));
    house.cli(&["audit", "tail", "--user", "alice"]).refused(1);
    house.cli(&["audit", "tail", "--limit", "0"]).refused(2);
    server.stop().await;
}

#[test]
fn the_export_is_a_line_of_json_for_each_entry() {
    let house = Installation::with("upstream: http://127.0.0.1:1\n");
    for name in ["alice", "bob"] {
        house.user(name, &[]);
        for role in ["a", "b", "c"] {
            house.cli(&["users", "roles", name, role]).ok();
        }
    }
    let export = house.cli(&["audit", "export"]).ok();
    let entries: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries.len(), 10);
    assert_eq!((&entries[0]["action"], &entries[0]["user"]["name"]), (&"user_added".into(), &"alice".into()));
    assert_eq!(entries[9]["details"]["roles"][0], "c");
    assert_eq!(house.cli(&["audit", "export", "--user", "bob"]).ok().lines().count(), 5);
}

#[tokio::test]
async fn a_journal_that_fills_up_is_told_before_it_is_full() {
    let house = Installation::with("upstream: http://127.0.0.1:1\naudit: { max_entries: 1000 }\n");
    house.user("alice", &[]);
    let acts = r#"
        INSERT INTO journal (id, at, user, fact, sign_in, body)
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 850)
        SELECT 'evt_' || printf('%013d', i), unixepoch() * 1000, NULL, 'users_exported', NULL,
               '{"actor":"operator","ip":null,"device":null,"fact":{"fact":"users_exported","users":1}}' FROM n"#;
    rusqlite::Connection::open(house.path("portcullis.db")).unwrap().execute_batch(acts).unwrap();
    let server = house.run().await;
    let told = server.says("Journal is nearly full").await;
    assert_eq!((&told["level"], &told["most"]), (&"WARN".into(), &1_000.into()), "{told}");
    server.metric_becomes("portcullis_audit_max_entries", 1_000.0).await;
    assert!(server.metric("portcullis_audit_entries").await > 850.0);
    server.stop().await;
    assert_eq!(house.cli(&["audit", "export"]).ok().matches("users_exported").count(), 850, "acts stay");
}

#[tokio::test]
async fn failed_sign_ins_are_dropped_only_after_a_warning() {
    for failed in [650_u32, 900] {
        let house = Installation::with("upstream: http://127.0.0.1:1\naudit: { max_entries: 1000 }\n");
        house.user("alice", &[]);
        let sql = r#"
            INSERT INTO journal (id, at, user, fact, sign_in, body)
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
            SELECT 'evt_' || printf('%013d', i), unixepoch() * 1000, NULL, 'sign_in_failed', 'failed',
                   '{"actor":"visitor","ip":null,"device":null,
                     "fact":{"fact":"sign_in_failed","step":"password","why":"unknown_user"}}' FROM n"#;
        rusqlite::Connection::open(house.path("portcullis.db")).unwrap().execute(sql, [failed]).unwrap();
        let server = house.run().await;
        let told = server.says("Journal is nearly full").await;
        assert_eq!((&told["level"], &told["failed"]), (&"WARN".into(), &failed.into()), "{told}");
        if failed > 750 {
            let dropped = server.says("Failed sign-ins dropped").await;
            assert_eq!(dropped["entries"], failed - 750, "{dropped}");
        }
        server.stop().await;
        assert_eq!(house.cli(&["audit", "export"]).ok().matches("sign_in_failed").count(), failed.min(750) as usize);
    }
}
