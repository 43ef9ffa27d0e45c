//! A Redis that is read and takes no writes: too few replicas follow it.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

use crate::harness::{Installation, PASSWORD, Redis, Replicas, Streaming, until};

/// A second is promised; the rest is for a machine that is busy with other tests.
const IN_TIME: Duration = Duration::from_millis(1_500);

fn house_of(replicas: &Replicas) -> &Installation {
    &replicas.houses[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_cannot_be_written_holds_cuts_and_is_written_in_the_end() {
    let (app, redis) = (Streaming::open().await, Redis::start().await);
    let mut replicas = Replicas::before(app.address, &redis.stores(1), "");
    replicas.start().await;
    replicas.user("alice");
    let house = house_of(&replicas);
    let (laptop, phone) = (house.signed_in("alice").await, house.signed_in("alice").await);
    let cookie = phone.cookie();
    let mut stream = app.start(house.public, &cookie, "/events").await;
    redis.ask(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await.text();

    let refused = laptop.call(Method::POST, "/sessions/revoke-others", &json!({})).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "5"));
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(problem["type"], "urn:portcullis:problem:end-not-confirmed");
    assert_eq!(
        (laptop.status("/security/api/v1/me").await, phone.status("/x").await),
        (200, 401),
        "what is read goes on"
    );
    timeout(IN_TIME, stream.rest()).await.expect("the stream is cut");
    assert_eq!(house.person().try_to_sign_in("alice", PASSWORD).await.status(), 503);
    let server = replicas.running(0);
    server.metric_becomes("portcullis_ends_unconfirmed", 1.0).await;
    let (status, why) = server.admin("/readyz").await.unwrap();
    assert!(status == 503 && why.contains("NOREPLICAS"), "{why}");

    redis.ask(&["CONFIG", "SET", "min-replicas-to-write", "0"]).await.text();
    server.metric_becomes("portcullis_ends_unconfirmed", 0.0).await;
    assert_eq!(laptop.sessions().await.len(), 1, "now the store knows it, too");
    until("the server to be ready", async || (server.admin("/readyz").await?.0 == 200).then_some(())).await;

    redis.ask(&["CONFIG", "SET", "maxmemory", "1"]).await.text();
    let full = async || server.admin("/readyz").await.filter(|(_, text)| text.contains("maxmemory"));
    let (status, text) = until("the server to say that Redis is full", full).await;
    assert!(status == 200 && text.starts_with("ready\n"), "{text}");
    assert_eq!(laptop.call(Method::POST, "/sign-out", &json!({})).await.status(), 204, "and lets everybody out");
}
