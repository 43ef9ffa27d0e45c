//! A store's file is made whole, and one that has lost what it held is no new one.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use portcullis::{
    account::UserRecords,
    store::embedded::{EmbeddedStore, OpenError, probe_file},
};
use rusqlite::Connection;

use crate::store_contract::fixtures::{account, at, audit_context};

fn store_path() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    (folder, path)
}

fn with_suffix(path: &Path, end: &str) -> PathBuf {
    PathBuf::from(format!("{}{end}", path.display()))
}

/// Why it does not open, which whoever only looks is told, too. Nothing is made or changed.
fn open_error(path: &Path) -> OpenError {
    let names = || {
        let folder = fs::read_dir(path.parent().unwrap()).unwrap();
        let mut files: Vec<_> =
            folder.map(|file| file.unwrap()).map(|file| (file.file_name(), fs::read(file.path()).unwrap())).collect();
        files.sort();
        files
    };
    let before = names();
    let looked = probe_file(path).expect_err("a look says so");
    let refusal = EmbeddedStore::open(path).expect_err("it must not open");
    assert_eq!(looked.to_string(), refusal.to_string());
    assert_eq!(names(), before);
    refusal
}

#[test]
fn an_empty_file_is_refused_and_left_as_it_is() {
    let (_folder, path) = store_path();
    fs::write(&path, "").unwrap();
    let told = open_error(&path).to_string();
    assert!(told.contains("is empty, and a store never is") && told.contains("Put a backup in its place"), "{told}");
}

#[test]
fn a_store_that_was_emptied_is_refused() {
    let (_folder, path) = store_path();
    drop(EmbeddedStore::open(&path).unwrap());
    fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    assert!(matches!(open_error(&path), OpenError::Emptied { .. }));
    // A database of ours without tables, as earlier versions left behind when the log went that held them.
    fs::remove_file(&path).unwrap();
    let on = Connection::open(&path).unwrap();
    on.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).unwrap();
    drop(on);
    assert!(fs::metadata(&path).unwrap().len() > 0);
    assert!(matches!(EmbeddedStore::open(&path), Err(OpenError::Emptied { .. })));
    assert!(matches!(probe_file(&path), Err(OpenError::Emptied { .. })));
}

#[tokio::test]
async fn a_new_store_needs_no_log_to_be_one() {
    let (folder, path) = store_path();
    let store = EmbeddedStore::open(&path).unwrap();
    // As a crash leaves it, whose -wal somebody then takes away.
    let copy = folder.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    let copied = EmbeddedStore::open(&copy).expect("all tables are in the file");
    assert!(UserRecords::list(&copied).await.unwrap().is_empty());
    drop(store);
}

#[tokio::test]
async fn what_is_left_of_a_store_that_is_gone_is_not_played_into_a_new_one() {
    let (_folder, path) = store_path();
    let store = EmbeddedStore::open(&path).unwrap();
    store.add(&account("alice", None), &audit_context(at(1))).await.unwrap();
    let log = fs::read(with_suffix(&path, "-wal")).unwrap();
    drop(store);
    for end in ["-wal", "-journal"] {
        let left = with_suffix(&path, end);
        drop(fs::remove_file(&path));
        fs::write(&left, &log).unwrap();
        let told = open_error(&path).to_string();
        assert!(told.contains("is gone, but") && told.contains(end), "{told}");
        fs::remove_file(left).unwrap();
    }
    EmbeddedStore::open(&path).expect("without it, a new one is made");
}

#[test]
fn of_many_who_create_it_at_once_each_gets_the_same() {
    let (folder, path) = store_path();
    let start = Arc::new(std::sync::Barrier::new(8));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                drop(EmbeddedStore::open(&path).unwrap());
            });
        }
    });
    let names = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    // Whoever closes while another opens leaves the files beside it to that one.
    let drafts: Vec<_> =
        names.filter(|name| !["", "-wal", "-shm"].iter().any(|end| *name == format!("portcullis.db{end}"))).collect();
    assert!(drafts.is_empty(), "drafts are left: {drafts:?}");
}
