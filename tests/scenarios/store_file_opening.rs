//! What a path of an embedded store may turn out to be when it is opened, and how that is told.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use portcullis::{
    id::UserId,
    session::SessionUpkeep as _,
    store::embedded::{EmbeddedStore, FileStatus, OpenError, probe_file},
};
use rusqlite::Connection;

use crate::store_contract::fixtures::{at, open_session};
use crate::store_file::{lock_database, make_private, store_path};

/// Why it does not open. Who only looks is told the same, but for a lock, which is a matter of the moment.
fn open_error(path: &Path) -> OpenError {
    let looked = probe_file(path);
    let refusal = EmbeddedStore::open(path).expect_err("it must not open");
    if !matches!(refusal, OpenError::Locked { .. }) {
        assert_eq!(looked.expect_err("a look says so, too").to_string(), refusal.to_string());
    }
    refusal
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let read = |file: fs::DirEntry| (file.path(), fs::read(file.path()).unwrap());
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| read(file.unwrap())).collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_look_makes_and_changes_nothing() {
    let (folder, path) = store_path();
    assert_eq!(probe_file(&path).unwrap(), FileStatus::Absent);
    assert!(files(folder.path()).is_empty());
    let store = EmbeddedStore::open(&path).unwrap();
    open_session(&store, UserId::mint(), at(1)).await;
    assert_eq!(probe_file(&path).unwrap(), FileStatus::Usable, "beside whoever has it open");
    assert_eq!(store.count().await.unwrap(), 1);
    drop(store);
    let before = files(folder.path());
    assert_eq!(probe_file(&path).unwrap(), FileStatus::Usable);
    assert_eq!(files(folder.path()), before);
}

#[test]
fn a_missing_folder_is_named() {
    let (folder, _) = store_path();
    let told = open_error(&folder.path().join("missing/portcullis.db")).to_string();
    assert!(told.contains("there is no folder") && told.ends_with("create it, or name another path"), "{told}");
}

#[test]
fn what_is_not_ours_is_left_as_it_is() {
    let (folder, path) = store_path();
    for foreign in ["hello".to_owned(), "text ".repeat(5_000)] {
        fs::write(&path, &foreign).unwrap();
        assert!(matches!(open_error(&path), OpenError::NotAStore { .. }));
        assert_eq!(fs::read_to_string(&path).unwrap(), foreign);
    }
    fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(open_error(&path), OpenError::NotAStore { .. }));
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(matches!(open_error(folder.path()), OpenError::NotAStore { .. }));
}

#[test]
fn a_file_of_a_newer_program_is_left_alone() {
    let (_folder, path) = store_path();
    drop(EmbeddedStore::open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let told = open_error(&path).to_string();
    assert!(told.contains("newer Portcullis (format 99, this one knows"), "{told}");
}

#[tokio::test]
async fn a_torn_file_is_told_apart_from_a_foreign_one() {
    let (_folder, path) = store_path();
    let store = EmbeddedStore::open(&path).unwrap();
    for _ in 0..50 {
        open_session(&store, UserId::mint(), at(1)).await;
    }
    drop(store);
    let whole = fs::read(&path).unwrap();
    for part in [whole.len() / 4, whole.len() / 2, whole.len() - 4096] {
        fs::write(&path, &whole[..part]).unwrap();
        assert!(matches!(open_error(&path), OpenError::Damaged { .. }), "{part} of {} bytes", whole.len());
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(EmbeddedStore::open(&path).unwrap().count().await.unwrap(), 50);
}

#[test]
fn a_file_that_may_not_be_written_is_told() {
    let (folder, path) = store_path();
    drop(EmbeddedStore::open(&path).unwrap());
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    // Whoever runs the tests as root may write everything: what is told then is held by a unit test of `open`.
    if fs::OpenOptions::new().write(true).open(&path).is_err() {
        assert!(matches!(open_error(&path), OpenError::NoPermission { .. }));
    }
    drop(folder);
}

#[test]
fn a_locked_file_is_told() {
    let (_folder, path) = store_path();
    drop(EmbeddedStore::open(&path).unwrap());
    // One that an older version wrote, so that opening has something to write.
    let older = "DROP TABLE consequence; DROP TABLE identity; PRAGMA user_version = 1";
    Connection::open(&path).unwrap().execute_batch(older).unwrap();
    let _blocker = lock_database(&path);
    make_private(&path);
    assert!(matches!(open_error(&path), OpenError::Locked { .. }));
}
