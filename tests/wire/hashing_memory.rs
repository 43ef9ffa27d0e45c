//! Memory that passwords are hashed in: within its bound while they are, and given back when nobody signs in.

use std::time::Duration;

use futures_util::future::join_all;

use crate::harness::{App, Installation, PASSWORD};

/// Memory that a process has of the system, in bytes.
fn resident(pid: u32) -> i64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<i64>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes more than a minute"]
async fn it_is_given_back_after_a_quiet_minute() {
    const ONE: i64 = 19 << 20;
    let app = App::ok().await;
    let house = Installation::before(app.address);
    house.user("alice", &[]);
    let server = house.run().await;
    let pid = server.child.pid();
    // What is loaded with the first, and stays. A fifth at once would be one too many for one account.
    let _ = house.signed_in("alice").await;
    let person = || async {
        assert_eq!(house.person().try_to_sign_in("alice", PASSWORD).await.status(), 200);
    };
    join_all((0..4).map(|_| person())).await;
    let after = resident(pid);
    tokio::time::sleep(Duration::from_secs(75)).await;
    let quiet = resident(pid);
    println!("{after} bytes after hashing, {quiet} after a quiet minute");
    assert!(after - quiet > ONE * 9 / 10, "{after} {quiet}");
    person().await;
}
