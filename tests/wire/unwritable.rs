//! A store that is read and takes no writes: a Redis that too few replicas follow, a file that may not grow.

use std::{process::Command, time::Duration};

use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

use crate::harness::{Installation, PASSWORD, Person, Redis, Replicas, Running, Streaming, until};

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
