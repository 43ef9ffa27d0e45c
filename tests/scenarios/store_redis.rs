//! What only a store on a server can get wrong: acts that are broken off between two places, a server that is not fit, and
//! what it costs there.

use std::{sync::Arc, time::Duration};

use portcullis::{
    account::{AccountChange, AccountStore as _, HashCost, UserRecords},
    audit::{AuditStore as _, AuditTrailQuery, TrailOrder},
    clock::Clock,
    config::Config,
    id::UserId,
    server::{Components, Stores},
    session::{EndLog as _, EndReason, EndTarget, SessionStore},
    store::{
        Outbox as _, StoreHealth,
        embedded::EmbeddedStore,
        redis::{RedisRecords, RedisStore, RedisTarget},
    },
};

use crate::{
    redis_server::RedisServer,
    store_contract::fixtures::{DISABLE, account, at, audit_context, end_record, heartbeat, new_session},
};

/// A store whose records are in a file, so that either place can go away alone.
pub(crate) struct SplitStore {
    pub(crate) server: RedisServer,
    folder: tempfile::TempDir,
    pub(crate) store: RedisStore,
}

impl SplitStore {
    pub(crate) async fn new() -> Self {
        let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
        let records = EmbeddedStore::open_to_serve(&folder.path().join("records.db")).unwrap();
        let target = RedisTarget { timeout: Duration::from_millis(700), ..server.target() };
        let (store, _) = RedisStore::open(&target, Arc::new(records), &Clock::system()).await;
        Self { server, folder, store }
    }

    /// Somebody who has an account, and is signed in.
    pub(crate) async fn add_user_with_session(&self) -> (UserId, portcullis::session::NewSession) {
        let new = account(&format!("u{}", UserId::mint().bare()), None);
        self.store.add(&new, &audit_context(at(0))).await.unwrap();
        let generation = self.store.put_user_snapshot(&new.snapshot()).await.unwrap();
        let session = new_session(new.id, at(1), generation);
        self.store.open(session.clone()).await.unwrap();
        (new.id, session)
    }

