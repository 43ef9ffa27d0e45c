//! Records on a server: what only that can get wrong. What every keeper of records does is in `store_contract`.

use std::time::Duration;

use portcullis::{
    account::{
        Account, AccountChange, AccountCommand, AddResult, DeviceRecords as _, Email, LinkRecords as _,
        PasswordRecords as _, PasswordUpdate, RecordUpkeep as _, UserRecords as _,
    },
    audit::{AuditStore as _, AuditTrailQuery, LoginHistoryQuery, TrailOrder},
    clock::Clock,
    store::{
        RecordStore as _, StoreHealth as _,
        redis::{RedisRecords, RedisTarget},
    },
    store_error::StoreError,
};

use crate::{
    redis_server::RedisServer,
    store_contract::fixtures::{DISABLE, account, at, audit_context, digest, password_hash},
};

async fn open(target: &RedisTarget) -> RedisRecords {
    RedisRecords::open(target, true).await.0
}

async fn new_records() -> (RedisServer, RedisRecords) {
    let server = RedisServer::start();
    let records = open(&server.target()).await;
    (server, records)
}

async fn add_account(records: &RedisRecords, name: &str) -> Account {
    let new = Account { email: Some(Email::new(&format!("{name}@example.com")).unwrap()), ..account(name, None) };
    assert_eq!(records.add(&new, &audit_context(at(0))).await.unwrap(), AddResult::Added);
    new
}

async fn audit_count(records: &RedisRecords) -> usize {
    let all = AuditTrailQuery { user: None, order: TrailOrder::OldestFirst, after: None, limit: usize::MAX };
    records.trail(&all).await.unwrap().entries.len()
}

fn keys(server: &RedisServer) -> Vec<String> {
    let mut keys: Vec<String> = server.command(&["KEYS", "*"]);
    keys.sort();
    keys
}

#[tokio::test]
async fn what_is_removed_and_forgotten_leaves_nothing() {
    let (server, records) = new_records().await;
    let alice = add_account(&records, "alice").await.id;
    records
        .apply_deferred(
            &AccountCommand::Password(alice, PasswordUpdate::Set(password_hash("a"))),
            &audit_context(at(1)),
        )
        .await
        .unwrap()
        .unwrap();
    records.put_link(alice, digest(), at(100), &audit_context(at(2))).await.unwrap();
    records.put_link(alice, digest(), at(100), &audit_context(at(2))).await.unwrap();
    records.register_device(alice, None, digest(), 20, at(2)).await.unwrap();
    records
        .record(&[audit_context(at(3)).entry(Some(alice), portcullis::audit::AuditEvent::PasswordChangeFailed)])
        .await
        .unwrap();
    assert_eq!(keys(&server).len(), 17, "everything that there can be, of one user");
    records
        .apply_deferred(&AccountCommand::Change(alice, AccountChange::Remove), &audit_context(at(4)))
        .await
        .unwrap()
        .unwrap();
    for open in records.pending_effects(at(5)).await.unwrap() {
        records.mark_done(open.id).await.unwrap();
    }
    records.delete_before(at(5)).await.unwrap();
    let left = ["portcullis:{records}:journal-places", "portcullis:{records}:login-rule"];
    assert_eq!(keys(&server), left, "so that no place is given twice, and no name is looked through twice");
}

#[tokio::test]
async fn a_long_list_is_whole_and_in_order() {
    let (_server, records) = new_records().await;
    let names: Vec<String> = (0..1_003).map(|number| format!("u{}", (number * 7_919) % 10_007)).collect();
    for name in &names {
        assert_eq!(records.add(&account(name, None), &audit_context(at(0))).await.unwrap(), AddResult::Added);
    }
    let mut sorted = names;
    sorted.sort();
    let listed = records.list().await.unwrap();
    assert_eq!(listed.iter().map(|account| account.name.to_string()).collect::<Vec<_>>(), sorted);
}

