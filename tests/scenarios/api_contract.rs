//! The JSON API: every call that there is, what it answers, and that its document tells the truth.

mod statuses;

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use crate::test_app::{Browser, IPHONE, MAC, PASSWORD, TestApp, TestResponse};

/// Every call of this version; the document lists these and no others.
const OPERATIONS: [(&str, &str); 13] = [
    ("GET", "/me"),
    ("POST", "/sign-in"),
    ("POST", "/sign-out"),
    ("GET", "/sessions"),
    ("GET", "/sessions/current"),
    ("GET", "/sessions/{id}"),
    ("DELETE", "/sessions/{id}"),
    ("POST", "/sessions/revoke-others"),
    ("POST", "/sessions/revoke-all"),
    ("GET", "/session-state"),
    ("POST", "/session-state/stay"),
    ("GET", "/login-history"),
    ("PUT", "/password"),
];

async fn openapi_document(app: &TestApp) -> Value {
    let answer = app.new_browser().api("GET", "/openapi.json", Value::Null).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    answer.json()
}

/// By path, the methods that the document lists.
fn documented_statuses(document: &Value) -> BTreeMap<String, Vec<String>> {
    let methods = |calls: &Value| calls.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
    let paths = document["paths"].as_object().unwrap();
    paths.iter().map(|(path, calls)| (path.clone(), methods(calls))).collect()
}

/// Checks an answer against what the document says of the call.
fn assert_documented(document: &Value, (method, path): (&str, &str), answer: &TestResponse) {
    let call = &document["paths"][path][method.to_lowercase()];
    let at = format!("{method} {path} {}", answer.status);
    let response = &call["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{at} is not in the document");
    match response["content"].as_object() {
        None => assert_eq!(answer.text(), "", "{at}"),
        Some(content) => {
            let schema = &content.values().next().unwrap()["schema"];
            assert_matches_schema(document, schema, &answer.json(), &at);
        }
    }
}

/// Whether an id is as its pattern says: `^PREFIX[ALPHABET]{COUNT}$`, and no other pattern is known here.
fn matches_id_pattern(pattern: &str, id: &str) -> bool {
    let (prefix, rest) = pattern.strip_prefix('^').and_then(|rest| rest.split_once("[0-9a-hj-km-np-tv-z]{")).unwrap();
    let count: usize = rest.strip_suffix("}$").unwrap().parse().unwrap();
    let is_digit = |letter: char| letter.is_ascii_digit() || letter.is_ascii_lowercase() && !"ilou".contains(letter);
    id.strip_prefix(prefix).is_some_and(|bare| bare.len() == count && bare.chars().all(is_digit))
}

#[tokio::test]
async fn ids_and_cursors_have_patterns() {
    let document = openapi_document(&TestApp::new()).await;
    for (path, method) in
        [("/sessions/{id}", "get"), ("/sessions/{id}", "delete"), ("/sessions", "get"), ("/login-history", "get")]
    {
        let parameters = document["paths"][path][method]["parameters"].as_array().unwrap();
        let named = parameters.iter().filter(|it| it["name"] == "id" || it["name"] == "cursor");
        let patterns: Vec<_> = named.filter_map(|it| it["schema"]["pattern"].as_str()).collect();
        assert_eq!(patterns.len(), 1, "{method} {path}: {parameters:?}");
    }
    let id = &document["components"]["schemas"]["SessionResource"]["properties"]["id"];
    assert!(matches_id_pattern(id["pattern"].as_str().unwrap(), "sess_7f3kq7f3kq7f37f3kq7f3kq7f3"), "{id}");
}

