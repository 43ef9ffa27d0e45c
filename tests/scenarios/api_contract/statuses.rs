//! What the document says that a call can answer is what it can answer, call by call; and what an error points at.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use super::{CALLS, document, is_as_documented};
use crate::town::{Answer, MAC, PASSWORD, Town, Weather};

/// Only the wire can tell of a body that is too large or does not come: these are looked at where there is one.
const OF_THE_WIRE: [u16; 2] = [408, 413];

/// Every sort of answer that a call can be brought to.
async fn everything_that_can_happen((method, path): (&str, &str)) -> Vec<Answer> {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (browser, other) = (alice.signed_in_on(MAC).await, alice.signed_in_on(MAC).await);
    let verb: Method = method.parse().unwrap();
    let body = |password: &str, new: &str| match path {
        "/sign-in" => json!({"username": "alice", "password": password}),
        "/password" => json!({"current_password": password, "new_password": new}),
        _ => Value::Null,
    };
    let (good, place) = (body(PASSWORD, "Ferry-crossing-at-9"), path.replace("{id}", &other.session()));
    let ask = |target: &str| browser.fetch(verb.clone(), &format!("/security/api/v1{target}"));
    let mut answers = Vec::new();

    town.weather(Weather::Away);
    answers.push(browser.api(method, &place, good.clone()).await);
    town.weather(Weather::Fair);
    if !matches!(path, "/sign-in" | "/sign-out") {
        answers.push(town.stranger().api(method, &place, good.clone()).await);
    }
    let foreign = ask(&place).with("sec-fetch-site", "cross-site").with("origin", "https://evil.test");
    if method != "GET" {
        answers.push(foreign.send().await.answer());
    }
    if path.ends_with("{id}") {
        answers.push(browser.api(method, "/sessions/sess_x", Value::Null).await);
    }
    if matches!(path, "/sessions" | "/login-history") {
        answers.push(browser.api(method, &format!("{path}?limit=0"), Value::Null).await);
    }
    if path == "/login-history" {
        answers.push(browser.api(method, &format!("{path}?outcome=failed&outcome=failed"), Value::Null).await);
    }
    if !good.is_null() {
        answers.push(ask(path).with("content-type", "text/plain").body("{}").send().await.answer());
        for text in ["{", "{}"] {
            answers.push(ask(path).with("content-type", "application/json").body(text).send().await.answer());
        }
        for _ in 0..6 {
            answers.push(browser.api(method, path, body("wrong", "Ferry-crossing-at-9")).await);
        }
        town.advance(crate::town::HOUR);
    }
    answers.push(browser.api(method, &place, good).await);
    answers
}

#[tokio::test]
async fn each_call_documents_what_it_can_answer_and_nothing_else() {
    let document = document(&Town::new()).await;
    for call in CALLS {
        let mut answered = BTreeSet::new();
        for answer in everything_that_can_happen(call).await {
            is_as_documented(&document, call, &answer);
            answered.insert(answer.status);
        }
        let operation = &document["paths"][call.1][call.0.to_lowercase()];
        let told = operation["responses"].as_object().unwrap().keys();
        let mut told: BTreeSet<u16> = told.filter(|key| *key != "default").map(|key| key.parse().unwrap()).collect();
        let takes_a_body = operation["requestBody"].is_object();
        for status in OF_THE_WIRE {
            assert_eq!(told.remove(&status), takes_a_body, "{call:?}: {status}");
        }
        assert_eq!(told, answered, "{call:?}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert_ne!(response["description"].as_str().unwrap_or_default(), "", "{call:?} {status} says nothing");
            if !status.starts_with('2') {
                let kinds: Vec<_> = response["content"].as_object().unwrap().keys().collect();
                assert_eq!(kinds, ["application/problem+json"], "{call:?} {status}");
            }
        }
    }
}

#[tokio::test]
async fn an_error_points_at_what_is_wrong() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let pointer = |answer: &Answer| answer.json()["errors"][0]["pointer"].as_str().unwrap().to_owned();
    for (path, points_at) in [
        ("/sessions?limit=0", "/query/limit"),
        ("/sessions?limit=x", "/query/limit"),
        ("/sessions?cursor=x", "/query/cursor"),
        ("/login-history?limit=x", "/query/limit"),
        ("/login-history?cursor=x", "/query/cursor"),
        ("/login-history?outcome=x", "/query/outcome"),
    ] {
        assert_eq!(pointer(&browser.api("GET", path, Value::Null).await), points_at, "{path}");
    }
    for (body, points_at) in [
        (json!({}), "/current_password"),
        (json!({"current_password": "a"}), "/new_password"),
        (json!({"current_password": "a", "new_password": "b", "admin": true}), "/admin"),
        (json!({"current_password": "a", "new_password": "b", "a/b~c": true}), "/a~1b~0c"),
        (json!({"current_password": 1, "new_password": 2}), ""),
        (json!([]), ""),
        (json!({"current_password": PASSWORD, "new_password": "x"}), "/new_password"),
    ] {
        let answer = browser.api("PUT", "/password", body.clone()).await;
        assert_eq!((answer.status, pointer(&answer).as_str()), (422, points_at), "{body}");
    }
    let document = document(&town).await;
    let said = document["components"]["schemas"]["FieldProblem"]["properties"]["pointer"]["description"].to_string();
    assert!(said.contains("RFC 6901") && said.contains("/query/"), "{said}");
}
