//! The list of sessions as an event stream: what happens elsewhere is told, looking is no use of the session, and the end of the
//! session ends it.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::json;
use tokio::time::timeout;

use crate::harness::{App, Http2, Installation, PASSWORD, Person, Redis, Replicas, Running, next_part};

const LIVE: &str = "/security/sessions/live";
/// Two seconds between two looks; the rest is for a machine that is busy with other tests.
const IN_TIME: Duration = Duration::from_secs(15);

async fn scene(keys: &str) -> (Installation, Running) {
    let app = App::ok().await;
    let house = Installation::with(&format!("upstream: http://{}\n{keys}", app.address));
    house.user("alice", &[]);
    let server = house.run().await;
    (house, server)
}

/// What a stream says until it has said this, or until its end.
async fn until_it_says(stream: &mut Response, words: &str) -> String {
    let mut said = String::new();
    let hearing = async {
        while !said.contains(words) {
            match stream.chunk().await {
                Ok(Some(part)) => said.push_str(&String::from_utf8_lossy(&part)),
                Ok(None) | Err(_) => break,
            }
        }
    };
    timeout(IN_TIME, hearing).await.unwrap_or_else(|_| panic!("it does not say {words:?}"));
    said
}

async fn open(person: &Person) -> Response {
    let stream = person.get(LIVE).await;
    assert_eq!(stream.status(), 200);
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert_eq!(stream.headers()["cache-control"], "no-store");
    assert!(stream.headers().contains_key("x-request-id"));
    stream
}

#[tokio::test]
async fn a_session_that_is_opened_or_ended_elsewhere_is_told() {
    let (house, _server) = scene("").await;
    let alice = house.signed_in("alice").await;
    let mut stream = open(&alice).await;
    until_it_says(&mut stream, "retry:").await;

    let other = Person::with_user_agent(house.public, "curl/8.5.0");
    let id = other.sign_in("alice").await;
    let said = until_it_says(&mut stream, "data: </html>\n\n").await;
    assert!(said.contains("event: sessions\ndata: <!doctype html>") && said.contains(&id), "{said}");

    house.cli(&["sessions", "revoke", &id, "--reason", "a test"]).ok();
    let said = until_it_says(&mut stream, "</html>").await;
    assert!(said.contains("event: sessions") && !said.contains(&id), "{said}");
}

#[tokio::test]
async fn looking_is_no_use_of_the_session_and_its_end_ends_the_stream() {
    let (house, server) = scene("sessions: { idle_timeout: 4s, heartbeat_interval: 100ms }\n").await;
    let alice = house.signed_in("alice").await;
    let mut stream = open(&alice).await;
    // Nothing but the stream is open: the session becomes idle, and that cuts it.
    until_it_says(&mut stream, "never").await;
    assert_eq!(alice.status("/").await, 401);
    server.metric_becomes("portcullis_open_streams{kind=\"sse\"}", 0.0).await;

    let alice = house.signed_in("alice").await;
    let mut stream = open(&alice).await;
    let other = house.signed_in("alice").await;
    let id = alice.session().await;
    assert_eq!(other.call(Method::DELETE, &format!("/sessions/{id}"), &json!({})).await.status(), 204);
    let cut = timeout(Duration::from_millis(1_500), until_it_says(&mut stream, "never")).await;
    cut.expect("an end cuts it within a second");
    assert_eq!(alice.status(LIVE).await, 401);
}

#[tokio::test]
async fn who_is_not_signed_in_gets_none_and_who_is_gets_four() {
    let (house, _server) = scene("").await;
    assert_eq!(house.person().status(LIVE).await, 401);
    let alice = house.signed_in("alice").await;
    assert_eq!(alice.request(Method::POST, LIVE).send().await.unwrap().status(), 405);
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(open(&alice).await);
    }
    assert_eq!(alice.status(LIVE).await, 503);
    assert_eq!(alice.status("/security/sessions").await, 200, "the page itself is there");
    let other = house.signed_in("alice").await;
    drop(open(&other).await);
}

#[tokio::test]
async fn over_http2_it_is_a_stream_among_others() {
    let app = App::ok().await;
    let (house, shown) = Installation::over_tls(&format!("upstream: http://{}\n", app.address));
    house.user("alice", &[]);
    let _server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    let alice = client.sign_in("alice").await;
    let request = client.request(Method::GET, LIVE).header("cookie", &alice).body(()).unwrap();
    let (answer, _) = client.begin(request, true).await;
    let answer = timeout(IN_TIME, answer).await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    let mut stream = answer.into_body();
    assert!(next_part(&mut stream).await.unwrap().unwrap().starts_with(b"retry:"));
    client.sign_in("alice").await;
    let part = next_part(&mut stream).await.unwrap().unwrap();
    assert!(part.starts_with(b"event: sessions\n"), "{part:?}");
}

#[tokio::test]
async fn what_is_opened_on_another_replica_is_told_too() {
    let redis = Redis::start().await;
    let app = App::ok().await;
    let mut replicas = Replicas::before(app.address, &redis.stores(2), "");
    replicas.start().await;
    replicas.user("alice");
    let alice = replicas.houses[0].signed_in("alice").await;
    let mut stream = open(&alice).await;
    until_it_says(&mut stream, "retry:").await;
    let elsewhere = replicas.houses[1].person();
    let sign_in = elsewhere
        .request(Method::POST, "/security/api/v1/sign-in")
        .header("host", replicas.houses[0].public.to_string());
    let answer = sign_in.json(&json!({ "username": "alice", "password": PASSWORD })).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let said: serde_json::Value = answer.json().await.unwrap();
    until_it_says(&mut stream, said["session"]["id"].as_str().unwrap()).await;
}
