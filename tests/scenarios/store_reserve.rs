//! The reserve of room beside a file store, where it cannot be kept.

use std::fs;

use portcullis::{
    id::UserId,
    session::SessionStore as _,
    store::StoreHealth as _,
    store::embedded::{EmbeddedStore, FileStatus, probe_file},
};

use crate::{
    small_disk::on_a_small_disk,
    store_contract::fixtures::{at, new_session, open_session},
};

#[tokio::test]
async fn one_that_cannot_be_written_keeps_nobody_from_writing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, reserve) = (folder.path().join("portcullis.db"), folder.path().join("portcullis.db-reserve"));
    fs::create_dir(&reserve).unwrap();
    let alice = UserId::mint();
    for _ in 0..2 {
        let store = EmbeddedStore::open_to_serve(&path).unwrap();
        open_session(&store, alice, at(1)).await;
        store.ping().await.expect("it can be written");
        open_session(&store, alice, at(1)).await;
        let told = store.limitation().expect("and lacks its reserve");
        assert!(told.contains("portcullis.db-reserve cannot be written") && told.contains("remove it"), "{told}");
        assert_eq!(probe_file(&path).unwrap(), FileStatus::NoReserve(told));
    }
    fs::remove_dir(&reserve).unwrap();
    let store = EmbeddedStore::open_to_serve(&path).unwrap();
    assert_eq!((store.limitation(), fs::metadata(&reserve).unwrap().len()), (None, 4 << 20));
    assert_eq!(probe_file(&path).unwrap(), FileStatus::Usable);
}

/// A process that does not serve restores what is there, and creates nothing.
#[tokio::test]
async fn the_command_line_writes_where_there_is_room_for_the_whole_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, reserve) = (folder.path().join("portcullis.db"), folder.path().join("portcullis.db-reserve"));
    let store = EmbeddedStore::open(&path).unwrap();
    store.open(new_session(UserId::mint(), at(1), 0)).await.unwrap();
    assert!(!reserve.exists());
    fs::write(&reserve, b"what an end left").unwrap();
    store.open(new_session(UserId::mint(), at(1), 0)).await.unwrap();
    assert_eq!(fs::metadata(&reserve).unwrap().len(), 4 << 20);
}

#[tokio::test]
async fn what_is_kept_for_ends_is_not_for_a_look() {
    let Some(folder) = on_a_small_disk("store_reserve::what_is_kept_for_ends_is_not_for_a_look", 16) else { return };
    let (path, reserve) = (folder.join("portcullis.db"), folder.join("portcullis.db-reserve"));
    drop(EmbeddedStore::open_to_serve(&path).unwrap());
    assert!(fs::write(folder.join("filler"), vec![0_u8; 32 << 20]).is_err(), "the disk is full");
    for _ in 0..3 {
        let told = EmbeddedStore::open(&path).expect_err("there is no room beside the file");
        assert!(portcullis::store_error::with_causes(&told).to_string().contains("full"), "{told}");
    }
    assert_eq!(fs::metadata(&reserve).unwrap().len(), 4 << 20);
    drop(EmbeddedStore::open_to_end(&path).expect("an end has room"));
    drop(EmbeddedStore::open_to_serve(&path).expect("so has a server"));
}

/// Whoever else writes on that disk finds the room that is too little for the reserve.
#[tokio::test]
async fn the_search_for_room_takes_none_from_others() {
    let Some(folder) = on_a_small_disk("store_reserve::the_search_for_room_takes_none_from_others", 16) else {
        return;
    };
    let (path, reserve) = (folder.join("portcullis.db"), folder.join("portcullis.db-reserve"));
    let store = EmbeddedStore::open_to_serve(&path).unwrap();
    fs::write(&reserve, "").unwrap();
    fs::write(folder.join("filler"), vec![0_u8; 12 << 20]).unwrap();
    let written = || fs::metadata(&reserve).unwrap().modified().unwrap();
    let before = written();
    assert!(store.ping().await.is_err(), "less than a whole reserve is free");
    assert_eq!(written(), before, "nothing is tried");
    fs::remove_file(folder.join("filler")).unwrap();
    store.ping().await.expect("there is room again");
    assert_eq!(fs::metadata(&reserve).unwrap().len(), 4 << 20);
}
