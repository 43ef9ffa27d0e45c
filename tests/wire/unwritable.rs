//! A store that is read and takes no writes: a Redis that too few replicas follow, a file that may not grow.

use std::{fs, path::Path, process::Command, time::Duration};

use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

use crate::harness::{Installation, PASSWORD, Person, Redis, Replicas, Running, Streaming, on_a_small_disk, until};

/// A second is promised; the rest is for a machine that is busy with other tests.
const IN_TIME: Duration = Duration::from_millis(1_500);

/// Ends alice's other session, which has a stream open, while the store takes no writes, and looks until it takes them again.
async fn an_end_holds(
    app: &Streaming,
    house: &Installation,
    server: &Running,
    why: &str,
    takes_writes: impl AsyncFn(bool),
) -> Person {
    let (laptop, phone) = (house.signed_in("alice").await, house.signed_in("alice").await);
    let mut stream = app.start(house.public, &phone.cookie(), "/events").await;
    takes_writes(false).await;

    let refused = laptop.call(Method::POST, "/sessions/revoke-others", &json!({})).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "5"));
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(problem["type"], "urn:portcullis:problem:end-not-confirmed");
    let seen = (laptop.status("/security/api/v1/me").await, phone.status("/x").await);
    assert_eq!(seen, (200, 401), "what is read goes on");
    timeout(IN_TIME, stream.rest()).await.expect("the stream is cut");
    assert_eq!(house.person().try_to_sign_in("alice", PASSWORD).await.status(), 503);
    server.metric_becomes("portcullis_ends_unconfirmed", 1.0).await;
    let unready = async || server.admin("/readyz").await.filter(|(status, _)| *status == 503);
    let (_, told) = until("readiness to say no", unready).await;
    assert!(told.contains(why), "{told}");

    takes_writes(true).await;
    server.metric_becomes("portcullis_ends_unconfirmed", 0.0).await;
    assert_eq!(laptop.sessions().await.len(), 1, "now the store knows it, too");
    until("the server to be ready", async || (server.admin("/readyz").await?.0 == 200).then_some(())).await;
    laptop
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_redis_does_not_take_holds_until_it_does() {
    let (app, redis) = (Streaming::open().await, Redis::start().await);
    let mut replicas = Replicas::before(app.address, &redis.stores(1), "");
    replicas.start().await;
    replicas.user("alice");
    let server = replicas.running(0);
    let replicas_to_write = async |takes_writes: bool| {
        let count = if takes_writes { "0" } else { "1" };
        redis.ask(&["CONFIG", "SET", "min-replicas-to-write", count]).await.text();
    };
    let laptop = an_end_holds(&app, &replicas.houses[0], server, "NOREPLICAS", replicas_to_write).await;

    redis.ask(&["CONFIG", "SET", "maxmemory", "1"]).await.text();
    let full = async || server.admin("/readyz").await.filter(|(_, text)| text.contains("maxmemory"));
    let (status, text) = until("the server to say that Redis is full", full).await;
    assert!(status == 200 && text.starts_with("ready\n"), "{text}");
    assert_eq!(replicas.houses[0].person().try_to_sign_in("alice", PASSWORD).await.status(), 503);
    passwords_change(&laptop).await;
    assert_eq!(laptop.call(Method::POST, "/sign-out", &json!({})).await.status(), 204, "and lets everybody out");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_the_file_does_not_take_holds_until_it_does() {
    let app = Streaming::open().await;
    let house = Installation::before(app.address);
    house.user("alice", &[]);
    // A file that may not grow is told as an error, as that of a full disk is.
    let server = house.run_under("trap '' XFSZ").await;
    let pid = server.child.pid().to_string();
    let file_size = async |takes_writes: bool| {
        let most = if takes_writes { "--fsize=unlimited:unlimited" } else { "--fsize=1:unlimited" };
        assert!(Command::new("prlimit").args(["--pid", &pid, most]).status().unwrap().success());
    };
    an_end_holds(&app, &house, &server, "not ready: the store is away", file_size).await;
}

/// Changes the password by the page and by the API, and is told where it is wrong: there is room for that, too.
async fn passwords_change(person: &Person) {
    const NEW: &str = "Lantern-ferry-77";
    const NEWER: &str = "Anchor-tide-4242";
    let by_page = async |current: &str, new: &str| {
        let page = person.visit("/security/password").await.text().await.unwrap();
        let (_, rest) = page.split_once("name=\"form\" value=\"").expect("the page has a form");
        let form = rest.split('"').next().unwrap().to_owned();
        let again = ("new_password_again", new);
        let fields = [("form", &*form), ("current_password", current), ("new_password", new), again];
        person.submit("/security/password", &fields).await.status().as_u16()
    };
    assert_eq!(by_page("Wrong-current-1", NEW).await, 401);
    assert_eq!(by_page(PASSWORD, NEW).await, 303);
    let by_call = async |current: &str, new: &str| {
        let wanted = json!({ "current_password": current, "new_password": new });
        person.call(Method::PUT, "/password", &wanted).await.status().as_u16()
    };
    assert_eq!(by_call(PASSWORD, NEWER).await, 401, "it is another one by now");
    assert_eq!((by_call(NEW, NEWER).await, by_call(NEWER, PASSWORD).await), (204, 204));
    assert_eq!(person.status("/security/api/v1/me").await, 200);
}

/// Fills the disk, and what room the store has in its own files.
fn fill(folder: &Path, store: &Path) {
    assert!(fs::write(folder.join("filler"), vec![0_u8; 48 << 20]).is_err(), "the disk is full");
    let store = rusqlite::Connection::open(store).unwrap();
    store.busy_timeout(Duration::from_secs(5)).unwrap();
    for room in [100_000, 2_000, 1] {
        let sql =
            "INSERT INTO throttle VALUES ('filler' || hex(randomblob(8)), hex(zeroblob(?1)), NULL, 9000000000000000)";
        let filled = (0..10_000).find_map(|_| store.execute(sql, [room]).err()).expect("the store is full");
        assert_eq!(filled.sqlite_error_code(), Some(rusqlite::ErrorCode::DiskFull));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_visitors_sign_out() {
    let Some(folder) = on_a_small_disk("unwritable::on_a_full_disk_visitors_sign_out", 24) else { return };
    let house = Installation::before(crate::harness::App::ok().await.address);
    house.user("alice", &[]);
    let server = house.run().await;
    let mut people = Vec::new();
    for _ in 0..5 {
        people.push(house.signed_in("alice").await);
    }
    fill(&folder, &house.path("portcullis.db"));
    let unready = async || server.admin("/readyz").await.filter(|(status, _)| *status == 503);
    let (_, told) = until("readiness to say no", unready).await;
    assert!(told.contains("full"), "{told}");
    assert_eq!(house.person().try_to_sign_in("alice", PASSWORD).await.status(), 503);

    passwords_change(&people[0]).await;
    let [laptop, phone, tablet, other, last] = people.try_into().unwrap_or_else(|_| unreachable!("there are five"));
    assert_eq!(phone.call(Method::POST, "/sign-out", &json!({})).await.status(), 204);
    assert_eq!(phone.status("/x").await, 401);
    let page = tablet.submit("/security/sign-out", &[]).await;
    assert_eq!((page.status().as_u16(), tablet.status("/x").await), (303, 401));
    let id = other.session().await;
    assert_eq!(laptop.call(Method::DELETE, &format!("/sessions/{id}"), &json!({})).await.status(), 204);
    assert_eq!((other.status("/x").await, laptop.status("/x").await, last.status("/x").await), (401, 200, 200));
    assert_eq!(house.person().try_to_sign_in("alice", PASSWORD).await.status(), 503, "the room is for ends");
    house.cli(&["users", "disable", "alice", "--reason", "it may be a break-in"]).ok();
    assert_eq!((laptop.status("/x").await, last.status("/x").await), (401, 401));
    server.metric_becomes("portcullis_ends_unconfirmed", 0.0).await;
    let journal = house.cli(&["audit", "export"]).ok();
    assert_eq!(journal.matches("\"session_ended\"").count(), 5, "{journal}");

    fs::remove_file(folder.join("filler")).unwrap();
    until("the server to be ready", async || (server.admin("/readyz").await?.0 == 200).then_some(())).await;
    house.cli(&["users", "enable", "alice", "--reason", "it was none"]).ok();
    house.signed_in("alice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_the_command_line_has_room_for_ends_alone() {
    let name = "unwritable::on_a_full_disk_the_command_line_has_room_for_ends_alone";
    let Some(folder) = on_a_small_disk(name, 24) else { return };
    let house = Installation::before(crate::harness::App::ok().await.address);
    for user in ["alice", "bob"] {
        house.user(user, &[]);
    }
    let server = house.run().await;
    house.signed_in("alice").await;
    server.stop().await;
    assert!(fs::write(folder.join("filler"), vec![0_u8; 48 << 20]).is_err(), "the disk is full");
    let reserve = || fs::metadata(house.path("portcullis.db-reserve")).unwrap().len();
    for verb in
        [&["users", "list"][..], &["sessions", "list"], &["audit", "tail"], &["users", "roles", "alice", "editor"]]
    {
        let said = house.cli(verb);
        assert!(said.code == 1 && said.err.contains("full"), "{verb:?}: {}{}", said.out, said.err);
    }
    assert_eq!(reserve(), 4 << 20);
    house.cli(&["sessions", "revoke", "--user", "alice", "--reason", "a test"]).ok();
    house.cli(&["users", "disable", "bob", "--reason", "a test"]).ok();
    assert!(reserve() < 4 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserve_that_cannot_be_kept_is_told() {
    let house = Installation::before(crate::harness::App::ok().await.address);
    house.user("alice", &[]);
    fs::create_dir(house.path("portcullis.db-reserve")).unwrap();
    let server = house.run().await;
    house.signed_in("alice").await;
    let (status, told) = server.admin("/readyz").await.unwrap();
    assert_eq!(status, 200, "{told}");
    let said = house.cli(&["doctor"]);
    let reserve = "portcullis.db-reserve cannot be written";
    assert!(told.starts_with("ready\n") && told.contains(reserve) && said.out.contains(reserve), "{told}{}", said.out);
}