/// A rough reading of JSON Schema: references, alternatives, types, required and unknown properties, items.
fn assert_matches_schema(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(named) = schema["$ref"].as_str() {
        let schema = document.pointer(named.trim_start_matches('#')).unwrap_or_else(|| panic!("{at}: no {named}"));
        return assert_matches_schema(document, schema, value, at);
    }
    if let Some(any) = schema["oneOf"].as_array() {
        let chosen = any.iter().find(|one| (one["type"] == "null") == value.is_null());
        return assert_matches_schema(
            document,
            chosen.unwrap_or_else(|| panic!("{at}: none of {any:?} is {value}")),
            value,
            at,
        );
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = match &schema["type"] {
        Value::String(one) => one == kind,
        Value::Array(any) => any.iter().any(|one| one == kind),
        _ => true,
    };
    assert!(allowed, "{at}: {value} is not {}", schema["type"]);
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str()) {
        assert!(matches_id_pattern(pattern, text), "{at}: {text} is not {pattern}");
    }
    if let Some(object) = value.as_object() {
        for required in schema["required"].as_array().into_iter().flatten() {
            assert!(object.contains_key(required.as_str().unwrap()), "{at}: {required} is missing in {value}");
        }
        for (name, inner) in object {
            let property = &schema["properties"][name];
            assert!(property.is_object(), "{at}: {name} is not in the document");
            assert_matches_schema(document, property, inner, &format!("{at}.{name}"));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        assert_matches_schema(document, &schema["items"], item, &format!("{at}[]"));
    }
}

#[tokio::test]
async fn the_document_lists_exactly_the_calls_that_there_are() {
    let app = TestApp::new();
    let document = openapi_document(&app).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["servers"][0]["url"], "/security/api/v1");
    let mut expected = BTreeMap::<String, Vec<String>>::new();
    for (method, path) in OPERATIONS {
        expected.entry(path.to_owned()).or_default().push(method.to_owned());
    }
    let mut listed = documented_statuses(&document);
    for methods in expected.values_mut().chain(listed.values_mut()) {
        methods.sort();
    }
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn each_path_takes_the_methods_that_are_listed_and_refuses_the_rest() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    for (path, methods) in documented_statuses(&openapi_document(&app).await) {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let browser = alice.signed_in_on(MAC).await;
            let place = path.replace("{id}", &browser.session_id());
            let answer = browser.api(method, &place, Value::Null).await;
            if methods.iter().any(|listed| listed == method) {
                assert!(!matches!(answer.status, 404 | 405), "{method} {path}: {}", answer.status);
            } else {
                assert_eq!(
                    (answer.status, answer.problem_type().as_str()),
                    (405, "method-not-allowed"),
                    "{method} {path}"
                );
                let allow = answer.header("allow").unwrap();
                assert!(methods.iter().all(|listed| allow.contains(listed.as_str())), "{method} {path}: {allow}");
            }
        }
    }
}

#[tokio::test]
async fn every_call_answers_as_documented() {
    for app in TestApp::on_each_store() {
        let document = openapi_document(&app).await;
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        laptop.get("/dashboard").await.forwarded();
        app.flush().await;
        app.new_browser().sign_in("alice", "wrong").await;
        let check =
            async |browser: &Browser<'_>, call: (&'static str, &'static str), path: &str, json: Value, status| {
                let answer = browser.api(call.0, path, json).await;
                assert_eq!(answer.status, status, "{call:?}: {}", answer.text());
                assert_documented(&document, call, &answer);
            };
        let one = ("GET", "/sessions/{id}");
        check(&laptop, ("GET", "/me"), "/me", Value::Null, 200).await;
        check(&laptop, ("GET", "/sessions"), "/sessions", Value::Null, 200).await;
        check(&laptop, ("GET", "/sessions/current"), "/sessions/current", Value::Null, 200).await;
        check(&laptop, one, &format!("/sessions/{}", phone.session_id()), Value::Null, 200).await;
        check(&laptop, one, "/sessions/sess_x", Value::Null, 404).await;
        check(&laptop, ("GET", "/login-history"), "/login-history", Value::Null, 200).await;
        check(&laptop, ("GET", "/login-history"), "/login-history?outcome=x", Value::Null, 422).await;
        check(&laptop, ("DELETE", "/sessions/{id}"), &format!("/sessions/{}", phone.session_id()), Value::Null, 204)
            .await;
        check(&laptop, ("DELETE", "/sessions/{id}"), &format!("/sessions/{}", phone.session_id()), Value::Null, 404)
            .await;
        let change = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
        let password = ("PUT", "/password");
        check(&laptop, password, "/password", change("wrong", "Ferry-crossing-at-9"), 401).await;
        check(&laptop, password, "/password", change(PASSWORD, "x"), 422).await;
        check(&laptop, password, "/password", change(PASSWORD, "Ferry-crossing-at-9"), 204).await;
        check(&laptop, ("POST", "/sessions/revoke-others"), "/sessions/revoke-others", Value::Null, 200).await;
        check(&laptop, ("POST", "/sessions/revoke-all"), "/sessions/revoke-all", Value::Null, 200).await;
        check(&laptop, ("POST", "/sign-out"), "/sign-out", Value::Null, 204).await;
        let sign_in = |password: &str| json!({"username": "alice", "password": password});
        check(&app.new_browser(), ("POST", "/sign-in"), "/sign-in", sign_in("Ferry-crossing-at-9"), 200).await;
        for status in [401, 401, 401, 401, 401, 429] {
            check(&app.new_browser(), ("POST", "/sign-in"), "/sign-in", sign_in("wrong"), status).await;
        }
    }
}

#[tokio::test]
async fn what_needs_a_session_says_so() {
    let app = TestApp::new();
    let document = openapi_document(&app).await;
    for (method, path) in OPERATIONS {
        if matches!(path, "/sign-in" | "/sign-out" | "/session-state") {
            continue;
        }
        let json = if method == "PUT" { json!({"current_password": "x", "new_password": "y"}) } else { Value::Null };
        let place = path.replace("{id}", "sess_00000000000000000000000000");
        let answer = app.new_browser().api(method, &place, json).await;
        assert_eq!((answer.status, answer.problem_type().as_str()), (401, "sign-in-required"), "{method} {path}");
        assert_eq!(answer.json()["sign_in_url"], "https://app.example.com/security/sign-in");
        assert_documented(&document, (method, path), &answer);
    }
}

