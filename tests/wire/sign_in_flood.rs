//! Thousands of refused sign-ins from one address: the journal has few lines of them, and counts them all.

use std::net::SocketAddr;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{App, Installation, Person, Redis, Replicas, until};

/// Own lines of one address in an hour, of one process.
const OWN: usize = 60;

/// So many, each with another name, at the host that this one is for.
async fn guess(house: &Installation, host: SocketAddr, from: usize, count: usize) {
    let at_once = 20;
    join_all((0..at_once).map(async |lane| {
        let person = Person::at(house.public);
        for number in 0..count / at_once {
            let name = format!("nobody-{from}-{lane}-{number}");
            let told = json!({ "username": name, "password": "Wrong-horse-7-battery" });
            // Whoever finds all places of hashing taken was not looked at, and comes again.
            let status = until("a place among those that are hashed", async || {
                let request = person.request(Method::POST, "/security/api/v1/sign-in").header("host", host.to_string());
                let status = request.json(&told).send().await.unwrap().status().as_u16();
                (status != 503).then_some(status)
            });
            let status = status.await;
            assert!(matches!(status, 401 | 429), "{status}");
        }
    }))
    .await;
}

/// Lines of failed sign-ins, and the tries that they tell of.
fn failed(house: &Installation) -> (usize, u64) {
    let export = house.cli(&["audit", "export"]).ok();
    let entries = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let tries = entries.filter_map(|entry| match entry["action"].as_str().unwrap() {
        "sign_in_failed" => Some(1),
        "sign_ins_failed" => {
            assert!(entry["details"]["until"].as_str().unwrap().ends_with('Z'), "{entry}");
            Some(entry["details"]["count"].as_u64().unwrap())
        }
        _ => None,
    });
    let tries: Vec<u64> = tries.collect();
    (tries.len(), tries.iter().sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn six_thousand_refused_sign_ins_are_a_few_lines_in_a_file() {
    let house = Installation::before(App::ok().await.address);
    let server = house.run().await;
    guess(&house, house.public, 0, 6_000).await;
    let counted = until("the journal to tell of all", async || {
        let (lines, told) = failed(&house);
        (told == 6_000).then_some(lines)
    });
    assert_eq!(counted.await, OWN + 1);
    let tail = house.cli(&["audit", "tail", "--limit", "5"]).ok();
    let more = tail.lines().any(|line| line.contains("sign in failed (and ") && line.contains(" more until 2"));
    assert!(more, "{tail}");

    // What was told stays told, whatever becomes of the process.
    server.kill().await;
    let server = house.run().await;
    assert_eq!(failed(&house), (OWN + 1, 6_000));
    guess(&house, house.public, 1, 200).await;
    assert_eq!(server.stop().await, 0);
    assert_eq!(failed(&house), (2 * (OWN + 1), 6_200), "at a stop all is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_replica_counts_its_own_in_redis() {
    let redis = Redis::start().await;
    let mut replicas = Replicas::before(App::ok().await.address, &redis.stores(2), "");
    replicas.start().await;
    for house in replicas.houses.iter() {
        guess(house, replicas.houses[0].public, 0, 3_000).await;
    }
    let counted = until("the journal to tell of all", async || {
        let (lines, told) = failed(&replicas.houses[0]);
        (told == 6_000).then_some(lines)
    });
    assert_eq!(counted.await, 2 * (OWN + 1));
}