#[tokio::test]
async fn devices_of_many_accounts_are_forgotten_by_age() {
    let (server, records) = new_records().await;
    let mut last = None;
    for number in 0..450 {
        let one = add_account(&records, &format!("u{number}")).await.id;
        records.register_device(one, None, digest(), 20, at(1)).await.unwrap();
        last = Some((one, records.register_device(one, None, digest(), 20, at(9)).await.unwrap().id));
    }
    records.forget_devices(at(9)).await.unwrap();
    let (one, kept) = last.unwrap();
    assert_eq!(records.device_ids(one).await.unwrap(), [kept]);
    assert_eq!(server.command::<usize>(&["HLEN", "portcullis:{records}:devices"]), 450);
    records.forget_devices(at(10)).await.unwrap();
    assert_eq!(server.command::<usize>(&["HLEN", "portcullis:{records}:devices"]), 0);
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_and_never_none() {
    let (server, records) = new_records().await;
    let alice = add_account(&records, "alice").await.id;
    let link = digest();
    records.put_link(alice, link, at(100), &audit_context(at(0))).await.unwrap();
    records.register_device(alice, None, digest(), 20, at(1)).await.unwrap();
    let spoil =
        |key: &str| server.command::<i64>(&["HSET", &format!("portcullis:{{records}}:{key}"), &alice.bare(), "{}"]);
    spoil("devices");
    assert!(matches!(records.device_ids(alice).await, Err(StoreError::Unreadable(_))));
    spoil("accounts");
    assert!(matches!(records.get(alice).await, Err(StoreError::Unreadable(_))));
    assert!(matches!(records.by_key("alice").await, Err(StoreError::Unreadable(_))));
    assert!(matches!(records.list().await, Err(StoreError::Unreadable(_))));
    assert!(matches!(records.link_user(link, at(1)).await, Err(StoreError::Unreadable(_))));
    let disable = AccountCommand::Change(alice, DISABLE);
    assert!(matches!(records.apply_deferred(&disable, &audit_context(at(1))).await, Err(StoreError::Unreadable(_))));

    let bob = add_account(&records, "bob").await.id;
    let disable = AccountCommand::Change(bob, DISABLE);
    let first = records.apply_deferred(&disable, &audit_context(at(1))).await.unwrap().unwrap().effects.id.to_string();
    let second = records.apply_deferred(&disable, &audit_context(at(1))).await.unwrap().unwrap().effects.id;
    server.command::<i64>(&["HSET", "portcullis:{records}:consequences", &first, "{}"]);
    let open = records.pending_effects(at(2)).await.unwrap();
    assert_eq!(open.iter().map(|left| left.id).collect::<Vec<_>>(), [second], "one keeps no other from being done");
}

#[tokio::test]
async fn what_cannot_be_read_keeps_nothing_else_from_being_moved_back() {
    let (server, records) = new_records().await;
    let alice = add_account(&records, "alice").await.id;
    let link = digest();
    records.put_link(alice, link, at(1_000), &audit_context(at(0))).await.unwrap();
    records.register_device(alice, None, digest(), 20, at(1_000)).await.unwrap();
    for key in ["devices", "links"] {
        let key = format!("portcullis:{{records}}:{key}");
        server.command::<i64>(&["HSET", &key, "zzz", "broken"]);
        server.command::<i64>(&["EVAL", "return redis.call('HSET', KEYS[1], 'yyy', '\\255')", "1", &key]);
    }
    for _ in 0..2 {
        records.clamp(at(0), at(100)).await.unwrap();
    }
    assert!(records.link_user(link, at(99)).await.unwrap().is_some());
    assert_eq!(records.link_user(link, at(101)).await.unwrap(), None);
    records.forget_devices(at(1)).await.unwrap();
    assert_eq!(records.device_ids(alice).await.unwrap(), []);
    assert_eq!(server.command::<usize>(&["HLEN", "portcullis:{records}:devices"]), 2, "what cannot be read is left");
}

#[tokio::test]
async fn an_entry_that_is_no_text_is_dropped_by_age_all_the_same() {
    let (server, records) = new_records().await;
    let alice = add_account(&records, "alice").await.id;
    let failed = audit_context(at(1)).entry(Some(alice), portcullis::audit::AuditEvent::PasswordChangeFailed);
    records.record(std::slice::from_ref(&failed)).await.unwrap();
    let spoil =
        "local was = redis.call('HGET', KEYS[1], ARGV[1]); return redis.call('HSET', KEYS[1], ARGV[1], was .. '\\255')";
    server.command::<i64>(&["EVAL", spoil, "1", "portcullis:{records}:journal", &failed.id.to_string()]);
    records.delete_unknown_before(at(2)).await.unwrap();
    records.delete_before(at(2)).await.unwrap();
    let left = keys(&server);
    assert!(!left.iter().any(|key| key.contains("sign-ins") || key.contains("trail")), "{left:?}");
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_dropped_by_age_all_the_same() {
    let (server, records) = new_records().await;
    let alice = add_account(&records, "alice").await.id;
    let failed = audit_context(at(1)).entry(Some(alice), portcullis::audit::AuditEvent::PasswordChangeFailed);
    records.record(std::slice::from_ref(&failed)).await.unwrap();
    let entry = || server.command::<String>(&["HGET", "portcullis:{records}:journal", &failed.id.to_string()]);
    let spoiled = entry().split_once('\n').unwrap().0.to_owned() + "\n{}";
    server.command::<i64>(&["HSET", "portcullis:{records}:journal", &failed.id.to_string(), &spoiled]);
    let history = LoginHistoryQuery { user: alice, outcome: None, after: None, limit: 9 };
    assert!(matches!(records.login_history(&history).await, Err(StoreError::Unreadable(_))));
    records.delete_before(at(2)).await.unwrap();
    assert!(records.login_history(&history).await.unwrap().entries.is_empty());
    let left = keys(&server);
    assert!(!left.iter().any(|key| key.contains("sign-ins") || key.contains("trail")), "{left:?}");
}

#[tokio::test]
async fn failed_sign_ins_from_before_their_lists_are_found() {
    let (server, records) = new_records().await;
    let alice = add_account(&records, "alice").await.id;
    let reason = portcullis::audit::SignInFailure::WrongPassword;
    let failed =
        portcullis::audit::AuditEvent::SignInFailed { step: portcullis::session::AuthMethod::Password, reason };
    for user in [None, Some(alice)] {
        records.record(&[audit_context(at(1)).entry(user, failed.clone())]).await.unwrap();
    }
    for list in ["journal-unknown", "journal-failed"] {
        assert_eq!(
            server.command::<i64>(&["DEL", &format!("portcullis:{{records}}:{list}")]),
            1,
            "as an older version had it"
        );
    }
    records.delete_unknown_before(at(1)).await.unwrap();
    assert_eq!(records.size().await.unwrap().failed, 2);
    records.delete_unknown_before(at(2)).await.unwrap();
    assert_eq!(records.size().await.unwrap().failed, 1);
    // During a rolling upgrade an older one goes on writing, beside one that has sorted them.
    let now = portcullis::clock::Clock::system().now();
    records.record(&[audit_context(now).entry(Some(alice), failed)]).await.unwrap();
    server.command::<i64>(&["DEL", "portcullis:{records}:journal-failed"]);
    records.delete_unknown_before(at(2)).await.unwrap();
    assert_eq!(records.size().await.unwrap().failed, 1);
    assert_eq!(records.delete_failed(9).await.unwrap(), 1);
}

#[tokio::test]
async fn a_server_that_has_forgotten_the_scripts_is_told_them_again() {
    let (server, records) = new_records().await;
    let forget = || server.command::<()>(&["SCRIPT", "FLUSH"]);
    forget();
    let alice = add_account(&records, "alice").await.id;
    forget();
    records
        .apply_deferred(&AccountCommand::Change(alice, AccountChange::Enable { reason: None }), &audit_context(at(1)))
        .await
        .unwrap()
        .expect("it is there");
    forget();
    assert!(records.by_key("alice").await.unwrap().is_some());
    assert_eq!((audit_count(&records).await, records.pending_effects(at(9)).await.unwrap().len()), (2, 1), "each once");
}

#[tokio::test]
async fn what_a_full_server_cannot_take_is_not_done_in_part() {
    let (server, records) = new_records().await;
    let alice = add_account(&records, "alice").await;
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    for refused in [
        records.add(&account("bob", None), &audit_context(at(1))).await.map(drop),
        records.put_link(alice.id, digest(), at(9), &audit_context(at(1))).await.map(drop),
    ] {
        assert!(refused.unwrap_err().to_string().contains("has reached its maxmemory"));
    }
    records.ping().await.expect("who is there can still be told");
    assert_eq!(records.list().await.unwrap(), std::slice::from_ref(&alice));
    assert_eq!((audit_count(&records).await, records.pending_effects(at(9)).await.unwrap().len()), (1, 0));
    // What takes rights away is possible all the same, and done to the end.
    records
        .apply_deferred(&AccountCommand::Change(alice.id, AccountChange::Remove), &audit_context(at(1)))
        .await
        .unwrap()
        .expect("it was there");
    assert_eq!((audit_count(&records).await, records.pending_effects(at(9)).await.unwrap().len()), (2, 1));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_an_outage_in_time_and_no_error_repeats_what_was_sent() {
    let server = RedisServer::start();
    let timeout = Duration::from_millis(700);
    let records = open(&RedisTarget { timeout, ..server.target() }).await;
    let alice = add_account(&records, "alice").await.id;
    let new = AccountCommand::Password(alice, PasswordUpdate::Set(password_hash("hunter2")));
    let secret = |error: &StoreError| {
        let told = format!("{error} {error:?}");
        assert!(!told.contains("hunter2") && !told.contains("alice"), "{told}");
    };
    server.pause();
    let begun = Clock::system().stopwatch();
    secret(&records.apply_deferred(&new, &audit_context(at(1))).await.expect_err("it says nothing"));
    assert!(begun.elapsed() < timeout + Duration::from_millis(200));
    secret(
        &records.rehash(alice, &password_hash("hunter2"), &password_hash("hunter2")).await.expect_err("nor to this"),
    );
    server.resume();
    for key in ["accounts", "passwords", "journal"] {
        server.command::<i64>(&["DEL", &format!("portcullis:{{records}}:{key}")]);
        server.command::<()>(&["SET", &format!("portcullis:{{records}}:{key}"), "hunter2"]);
    }
    secret(
        &records.rehash(alice, &password_hash("hunter2"), &password_hash("hunter2")).await.expect_err("it is no hash"),
    );
    secret(&records.add(&account("alice", None), &audit_context(at(1))).await.expect_err("they are no accounts"));
    drop(server);
    secret(&records.apply_deferred(&new, &audit_context(at(1))).await.expect_err("it is gone"));
}

#[tokio::test]
async fn where_the_operator_wants_it_a_change_waits_for_replicas() {
    let server = RedisServer::start();
    let records = open(&RedisTarget { wait_replicas: 1, ..server.target() }).await;
    let refused = records.add(&account("alice", None), &audit_context(at(0))).await.expect_err("there is no replica");
    assert!(refused.to_string().contains("0 of 1 Redis replicas"), "{refused:?}");
    assert_eq!(records.list().await.unwrap().len(), 1, "to look needs none");
}

#[tokio::test]
async fn everything_is_in_one_slot() {
    let (server, records) = new_records().await;
    let alice = add_account(&records, "alice").await.id;
    records
        .apply_deferred(&AccountCommand::Change(alice, AccountChange::Enable { reason: None }), &audit_context(at(1)))
        .await
        .unwrap()
        .unwrap();
    records.register_device(alice, None, digest(), 20, at(1)).await.unwrap();
    records.ping().await.unwrap();
    let keys = keys(&server);
    assert!(keys.len() > 5 && keys.iter().all(|key| key.starts_with("portcullis:{records}:")), "{keys:?}");
}