#[tokio::test]
async fn me_tells_who_one_is() {
    let app = TestApp::new();
    let alice = app.add_user_with_roles("alice", &["editor", "auditor"]).await;
    let browser = alice.signed_in_on(MAC).await;

    let me = browser.api("GET", "/me", Value::Null).await.json();

    let user = json!({
        "id": alice.id(), "name": "alice", "display_name": null, "email": "alice@example.com",
        "roles": ["auditor", "editor"],
    });
    assert_eq!(me["user"], user);
    assert_eq!((&me["assurance"], &me["confirmed_until"]), (&json!(1), &json!(null)));
    assert_eq!((&me["session"]["id"], &me["session"]["current"]), (&json!(browser.session_id()), &json!(true)));
}

#[tokio::test]
async fn unknown_places_are_problems_even_for_a_page_navigation() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    for path in
        ["", "/", "/nowhere", "/sessions/", "/me/", "/sessions/a/b", "/two-step", "/admin/users", "/token/refresh"]
    {
        let answer = browser.api("GET", path, Value::Null).await;
        assert_eq!((answer.status, answer.problem_type().as_str()), (404, "not-found"), "{path}");
        let answer = browser.get(&format!("/security/api/v1{path}")).await.response();
        assert_eq!(answer.problem_type(), "not-found", "{path} for a browser's address bar");
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_a_problem_and_changes_nothing() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let put = |kind: &str, body: &'static str| {
        let ask = browser.fetch(Method::PUT, "/security/api/v1/password").body(body);
        if kind.is_empty() { ask } else { ask.header("content-type", kind) }
    };
    for (kind, body, status, slug) in [
        ("", "{}", 415, "unsupported-media-type"),
        ("text/plain", "{}", 415, "unsupported-media-type"),
        ("application/x-www-form-urlencoded", "current_password=a", 415, "unsupported-media-type"),
        ("application/json", "", 400, "bad-request"),
        ("application/json", "{", 400, "bad-request"),
        ("application/json", "\u{0}", 400, "bad-request"),
        ("application/json", "{}", 422, "invalid-request"),
        ("application/json", "[]", 422, "invalid-request"),
        ("application/json", "null", 422, "invalid-request"),
        ("application/json", "{\"current_password\":1,\"new_password\":2}", 422, "invalid-request"),
        (
            "application/json",
            "{\"current_password\":\"a\",\"new_password\":\"b\",\"admin\":true}",
            422,
            "invalid-request",
        ),
    ] {
        let answer = put(kind, body).send().await.response();
        assert_eq!((answer.status, answer.problem_type().as_str()), (status, slug), "{kind} {body}");
    }
    let deep = format!("{{\"current_password\":{}", "[".repeat(60_000));
    let ask =
        browser.fetch(Method::PUT, "/security/api/v1/password").header("content-type", "application/json").body(deep);
    assert_eq!(ask.send().await.response().problem_type(), "invalid-request");
    assert_eq!(app.store_calls("set_password"), 1, "alice's first one, and no other");
}

#[tokio::test]
async fn limits_are_from_one_to_a_hundred() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    for list in ["/sessions", "/login-history"] {
        for limit in ["1", "100"] {
            assert_eq!(browser.items(&format!("{list}?limit={limit}")).await.len(), 1);
        }
        for limit in ["0", "101", "-1", "x", "", "1e3", "99999999999999999999"] {
            let answer = browser.api("GET", &format!("{list}?limit={limit}"), Value::Null).await;
            assert_eq!((answer.status, answer.problem_type().as_str()), (422, "invalid-request"), "{list} {limit}");
            assert_eq!(answer.json()["errors"][0]["detail"], "write a number from 1 to 100");
        }
    }
}

#[tokio::test]
async fn ids_of_other_kinds_and_spellings_are_not_found() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let browser = alice.signed_in_on(MAC).await;
    let (id, user) = (browser.session_id(), alice.id().to_string());
    for wrong in
        [id.to_uppercase(), id.replace("sess_", ""), user, format!("{id}0"), "%00".to_owned(), "%ff".to_owned()]
    {
        for method in ["GET", "DELETE"] {
            let answer = browser.api(method, &format!("/sessions/{wrong}"), Value::Null).await;
            assert!(matches!(answer.problem_type().as_str(), "not-found" | "bad-request"), "{method} {wrong}");
        }
    }
    assert!(browser.reaches_app().await);
}

#[tokio::test]
async fn times_are_utc_and_ids_have_their_prefix() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let me = browser.api("GET", "/me", Value::Null).await.json();
    assert!(me["user"]["id"].as_str().unwrap().starts_with("usr_"));
    assert!(me["session"]["id"].as_str().unwrap().starts_with("sess_"));
    for time in ["created_at", "last_active_at", "idle_expires_at", "expires_at"] {
        let text = me["session"][time].as_str().unwrap();
        assert!(text.len() == 20 && text.ends_with('Z'), "{time}: {text}");
    }
}
