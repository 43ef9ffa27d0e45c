//! What the document says that a call can answer is what it can answer, call by call; and what an error points at.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use super::{OPERATIONS, assert_documented, openapi_document};
use crate::test_app::{MAC, PASSWORD, StoreFault, TestApp, TestResponse};

/// Only the wire can tell of a body that is too large or does not come: these are looked at where there is one.
const WIRE_ONLY_STATUSES: [u16; 2] = [408, 413];

/// Every sort of answer that a call can be brought to.
async fn all_responses((method, path): (&str, &str)) -> Vec<TestResponse> {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (browser, other) = (alice.signed_in_on(MAC).await, alice.signed_in_on(MAC).await);
    let verb: Method = method.parse().unwrap();
    let body = |password: &str, new: &str| match path {
        "/sign-in" => json!({"username": "alice", "password": password}),
        "/password" => json!({"current_password": password, "new_password": new}),
        _ => Value::Null,
    };
    let (good, place) = (body(PASSWORD, "Ferry-crossing-at-9"), path.replace("{id}", &other.session_id()));
    let ask = |target: &str| browser.fetch(verb.clone(), &format!("/security/api/v1{target}"));
    let mut answers = Vec::new();

    app.set_fault(StoreFault::Unavailable);
    answers.push(browser.api(method, &place, good.clone()).await);
    app.set_fault(StoreFault::None);
    if !matches!(path, "/sign-in" | "/sign-out") {
        answers.push(app.new_browser().api(method, &place, good.clone()).await);
    }
    let foreign = ask(&place).header("sec-fetch-site", "cross-site").header("origin", "https://evil.test");
    if method != "GET" {
        answers.push(foreign.send().await.response());
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
        answers.push(ask(path).header("content-type", "text/plain").body("{}").send().await.response());
        for text in ["{", "{}"] {
            answers.push(ask(path).header("content-type", "application/json").body(text).send().await.response());
        }
        for _ in 0..6 {
            answers.push(browser.api(method, path, body("wrong", "Ferry-crossing-at-9")).await);
        }
        app.advance(crate::test_app::HOUR);
    }
    answers.push(browser.api(method, &place, good).await);
    answers
}

#[tokio::test]
async fn each_call_documents_what_it_can_answer_and_nothing_else() {
    let document = openapi_document(&TestApp::new()).await;
    for call in OPERATIONS {
        let mut answered = BTreeSet::new();
        for answer in all_responses(call).await {
            assert_documented(&document, call, &answer);
            answered.insert(answer.status);
        }
        let operation = &document["paths"][call.1][call.0.to_lowercase()];
        let told = operation["responses"].as_object().unwrap().keys();
        let mut told: BTreeSet<u16> = told.filter(|key| *key != "default").map(|key| key.parse().unwrap()).collect();
        let takes_a_body = operation["requestBody"].is_object();
        for status in WIRE_ONLY_STATUSES {
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
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let pointer = |answer: &TestResponse| answer.json()["errors"][0]["pointer"].as_str().unwrap().to_owned();
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
    let document = openapi_document(&app).await;
    let said = document["components"]["schemas"]["FieldProblem"]["properties"]["pointer"]["description"].to_string();
    assert!(said.contains("RFC 6901") && said.contains("/query/"), "{said}");
}
