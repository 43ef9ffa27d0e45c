//! A store that another process holds, and one that was taken away from under the server.

use std::{fs, thread, time::Duration};

use rusqlite::Connection;
use tokio::time::{sleep, timeout};

use crate::harness::{App, Installation, PASSWORD, Person, Running, until};

/// What a request may wait for the store is 800 ms; the rest is for a machine that is busy with other tests.
const IN_TIME: Duration = Duration::from_millis(1_300);

fn guarded(app: &App) -> Installation {
    let house = Installation::with(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes:\n- {{ path: /public, access: public, upstream: app }}\n\
         - {{ path: /, access: signed_in, upstream: app }}\n",
        app.address
    ));
    house.user("alice", &[]);
    house
}

/// Holds the write lock until it is dropped.
pub(super) fn held(house: &Installation) -> Connection {
    let connection = Connection::open(house.path("portcullis.db")).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[tokio::test]
async fn a_store_that_another_process_holds_is_an_outage_in_time() {
    let app = App::ok().await;
    let house = guarded(&app);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    let holder = held(&house);
    for _ in 0..3 {
        let newcomer = house.person();
        let asking = newcomer.try_to_sign_in("alice", PASSWORD);
        assert_eq!(timeout(IN_TIME, asking).await.expect("an answer in time").status(), 503);
        assert_eq!(alice.status("/x").await, 200, "what only looks goes on");
    }
    let (status, why) = server.admin("/readyz").await.unwrap();
    assert_eq!(status, 503);
    assert!(why.starts_with("not ready: ") && why.contains("locked"), "{why}");
    drop(holder);
    assert_eq!(house.person().try_to_sign_in("alice", PASSWORD).await.status(), 200);
    until("the server to be ready", async || (server.admin("/readyz").await?.0 == 200).then_some(())).await;
}

#[tokio::test]
async fn who_holds_it_for_a_moment_costs_nobody_anything() {
    let app = App::ok().await;
    let house = guarded(&app);
    let _server = house.run().await;
    for _ in 0..3 {
        let holder = held(&house);
        let newcomer = house.person();
        let (answer, ()) = tokio::join!(newcomer.try_to_sign_in("alice", PASSWORD), async {
            sleep(Duration::from_millis(300)).await;
            drop(holder);
        });
        assert_eq!(answer.status(), 200);
    }
}

#[tokio::test]
async fn the_command_line_waits_longer_than_a_request() {
    let app = App::ok().await;
    let house = guarded(&app);
    let _server = house.run().await;
    let holder = held(&house);
    let release = thread::spawn(move || {
        thread::sleep(Duration::from_millis(1_500));
        drop(holder);
    });
    house.user("bob", &[]);
    release.join().unwrap();
    house.signed_in("bob").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_gets_its_turn_beside_a_busy_server() {
    let app = App::ok().await;
    let house = guarded(&app);
    let _server = house.run().await;
    let people = [(); 4].map(|()| house.person());
    let done = std::sync::atomic::AtomicBool::new(false);
    let load = futures_util::future::join_all(people.iter().map(async |person| {
        while !done.load(std::sync::atomic::Ordering::SeqCst) {
            person.sign_in("alice").await;
        }
    }));
    let commands = async {
        for name in ["bob", "carol", "dave"] {
            tokio::task::block_in_place(|| house.user(name, &[]));
            tokio::task::block_in_place(|| house.cli(&["users", "disable", name, "--reason", "left"]).ok());
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
    };
    tokio::join!(load, commands);
}

#[tokio::test]
async fn a_store_that_was_replaced_or_deleted_is_away_until_a_restart() {
    for replaced in [false, true] {
        let app = App::ok().await;
        let house = guarded(&app);
        let server = house.run().await;
        let alice = house.signed_in("alice").await;
        let (place, aside) = (house.path("portcullis.db"), house.path("aside.db"));
        fs::rename(&place, &aside).unwrap();
        if replaced {
            fs::copy(&aside, &place).unwrap();
        }
        until("protected routes to close", async || (alice.status("/x").await == 503).then_some(())).await;
        assert_eq!(house.person().status("/public").await, 200);
        assert_eq!(house.person().try_to_sign_in("alice", PASSWORD).await.status(), 503);
        let line = server.says("was replaced or deleted while it was in use; restart Portcullis").await;
        assert_eq!(line["level"], "ERROR");
        let (status, why) = server.admin("/readyz").await.unwrap();
        assert_eq!(status, 503);
        assert!(why.contains("was replaced or deleted while it was in use; restart Portcullis"), "{why}");
        assert!(server.metric("portcullis_store_up").await < 0.1);

        fs::rename(&aside, &place).unwrap();
        assert_eq!(server.admin("/readyz").await.unwrap().0, 503, "what happened meanwhile is not known");
        assert_eq!(alice.status("/x").await, 503);
        server.stop().await;
        let _server = house.run().await;
        assert_eq!(alice.status("/x").await, 200);
    }
}

/// Protected routes close and stay closed, and log and readiness say these words.
async fn lost(house: &Installation, server: &Running, person: &Person, words: &str) {
    until("protected routes to close", async || (person.status("/x").await == 503).then_some(())).await;
    assert_eq!(house.person().status("/public").await, 200);
    assert_eq!(server.says(words).await["level"], "ERROR");
    let (status, why) = server.admin("/readyz").await.unwrap();
    assert!(status == 503 && why.contains(words), "{status}: {why}");
}

#[tokio::test]
async fn a_store_that_loses_a_file_beside_it_is_away_until_a_restart() {
    for end in ["-wal", "-shm"] {
        let app = App::ok().await;
        let house = guarded(&app);
        let server = house.run().await;
        let alice = house.signed_in("alice").await;
        let name = format!("portcullis.db{end}");
        fs::rename(house.path(&name), house.path("aside")).unwrap();
        let words = format!("{name} was replaced or deleted while it was in use; restart Portcullis");
        lost(&house, &server, &alice, &words).await;
        fs::rename(house.path("aside"), house.path(&name)).unwrap();
        assert_eq!(server.admin("/readyz").await.unwrap().0, 503, "what happened meanwhile is not known");
        server.stop().await;
        let _server = house.run().await;
        assert_eq!(alice.status("/x").await, 200);
    }
}

#[tokio::test]
async fn a_store_that_went_back_is_away_until_a_restart() {
    let app = App::ok().await;
    let house = guarded(&app);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    server.admin("/readyz").await.unwrap();
    let other = Connection::open(house.path("portcullis.db")).unwrap();
    other.execute_batch("UPDATE sqlite_sequence SET seq = seq - 1 WHERE name = 'journal'").unwrap();
    lost(&house, &server, &alice, "went back to an older state while it was in use; restart Portcullis").await;
    server.stop().await;
    let _server = house.run().await;
    assert_eq!(alice.status("/x").await, 200);
}

#[tokio::test]
async fn what_is_done_to_the_file_by_the_rules_loses_nothing() {
    let app = App::ok().await;
    let house = guarded(&app);
    // What a crash left in the log counts as well.
    house.run().await.kill().await;
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    for turn in 0..3 {
        for sql in ["PRAGMA wal_checkpoint(PASSIVE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)", "ANALYZE"] {
            let other = Connection::open(house.path("portcullis.db")).unwrap();
            other.busy_timeout(Duration::from_secs(5)).unwrap();
            let mut statement = other.prepare(sql).unwrap();
            let mut rows = statement.query([]).unwrap();
            while rows.next().unwrap().is_some() {}
            drop(rows);
            assert_eq!(server.admin("/readyz").await.unwrap(), (200, "ready\n".to_owned()), "{sql}");
        }
        house.user(&format!("bob{turn}"), &[]);
        assert_eq!(server.admin("/readyz").await.unwrap(), (200, "ready\n".to_owned()));
    }
    assert_eq!(alice.status("/x").await, 200);
}
