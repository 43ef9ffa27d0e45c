//! The embedded store as a file: who may read it, what else it may turn out to be, and who else has it open.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    task::Poll,
    thread,
};

use futures_util::FutureExt as _;
use portcullis::{
    account::{AccountChange, AccountStore, LinkRecords as _, PasswordRecords as _, PasswordUpdate, UserRecords},
    audit::{AuditStore as _, AuditTrailQuery, TrailOrder},
    id::{SessionId, UserId},
    session::{EndReason, EndTarget, NewSession, Opened, SecretRenewal, SessionStore, SessionUpkeep as _},
    store::embedded::EmbeddedStore,
    store_error::StoreError,
};
use rusqlite::Connection;
use tokio::task::JoinSet;

use crate::store_contract::fixtures::{
    DISABLE, account, at, audit_context, digest, end_record, heartbeat, new_session, open_session, password_hash,
    user_snapshot,
};

pub(crate) fn store_path() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    (folder, path)
}

/// Closes a file to everybody else.
pub(crate) fn make_private(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn nobody_else_may_read_the_file_nor_those_beside_it() {
    let (folder, path) = store_path();
    let store = EmbeddedStore::open(&path).unwrap();
    store.put_user_snapshot(&user_snapshot(UserId::mint(), 1)).await.unwrap();
    let mut seen = 0;
    for file in fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[tokio::test]
async fn memory_leaves_nothing_on_disk() {
    let before = fs::read_dir(".").unwrap().count();
    let store = EmbeddedStore::in_memory().unwrap();
    store.put_user_snapshot(&user_snapshot(UserId::mint(), 1)).await.unwrap();
    assert_eq!(fs::read_dir(".").unwrap().count(), before);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let (_folder, path) = store_path();
    let alice = UserId::mint();
    let store = EmbeddedStore::open(&path).unwrap();
    let session = open_session(&store, alice, at(1)).await.session;
    drop(store);
    assert_eq!(SessionStore::list(&EmbeddedStore::open(&path).unwrap(), alice).await.unwrap(), [session]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_command_line_and_the_server_see_each_others_acts_at_once() {
    let (_folder, path) = store_path();
    let (server, cli) = (EmbeddedStore::open(&path).unwrap(), EmbeddedStore::open(&path).unwrap());
    let alice = UserId::mint();
    for _ in 0..20 {
        let id = open_session(&server, alice, at(1)).await.session.id;
        assert!(server.find(id).await.unwrap().is_some());
        assert_eq!(
            cli.end(EndTarget::AllOf(alice), &end_record(EndReason::ByAdministrator, at(2))).await.unwrap().len(),
            1
        );
        assert!(server.find(id).await.unwrap().is_none());
        server.touch(&[heartbeat(id, at(3))]).await.unwrap();
        assert!(cli.find(id).await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_that_write_at_once_lose_nothing() {
    let (_folder, path) = store_path();
    let stores = [Arc::new(EmbeddedStore::open(&path).unwrap()), Arc::new(EmbeddedStore::open(&path).unwrap())];
    let alice = UserId::mint();
    stores[0].put_user_snapshot(&user_snapshot(alice, 1)).await.unwrap();
    let mut tasks = JoinSet::new();
    for turn in 0..200 {
        let store = Arc::clone(&stores[turn % 2]);
        tasks.spawn(async move { store.open(new_session(alice, at(1), 0)).await.unwrap() });
    }
    tasks.join_all().await;
    assert_eq!(stores[1].count().await.unwrap(), 200);
}

#[test]
fn many_may_open_a_new_file_at_once() {
    let (_folder, path) = store_path();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| drop(EmbeddedStore::open(&path).unwrap()));
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_accepted_is_done_before_the_store_is_gone() {
    let (_folder, path) = store_path();
    let alice = UserId::mint();
    let store = EmbeddedStore::open(&path).unwrap();
    store.put_user_snapshot(&user_snapshot(alice, 1)).await.unwrap();
    let blocker = lock_database(&path);
    for _ in 0..50 {
        // Polled once, so that it is accepted; then whoever waited for it goes away.
        let mut act = store.open(new_session(alice, at(1), 0));
        assert!(futures_util::poll!(&mut act).is_pending());
    }
    drop(blocker);
    drop(store);
    assert_eq!(EmbeddedStore::open(&path).unwrap().count().await.unwrap(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn too_many_waiting_writes_are_an_outage_at_once() {
    let (_folder, path) = store_path();
    let store = EmbeddedStore::open(&path).unwrap();
    let alice = UserId::mint();
    store.put_user_snapshot(&user_snapshot(alice, 1)).await.unwrap();
    let blocker = lock_database(&path);
    let (mut waiting, mut refused) = (Vec::new(), 0);
    for _ in 0..3_000 {
        let mut act = store.open(NewSession { max_per_user: 5_000, ..new_session(alice, at(1), 0) });
        match futures_util::poll!(&mut act) {
            Poll::Pending => waiting.push(act),
            Poll::Ready(Err(StoreError::Unavailable(_))) => refused += 1,
            Poll::Ready(other) => panic!("{other:?}"),
        }
    }
    assert!(refused > 0 && waiting.len() >= 1_000, "{} wait, {refused} were refused", waiting.len());
    assert_eq!(store.count().await.unwrap(), 0, "reads go on");
    drop(blocker);
    let accepted = waiting.len() as u64;
    for act in waiting {
        act.await.unwrap();
    }
    assert_eq!(store.count().await.unwrap(), accepted);
}

/// Holds the write lock of the file until it is dropped.
pub(crate) fn lock_database(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_and_never_none() {
    let (_folder, path) = store_path();
    let store = EmbeddedStore::open(&path).unwrap();
    let alice = UserId::mint();
    let id = open_session(&store, alice, at(1)).await.session.id;
    Connection::open(&path).unwrap().execute("UPDATE session SET body = '{}'", []).unwrap();
    assert!(store.find(id).await.unwrap().is_some(), "a check reads no body");
    assert!(matches!(SessionStore::get(&store, id).await, Err(StoreError::Unreadable(_))));
    let ended = store.end(EndTarget::AllOf(alice), &end_record(EndReason::ByAdministrator, at(2))).await;
    assert_eq!(ended.unwrap().value, [], "what cannot be read cannot be told");
    assert!(store.find(id).await.unwrap().is_none(), "but it can be ended");
    let all = AuditTrailQuery { user: Some(alice), order: TrailOrder::NewestFirst, after: None, limit: 1 };
    let entry = store.trail(&all).await.unwrap().entries.pop().expect("and it is in the journal");
    assert_eq!(entry.event.session(), Some(id));
}

/// What the journal cannot take is not done: not half of it either.
#[tokio::test]
async fn an_act_that_cannot_be_told_is_not_done() {
    let (_folder, path) = store_path();
    let store = EmbeddedStore::open(&path).unwrap();
    let alice = account("alice", None);
    store.add(&alice, &audit_context(at(0))).await.unwrap();
    let session = open_session(&store, alice.id, at(1)).await.session.id;
    store
        .set_password(alice.id, &password_update(alice.id), &audit_context(at(1)))
        .await
        .unwrap()
        .value
        .expect("it is set");
    Connection::open(&path).unwrap().execute("ALTER TABLE journal RENAME TO elsewhere", []).unwrap();

    assert!(store.end(EndTarget::AllOf(alice.id), &end_record(EndReason::ByAdministrator, at(2))).await.is_err());
    let generation = store.put_user_snapshot(&user_snapshot(alice.id, 1)).await.unwrap();
    assert!(store.open(new_session(alice.id, at(2), generation)).await.is_err());
    for change in [DISABLE, AccountChange::SetRoles(vec![]), AccountChange::Remove] {
        assert!(store.change(alice.id, &change, &audit_context(at(2))).await.is_err(), "{change:?}");
    }
    let changed = PasswordUpdate::Set(password_hash("another"));
    assert!(store.set_password(alice.id, &changed, &audit_context(at(2))).await.is_err());
    assert!(store.put_link(alice.id, digest(), at(9), &audit_context(at(2))).await.is_err());

    let found = store.find(session).await.unwrap().expect("its session lives");
    assert_eq!((found.user.disabled, found.user.roles.len()), (false, 2));
    assert_eq!(store.count().await.unwrap(), 1);
    assert_eq!(store.password_hash(alice.id).await.unwrap(), Some(password_hash("first")));
    let there = UserRecords::get(&store, alice.id).await.unwrap().expect("it is there");
    assert_eq!((there.disabled, there.roles), (false, alice.roles));
}

/// A password that ends nothing.
fn password_update(id: UserId) -> PasswordUpdate {
    let renewal = SecretRenewal { id: SessionId::mint(id), current: digest(), new: digest(), grace_until: at(1) };
    PasswordUpdate::Changed {
        hash: password_hash("first"),
        expected: None,
        renewal,
        keep_device: None,
        end_others: false,
    }
}

#[tokio::test]
async fn one_session_that_cannot_be_read_hides_no_other_and_stops_no_sign_in() {
    let (_folder, path) = store_path();
    let store = EmbeddedStore::open(&path).unwrap();
    let alice = UserId::mint();
    let (spoiled, whole) =
        (open_session(&store, alice, at(1)).await.session, open_session(&store, alice, at(2)).await.session);
    let spoil = "UPDATE session SET body = '{}' WHERE id = ?1";
    Connection::open(&path).unwrap().execute(spoil, [spoiled.id.to_string()]).unwrap();
    let left = vec![whole];
    assert_eq!(SessionStore::list(&store, alice).await.unwrap(), left);
    assert_eq!(store.scan(None, 10).await.unwrap(), left);
    let third = NewSession { max_per_user: 1, ..new_session(alice, at(3), 0) };
    let Opened::Yes { evicted, .. } = store.open(third.clone()).await.unwrap().value else { panic!("it must open") };
    assert_eq!(evicted, left, "what cannot be read cannot be told");
    assert!(store.find(spoiled.id).await.unwrap().is_none(), "but it goes all the same");
    assert_eq!(SessionStore::list(&store, alice).await.unwrap(), [third.session]);
}

#[tokio::test]
async fn the_journal_is_measured_where_nobody_else_waits_for_it() {
    let (_folder, path) = store_path();
    let store = EmbeddedStore::open(&path).unwrap();
    open_session(&store, UserId::mint(), at(1)).await;
    assert!(store.size().now_or_never().is_none(), "another thread counts");
    assert!(store.size().await.unwrap().entries > 0);
}

#[tokio::test]
async fn a_page_of_what_cannot_be_read_is_not_the_end() {
    let (_folder, path) = store_path();
    let store = EmbeddedStore::open(&path).unwrap();
    for second in 0..5 {
        open_session(&store, UserId::mint(), at(second)).await;
    }
    let spoil = "UPDATE session SET body = '{}' WHERE id < (SELECT max(id) FROM session)";
    assert_eq!(Connection::open(&path).unwrap().execute(spoil, []).unwrap(), 4);
    let [whole] = store.scan(None, 2).await.unwrap().try_into().unwrap();
    assert!(store.scan(Some(whole.id), 2).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_list_that_cannot_be_read_at_all_is_no_empty_one() {
    let (_folder, path) = store_path();
    let store = EmbeddedStore::open(&path).unwrap();
    let alice = UserId::mint();
    open_session(&store, alice, at(1)).await;
    Connection::open(&path).unwrap().execute_batch("ALTER TABLE session RENAME TO other").unwrap();
    assert!(SessionStore::list(&store, alice).await.is_err());
    assert!(store.scan(None, 10).await.is_err());
}

#[tokio::test]
async fn a_lost_or_spoiled_part_of_a_session_is_an_error_too() {
    for spoil in [
        "DELETE FROM activity",
        "UPDATE session SET kind = 'toaster'",
        "UPDATE owner SET roles = 'admin'",
        "UPDATE owner SET version = -1",
    ] {
        let (_folder, path) = store_path();
        let store = EmbeddedStore::open(&path).unwrap();
        let id = open_session(&store, UserId::mint(), at(1)).await.session.id;
        Connection::open(&path).unwrap().execute(spoil, []).unwrap();
        assert!(matches!(store.find(id).await, Err(StoreError::Unreadable(_))), "{spoil}");
    }
}

#[tokio::test]
async fn a_session_of_an_older_generation_is_none() {
    let (_folder, path) = store_path();
    let store = EmbeddedStore::open(&path).unwrap();
    let alice = UserId::mint();
    let id = open_session(&store, alice, at(1)).await.session.id;
    Connection::open(&path).unwrap().execute("UPDATE owner SET generation = generation + 1", []).unwrap();
    assert!(store.find(id).await.unwrap().is_none());
    assert!(SessionStore::get(&store, id).await.unwrap().is_none());
    assert!(SessionStore::list(&store, alice).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_id_that_is_used_twice_harms_nobody_else() {
    let (_folder, path) = store_path();
    let store = EmbeddedStore::open(&path).unwrap();
    let alice = UserId::mint();
    let there = open_session(&store, alice, at(1)).await;
    let blocker = lock_database(&path);
    // The three share one transaction: they wait together.
    let mut acts =
        [store.open(new_session(alice, at(2), 0)), store.open(there.clone()), store.open(new_session(alice, at(3), 0))];
    for act in &mut acts {
        assert!(futures_util::poll!(act).is_pending());
    }
    drop(blocker);
    let [first, second, third] = futures_util::future::join_all(acts).await.try_into().unwrap();
    assert!(first.is_ok() && second.is_err() && third.is_ok());
    assert_eq!(store.count().await.unwrap(), 3);
    assert!(
        store
            .login_history(&portcullis::audit::LoginHistoryQuery { user: alice, outcome: None, after: None, limit: 1 })
            .await
            .is_ok()
    );
}
