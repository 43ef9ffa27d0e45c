//! A store that can be read and not written says so.

use std::{fs, path::Path, process::Command};

use portcullis::{
    id::UserId,
    session::{Ending, SessionStore as _, Which},
    store::embedded::Embedded,
};

use crate::store_contract::people::{at, new_session, open, parting};

/// Where this test runs itself again, with a file system of its own.
const HERE: &str = "PORTCULLIS_TEST_SMALL_DISK";

/// Fills a file system of one MiB until a file has no room left.
fn fill(folder: &Path) {
    let room = fs::write(folder.join("filler"), vec![0_u8; 2 << 20]);
    assert!(room.is_err(), "it is full");
}

#[tokio::test]
async fn a_full_disk_is_told_until_there_is_room_again() {
    let Some(folder) = std::env::var_os(HERE) else {
        let folder = tempfile::tempdir().unwrap();
        let name = "store_writes::a_full_disk_is_told_until_there_is_room_again";
        let script = r#"mount -t tmpfs -o size=1m small "$1" && shift && exec "$@""#;
        let mut again = Command::new("unshare");
        again.args(["--mount", "--map-root-user", "sh", "-c", script, "sh"]).arg(folder.path());
        again.arg(std::env::current_exe().unwrap()).args(["--exact", name]).env(HERE, folder.path());
        let Ok(done) = again.output() else { return };
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        // Where nobody may mount anything, this cannot be shown.
        let may_not = err.contains("unshare") || err.contains("mount:");
        assert!(may_not || (done.status.success() && out.contains("1 passed")), "{out}{err}");
        return;
    };
    let folder = Path::new(&folder);
    let store = Embedded::open_to_serve(&folder.join("portcullis.db")).unwrap();
    let alice = UserId::mint();
    let id = open(&store, alice, at(1)).await.session.id;
    store.ping().await.expect("it can be written");
    fill(folder);
    let mut acts = 0;
    while store.open(new_session(alice, at(2), 0)).await.is_ok() {
        acts += 1;
        assert!(acts < 5_000, "room ends");
    }
    let told = store.ping().await.expect_err("no room").to_string();
    assert!(told.contains("full"), "{told}");
    assert!(store.find(id).await.unwrap().is_some(), "it can be read all the same");
    fs::remove_file(folder.join("filler")).unwrap();
    store.ping().await.expect("there is room again");
    store.end(Which::AllOf(alice), &parting(Ending::SignedOut, at(3))).await.unwrap();
}
