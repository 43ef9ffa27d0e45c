//! A file that keeps records alone, because sessions are elsewhere: what it holds then, and what it does not.

use std::{path::PathBuf, sync::Arc};

use portcullis::{
    account::{AccountChange, AccountCommand, AccountStore as _, LinkRecords as _, PasswordUpdate, UserRecords},
    audit::{Actor, AuditStore as _, AuditTrailQuery, TrailOrder},
    clock::Clock,
    id::UserId,
    session::SessionStore as _,
    store::{
        RecordStore as _,
        embedded::{EmbeddedStore, FileStatus, probe_file},
    },
};
use rusqlite::Connection;

use crate::store_contract::fixtures::{DISABLE, account, at, audit_context, digest, open_session, password_hash};

fn records_path() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.db");
    (folder, path)
}

/// As the first version made them.
const SCHEMA_1: &str = include_str!("../../src/store/embedded/schema/1.sql");

#[tokio::test]
async fn a_file_of_an_older_program_becomes_a_current_one() {
    let (_folder, path) = records_path();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(SCHEMA_1).unwrap();
    old.pragma_update(None, "application_id", 0x506f_7274).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    let add = "INSERT INTO account (id, name, name_key, roles, disabled, created, version) VALUES (?1, 'a', 'a', '[]', 0, 0, 1)";
    let alice = UserId::mint();
    old.execute(add, [alice.to_string()]).unwrap();
    drop(old);
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(probe_file(&path).unwrap(), FileStatus::Usable);

    let store = EmbeddedStore::open(&path).unwrap();
    let disable = AccountCommand::Change(alice, DISABLE);
    let altered =
        store.apply_deferred(&disable, &audit_context(at(1))).await.unwrap().expect("what was there is there");
    let open = store.pending_effects(at(2)).await.unwrap();
    assert_eq!(open.iter().map(|left| left.id).collect::<Vec<_>>(), [altered.effects.id]);
    drop(store);
    let version =
        |path| Connection::open(path).unwrap().query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    assert_eq!(version(&path).unwrap(), 4);
}

#[tokio::test]
async fn where_sessions_are_kept_too_nothing_is_left_to_follow() {
    let (_folder, path) = records_path();
    let store = EmbeddedStore::open(&path).unwrap();
    let alice = account("alice", None);
    store.add(&alice, &audit_context(at(0))).await.unwrap();
    store.put_link(alice.id, digest(), at(9), &audit_context(at(0))).await.unwrap();
    store
        .set_password(alice.id, &PasswordUpdate::Set(password_hash("a")), &audit_context(at(1)))
        .await
        .unwrap()
        .value
        .expect("it is set");
    for change in
        [DISABLE, AccountChange::Enable { reason: None }, AccountChange::SetRoles(vec![]), AccountChange::Remove]
    {
        store.change(alice.id, &change, &audit_context(at(1))).await.unwrap().value.expect("it is there");
    }
    assert!(store.pending_effects(at(100)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_file_that_keeps_records_alone_knows_no_sessions() {
    let (_folder, path) = records_path();
    let store = EmbeddedStore::open(&path).unwrap();
    let alice = account("alice", None);
    store.add(&alice, &audit_context(at(0))).await.unwrap();
    store
        .apply_deferred(&AccountCommand::Change(alice.id, DISABLE), &audit_context(at(1)))
        .await
        .unwrap()
        .expect("it is there");
    store
        .apply_deferred(
            &AccountCommand::Password(alice.id, PasswordUpdate::Set(password_hash("a"))),
            &audit_context(at(2)),
        )
        .await
        .unwrap()
        .expect("it is set");
    let rows = |table| {
        Connection::open(&path).unwrap().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
    };
    for table in ["owner", "session", "activity", "ended"] {
        let count: i64 = rows(table).unwrap();
        assert_eq!(count, 0, "{table}");
    }
}

#[tokio::test]
async fn sessions_that_a_file_held_before_do_not_come_back() {
    let (_folder, path) = records_path();
    let store = EmbeddedStore::open(&path).unwrap();
    let alice = account("alice", None);
    store.add(&alice, &audit_context(at(0))).await.unwrap();
    let held = open_session(&store, alice.id, at(1)).await.session.id;
    assert_eq!(store.end_leftovers(at(2)).await.unwrap(), 1);
    assert_eq!(store.end_leftovers(at(3)).await.unwrap(), 0);
    assert!(store.find(held).await.unwrap().is_none());
    let newest = AuditTrailQuery { user: Some(alice.id), order: TrailOrder::NewestFirst, after: None, limit: 1 };
    let told = store.trail(&newest).await.unwrap().entries.remove(0);
    assert_eq!((told.event.session(), told.actor), (Some(held), Actor::System));
}

/// What follows cannot be kept, so the change is not made.
#[tokio::test]
async fn a_change_whose_consequence_cannot_be_kept_is_not_made() {
    let (_folder, path) = records_path();
    let store = EmbeddedStore::open(&path).unwrap();
    let alice = account("alice", None);
    store.add(&alice, &audit_context(at(0))).await.unwrap();
    Connection::open(&path).unwrap().execute("ALTER TABLE consequence RENAME TO elsewhere", []).unwrap();
    assert!(store.apply_deferred(&AccountCommand::Change(alice.id, DISABLE), &audit_context(at(1))).await.is_err());
    assert!(
        store
            .apply_deferred(&AccountCommand::Change(alice.id, AccountChange::Remove), &audit_context(at(1)))
            .await
            .is_err()
    );
    assert_eq!(UserRecords::get(&store, alice.id).await.unwrap(), Some(alice));
    let all = AuditTrailQuery { user: None, order: TrailOrder::OldestFirst, after: None, limit: 9 };
    assert_eq!(store.trail(&all).await.unwrap().entries.len(), 1, "nor told");
}

#[tokio::test]
async fn a_consequence_that_cannot_be_read_keeps_no_other_from_being_done() {
    let (_folder, path) = records_path();
    let store = EmbeddedStore::open(&path).unwrap();
    let alice = account("alice", None);
    store.add(&alice, &audit_context(at(0))).await.unwrap();
    let disable = AccountCommand::Change(alice.id, DISABLE);
    store.apply_deferred(&disable, &audit_context(at(1))).await.unwrap().expect("it is there");
    Connection::open(&path).unwrap().execute("UPDATE consequence SET body = '{}'", []).unwrap();
    let second = store.apply_deferred(&disable, &audit_context(at(1))).await.unwrap().expect("it is there");
    let open = store.pending_effects(at(2)).await.unwrap();
    assert_eq!(open.iter().map(|left| left.id).collect::<Vec<_>>(), [second.effects.id]);
}

#[tokio::test]
async fn sessions_go_with_one_set_of_accounts() {
    use portcullis::store::redis::{RedisStore, RedisStoreError};
    let server = crate::redis_server::RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let records = |name: &str| Arc::new(EmbeddedStore::open(&folder.path().join(name)).unwrap());
    let open = async |records| RedisStore::open(&server.target(), records, &Clock::system()).await.1.server.map(|_| ());
    open(records("ours.db")).await.unwrap();
    open(records("ours.db")).await.unwrap();
    assert!(matches!(open(records("others.db")).await, Err(RedisStoreError::RecordsMismatch { .. })));
    let copy = folder.path().join("copy.db");
    records("ours.db");
    rusqlite::Connection::open(folder.path().join("ours.db"))
        .unwrap()
        .execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
        .unwrap();
    std::fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    open(records("copy.db")).await.expect("a backup is the same");
    let _: String = server.command(&["FLUSHDB"]);
    open(records("others.db")).await.expect("an empty one takes any");
}