    pub(crate) async fn audit_events(&self) -> Vec<&'static str> {
        let all = AuditTrailQuery { user: None, order: TrailOrder::OldestFirst, after: None, limit: usize::MAX };
        self.store.trail(&all).await.unwrap().entries.iter().map(|entry| entry.event.name()).collect()
    }

    /// Nobody can write into the records until what this gives is dropped.
    pub(crate) fn lock_records(&self) -> rusqlite::Connection {
        let other = rusqlite::Connection::open(self.folder.path().join("records.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        other
    }
}

#[tokio::test]
async fn an_end_that_the_journal_could_not_take_holds_and_is_told_later() {
    let split_store = SplitStore::new().await;
    let (alice, session) = split_store.add_user_with_session().await;
    let (before, mark) = (split_store.audit_events().await, split_store.store.end_log(None).await.unwrap().next);
    let held = split_store.lock_records();
    let ended = split_store.store.end(EndTarget::AllOf(alice), &end_record(EndReason::SignedOut, at(2))).await;
    assert!(ended.is_err(), "it is not reported done");
    assert!(split_store.store.find(session.session.id).await.unwrap().is_none(), "it never comes back");
    assert_eq!(
        split_store.store.end_log(Some(&mark)).await.unwrap().ended.len(),
        1,
        "its streams are cut all the same"
    );
    drop(held);
    assert_eq!(split_store.audit_events().await, before);
    assert_eq!(split_store.store.drain_outbox(at(3)).await.unwrap(), 0, "whoever acts may still be at it");
    assert_eq!(split_store.store.drain_outbox(at(60)).await.unwrap(), 1);
    assert_eq!(split_store.audit_events().await.len(), before.len() + 1);
    assert_eq!(split_store.store.drain_outbox(at(60)).await.unwrap(), 0, "once");
}

#[tokio::test]
async fn a_change_whose_consequences_were_broken_off_has_them_later() {
    let split_store = SplitStore::new().await;
    let (alice, session) = split_store.add_user_with_session().await;
    split_store.server.pause();
    assert!(split_store.store.change(alice, &DISABLE, &audit_context(at(2))).await.is_err(), "it is not reported done");
    split_store.server.resume();
    // It may have been done after all: what was sent before it froze is.
    wait_for_empty_outbox(&split_store).await;
    assert!(split_store.store.find(session.session.id).await.unwrap().is_none());
    let told = split_store.audit_events().await;
    let count = |name| told.iter().filter(|told| **told == name).count();
    assert_eq!((count("user_disabled"), count("session_ended")), (1, 1), "{told:?}");
    assert!(split_store.store.find(session.session.id).await.unwrap().is_none());
}

/// Until the connection is back, and there is nothing left to do.
async fn wait_for_empty_outbox(split_store: &SplitStore) {
    for _ in 0..200 {
        if let Ok(0) = split_store.store.drain_outbox(at(3_600)).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it does not come back");
}

#[tokio::test]
async fn a_consequence_is_done_once_however_often_it_is_tried() {
    let split_store = SplitStore::new().await;
    let (alice, _) = split_store.add_user_with_session().await;
    let held = split_store.lock_records();
    drop(held);
    split_store.store.change(alice, &DISABLE, &audit_context(at(2))).await.unwrap();
    split_store.store.change(alice, &AccountChange::Enable { reason: None }, &audit_context(at(3))).await.unwrap();
    let owner = UserRecords::get(&split_store.store, alice).await.unwrap().unwrap().snapshot();
    let generation = split_store.store.put_user_snapshot(&owner).await.unwrap();
    let again = new_session(alice, at(4), generation);
    split_store.store.open(again.clone()).await.unwrap();
    assert_eq!(split_store.store.drain_outbox(at(3_600)).await.unwrap(), 0);
    assert!(split_store.store.find(again.session.id).await.unwrap().is_some(), "who came in after it stays");
}

/// Waits until the store answers.
pub(crate) async fn wait_until_usable(store: &RedisStore) {
    for _ in 0..400 {
        if StoreHealth::ping(store).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{:?}", StoreHealth::ping(store).await);
}

#[tokio::test]
async fn sessions_of_other_accounts_are_found_out_whenever_the_connection_comes_about() {
    let server = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let records = |name: &str| Arc::new(EmbeddedStore::open(&folder.path().join(name)).unwrap());
    let open = async |name: &str| RedisStore::open(&server.target(), records(name), &Clock::system()).await.0;
    server.pause();
    let late = open("others.db").await;
    server.resume();
    let _: String = server.command(&["SET", "portcullis:{live}:records", "of somebody else"]);
    let id = new_session(UserId::mint(), at(1), 0).session.id;
    for _ in 0..400 {
        let told = late.find(id).await.map(|_| ()).unwrap_err().to_string();
        if told.contains("belong to other accounts") {
            break;
        }
        assert!(told.contains("does not answer") || told.contains("no connection"), "{told}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(late.find(id).await.unwrap_err().to_string().contains("belong to other accounts"));
    let _: String = server.command(&["FLUSHDB"]);
    wait_until_usable(&late).await;
    assert!(open("ours.db").await.find(id).await.is_err(), "the first that were brought count");
}

#[tokio::test]
async fn a_check_is_one_mget_and_a_session_is_below_a_kilobyte() {
    let server = RedisServer::start();
    let records = Arc::new(EmbeddedStore::in_memory().unwrap());
    let (store, _) = RedisStore::open(&server.target(), records, &Clock::system()).await;
    let used = || -> i64 {
        let info: String = server.command(&["INFO", "memory"]);
        info.lines().find_map(|line| line.strip_prefix("used_memory_dataset:")?.trim().parse().ok()).unwrap()
    };
    let (mut sessions, before) = (Vec::new(), used());
    for user in 0..200 {
        let owner = account(&format!("person{user}"), Some(&format!("person{user}@example.com"))).snapshot();
        let generation = store.put_user_snapshot(&owner).await.unwrap();
        for _ in 0..5 {
            let new = new_session(owner.id, at(1), generation);
            sessions.push(new.session.id);
            store.open(new).await.unwrap();
        }
    }
    store.touch(&sessions.iter().map(|id| heartbeat(*id, at(2))).collect::<Vec<_>>()).await.unwrap();
    let each = (used() - before) / i64::try_from(sessions.len()).unwrap();
    assert!((200..1_024).contains(&each), "{each} bytes a session");

    // The store looks at the server by itself every now and then: that is no MGET.
    let counted = || -> String { server.command(&["INFO", "commandstats"]) };
    let calls = |stats: &str, command: &str| -> u64 {
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    };
    let before = counted();
    for id in &sessions[..100] {
        assert!(store.find(*id).await.unwrap().is_some());
    }
    let after = counted();
    assert_eq!(calls(&after, "mget") - calls(&before, "mget"), 100);
    for other in ["get", "evalsha", "eval", "hget", "zscore", "scan", "keys"] {
        assert_eq!(calls(&after, other), calls(&before, other), "{other}");
    }
}

#[tokio::test]
async fn what_redis_forgets_of_scripts_is_not_noticed() {
    let split_store = SplitStore::new().await;
    let (alice, session) = split_store.add_user_with_session().await;
    let forget = || split_store.server.command::<String>(&["SCRIPT", "FLUSH"]);
    forget();
    split_store
        .store
        .touch(&[heartbeat(session.session.id, at(5)), heartbeat(session.session.id, at(6))])
        .await
        .unwrap();
    forget();
    split_store.store.open(new_session(alice, at(6), 0)).await.unwrap();
    forget();
    let ended = split_store.store.end(EndTarget::AllOf(alice), &end_record(EndReason::SignedOut, at(7))).await.unwrap();
    assert_eq!(ended.len(), 2);
    assert_eq!(ended.iter().map(|session| session.activity.last_seen).max(), Some(at(6)));
}

#[tokio::test]
async fn a_frozen_server_is_given_up_and_found_again() {
    let split_store = SplitStore::new().await;
    let (_, session) = split_store.add_user_with_session().await;
    let id = session.session.id;
    split_store.server.pause();
    let clock = Clock::system();
    for _ in 0..3 {
        assert!(split_store.store.find(id).await.is_err());
    }
    let watch = clock.stopwatch();
    for _ in 0..100 {
        assert!(split_store.store.find(id).await.is_err());
    }
    // Each would wait for its answer: a minute and more.
    assert!(watch.elapsed() < Duration::from_secs(20), "nobody waits for what has been given up");
    split_store.server.resume();
    let back = async {
        while split_store.store.find(id).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), back).await.expect("it is back by itself");
}

#[tokio::test]
async fn the_clock_goes_by_redis() {
    let server = RedisServer::start();
    let (records, clock) = (Arc::new(EmbeddedStore::in_memory().unwrap()), Clock::following());
    let (_store, _) = RedisStore::open(&server.target(), records, &clock).await;
    let (seconds, _): (i64, i64) = server.command(&["TIME"]);
    assert!((clock.now().as_seconds() - seconds).abs() <= 1);
}

#[tokio::test]
async fn what_ended_and_came_back_is_ended_again() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let server = RedisServer::start_with(&["--enable-debug-command", "yes", "--dir", dir]);
    let records = Arc::new(EmbeddedStore::in_memory().unwrap());
    let (store, _) = RedisStore::open(&server.target(), records, &Clock::system()).await;
    let store = Arc::new(store);
    let config = Config::demo("127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap());
    let parts = Components::new(&config, Stores::from_single(store.clone()), Clock::system(), HashCost::default());
    let (watch, _) = parts.revocation_tasks();
    watch.run_once().await;
    let owner = account("alice", None).snapshot();
    let generation = store.put_user_snapshot(&owner).await.unwrap();
    let [gone, stays] = [1, 2].map(|second| new_session(owner.id, at(second), generation));
    for new in [&gone, &stays] {
        store.open(new.clone()).await.unwrap();
    }
    // What a replica has that is promoted before it heard the last.
    let _: String = server.command(&["SAVE"]);
    let which = EndTarget::One { owner: owner.id, id: gone.session.id };
    store.end(which, &end_record(EndReason::SignedOut, at(3))).await.unwrap();
    watch.run_once().await;
    assert_eq!(parts.reapply_ends.run_once().await.unwrap(), 0, "there is no doubt");
    let _: String = server.command(&["DEBUG", "RELOAD", "NOSAVE"]);
    assert!(store.find(gone.session.id).await.unwrap().is_some(), "it is back");
    watch.run_once().await;
    assert_eq!(parts.reapply_ends.run_once().await.unwrap(), 1);
    assert!(store.find(gone.session.id).await.unwrap().is_none());
    assert!(store.find(stays.session.id).await.unwrap().is_some(), "nobody else is");
    assert_eq!(parts.reapply_ends.run_once().await.unwrap(), 0, "once");
}

#[tokio::test]
async fn a_full_server_lets_everybody_out_and_nobody_in() {
    let server = RedisServer::start();
    let records = Arc::new(RedisRecords::open(&server.target(), true).await.0);
    let (store, _) = RedisStore::open(&server.target(), records, &Clock::system()).await;
    let owner = account("alice", None);
    store.add(&owner, &audit_context(at(0))).await.unwrap();
    let generation = store.put_user_snapshot(&owner.snapshot()).await.unwrap();
    let [one, other, third] = [1, 2, 3].map(|second| new_session(owner.id, at(second), generation));
    store.open(one.clone()).await.unwrap();
    store.open(other.clone()).await.unwrap();
    let mark = store.end_log(None).await.unwrap().next;
    let _: String = server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    assert!(store.open(third.clone()).await.is_err());
    let which = EndTarget::One { owner: owner.id, id: one.session.id };
    assert_eq!(store.end(which, &end_record(EndReason::SignedOut, at(4))).await.unwrap().len(), 1);
    let disabled =
        store.change(owner.id, &DISABLE, &audit_context(at(5))).await.unwrap().value.expect("there is such an account");
    assert_eq!(disabled.ended.len(), 1);
    store.ping().await.unwrap();
    let _: String = server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(store.end_log(Some(&mark)).await.unwrap().ended.len(), 2);
    let all = AuditTrailQuery { user: None, order: TrailOrder::OldestFirst, after: None, limit: usize::MAX };
    let told: Vec<_> = store.trail(&all).await.unwrap().entries.iter().map(|entry| entry.event.name()).collect();
    assert_eq!(told, ["user_added", "signed_in", "signed_in", "session_ended", "user_disabled", "session_ended"]);
    assert!(store.find(third.session.id).await.unwrap().is_none(), "what was refused was not done");
    assert_eq!(store.drain_outbox(at(3_600)).await.unwrap(), 0);
}

#[tokio::test]
async fn an_act_that_waits_for_replicas_that_are_not_there_holds_nothing_else_up() {
    let server = RedisServer::start();
    let records = Arc::new(EmbeddedStore::in_memory().unwrap());
    let target = RedisTarget { wait_replicas: 1, timeout: Duration::from_secs(4), ..server.target() };
    let (store, _) = RedisStore::open(&target, records, &Clock::system()).await;
    let owner = account("alice", None).snapshot();
    let generation = store.put_user_snapshot(&owner).await.unwrap();
    let new = new_session(owner.id, at(1), generation);
    let mark = store.end_log(None).await.unwrap().next;
    let look = async {
        // WAIT holds up whoever shares its connection, for two seconds.
        while !server.command::<String>(&["INFO", "clients"]).contains("blocked_clients:1") {
            tokio::task::yield_now().await;
        }
        tokio::time::timeout(Duration::from_millis(1_500), store.end_log(Some(&mark))).await
    };
    let (opened, looked) = tokio::join!(store.open(new.clone()), look);
    assert!(opened.unwrap_err().to_string().contains("0 of 1 Redis replicas have confirmed it"));
    looked.expect("nobody waits behind it").unwrap();
    assert!(store.find(new.session.id).await.unwrap().is_none(), "nobody holds its secret: it is taken back");
}
