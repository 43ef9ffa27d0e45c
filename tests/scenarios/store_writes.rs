//! A store that can be read and not written says so.

use std::{
    fs,
    io::{Seek as _, SeekFrom, Write as _},
    path::Path,
};

use portcullis::{
    audit::{AuditEvent, AuditStore as _, AuditTrailQuery, TrailOrder},
    id::{SessionId, UserId},
    session::{EndReason, EndTarget, SessionStore as _},
    store::StoreHealth as _,
    store::embedded::{EmbeddedStore, probe_file, probe_logins},
    store_error::StoreError,
};

use crate::small_disk::on_a_small_disk;
use crate::store_contract::fixtures::{at, end_record, new_session, open_session};

/// Fills the file system until a file has no room left.
fn fill(folder: &Path) {
    let room = fs::write(folder.join("filler"), vec![0_u8; 32 << 20]);
    assert!(room.is_err(), "it is full");
}

/// Opens sessions until there is no room for one more; those that are open.
async fn open_until_full(store: &EmbeddedStore, alice: UserId) -> Vec<SessionId> {
    let mut open = Vec::new();
    loop {
        let new = new_session(alice, at(2), 0);
        let id = new.session.id;
        if store.open(new).await.is_err() {
            return open;
        }
        open.push(id);
        assert!(open.len() < 20_000, "room ends");
    }
}

#[tokio::test]
async fn a_full_disk_is_told_until_there_is_room_again() {
    let Some(folder) = on_a_small_disk("store_writes::a_full_disk_is_told_until_there_is_room_again", 16) else {
        return;
    };
    let store = EmbeddedStore::open_to_serve(&folder.join("portcullis.db")).unwrap();
    let alice = UserId::mint();
    let id = open_session(&store, alice, at(1)).await.session.id;
    store.ping().await.expect("it can be written");
    fill(&folder);
    open_until_full(&store, alice).await;
    let told = store.ping().await.expect_err("no room").to_string();
    assert!(told.contains("full"), "{told}");
    assert!(store.find(id).await.unwrap().is_some(), "it can be read all the same");
    fs::remove_file(folder.join("filler")).unwrap();
    store.ping().await.expect("there is room again");
    store.end(EndTarget::AllOf(alice), &end_record(EndReason::SignedOut, at(3))).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_damaged_while_it_serves_is_told_until_the_process_stops() {
    for (place, damage) in [(0, None), (4_096, None), (8_192, Some(65_536))] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portcullis.db");
        let store = EmbeddedStore::open_to_serve(&path).unwrap();
        let alice = UserId::mint();
        open_session(&store, alice, at(1)).await;
        store.ping().await.expect("it serves");
        let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        match damage {
            None => file.set_len(place).unwrap(),
            Some(damage) => {
                file.seek(SeekFrom::Start(place)).unwrap();
                file.write_all(&vec![0xff; damage]).unwrap();
            }
        }
        // Whoever ends something now is told that it may not have ended, and not that something is wrong with them.
        let ended = store.end(EndTarget::AllOf(alice), &end_record(EndReason::SignedOut, at(3))).await;
        assert!(matches!(ended, Err(StoreError::Unavailable(_))), "{place}: {ended:?}");
        for _ in 0..2 {
            let told = store.ping().await.expect_err("it cannot serve").to_string();
            assert!(
                told.contains("the file is damaged; stop Portcullis, and put a copy of it back"),
                "{place}: {told}"
            );
        }
    }
}

#[tokio::test]
async fn a_file_that_is_emptied_while_it_serves_is_told_by_the_next_look() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = EmbeddedStore::open_to_serve(&path).unwrap();
    open_session(&store, UserId::mint(), at(1)).await;
    store.ping().await.expect("it serves");
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    let told = store.ping().await.expect_err("nothing is there").to_string();
    assert!(told.contains("was emptied while it was in use"), "{told}");
}

#[tokio::test]
async fn a_look_at_an_emptied_file_leaves_what_stands_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let log = folder.path().join("portcullis.db-wal");
    fs::write(&path, "").unwrap();
    fs::write(&log, "what was acknowledged").unwrap();
    assert!(probe_file(&path).is_err() && probe_logins(&path).is_err());
    assert_eq!(fs::read_to_string(&log).unwrap(), "what was acknowledged");
}

#[tokio::test]
async fn on_a_full_disk_sessions_still_end() {
    let Some(folder) = on_a_small_disk("store_writes::on_a_full_disk_sessions_still_end", 16) else { return };
    let path = folder.join("portcullis.db");
    let reserve = || fs::metadata(folder.join("portcullis.db-reserve")).unwrap().len();
    let store = EmbeddedStore::open_to_serve(&path).unwrap();
    assert_eq!(reserve(), 4 << 20);
    let (alice, bob) = (UserId::mint(), UserId::mint());
    let bobs = open_session(&store, bob, at(1)).await.session.id;
    for _ in 0..100 {
        open_session(&store, alice, at(1)).await;
    }
    fill(&folder);
    let mut open = open_until_full(&store, alice).await;
    open.extend(store.list(alice).await.unwrap().iter().map(|session| session.id));
    open.sort();
    open.dedup();
    assert!(open.len() >= 100);
    // One after the other, each with its line; and one act that is not for the reserve between them.
    for (place, id) in open.iter().enumerate() {
        let ended = store.end(EndTarget::One { owner: alice, id: *id }, &end_record(EndReason::SignedOut, at(3))).await;
        assert_eq!(ended.expect("an end has room").len(), 1);
        if place < 60 {
            fill(&folder); // whoever else fills the disk gets what was given, not what is kept
        }
    }
    assert!(reserve() < 4 << 20, "it was needed");
    let other = store.open(new_session(bob, at(3), 0)).await.map(drop).expect_err("room for ends alone").to_string();
    assert!(other.contains("full"), "{other}");
    assert!(store.ping().await.is_err() && store.find(bobs).await.unwrap().is_some());
    let query = AuditTrailQuery { user: Some(alice), order: TrailOrder::NewestFirst, after: None, limit: 100_000 };
    let ends = async |store: &EmbeddedStore| {
        let trail = store.trail(&query).await.unwrap().entries;
        trail.iter().filter(|entry| matches!(entry.event, AuditEvent::SessionEnded { .. })).count()
    };
    assert_eq!(ends(&store).await, open.len());
    // It is so after a restart, too, and bob can still be signed out by whoever holds the machine.
    drop(store);
    fill(&folder); // the file beside it is gone
    let store = EmbeddedStore::open_to_serve(&path).unwrap();
    assert_eq!(ends(&store).await, open.len());
    assert!(store.open(new_session(bob, at(4), 0)).await.is_err());
    let beside = EmbeddedStore::open(&path).unwrap();
    let other = beside.open(new_session(bob, at(4), 0)).await.map(drop).expect_err("room for ends alone").to_string();
    assert!(other.contains("full"), "{other}");
    beside.end(EndTarget::AllOf(bob), &end_record(EndReason::ByAdministrator, at(4))).await.unwrap();
    assert!(store.find(bobs).await.unwrap().is_none());

    fs::remove_file(folder.join("filler")).unwrap();
    store.ping().await.expect("there is room again");
    assert_eq!(reserve(), 4 << 20);
    store.open(new_session(bob, at(5), 0)).await.expect("and everything is written");
}
