//! `;`, `%3b`, `%5c`, control characters and their kin: let through where every server reads the path under one rule, sent on as
//! they came where a route says so, and refused with a reason that can be acted on.

use http::Method;

use crate::test_app::{MAC, TestApp};

const ROUTES: &str = "
  - { path: /admin, access: { roles: [admin] }, upstream: app }
  - { path: /files/private, access: { roles: [admin] }, upstream: app }
  - { path: /files, access: public, upstream: app }
  - { path: /signed/private, access: { roles: [admin] }, upstream: app }
  - { path: /signed, access: public, upstream: app, preserve_path: true }
  - { path: /, access: public, upstream: app }";

#[tokio::test]
async fn what_is_under_one_rule_however_it_is_read_is_let_through() {
    let app = TestApp::with_routes(ROUTES);
    for (sent, arrives) in [
        ("/files/a;b.txt", "/files/a;b.txt"),
        ("/files/a%3bb.txt", "/files/a%3Bb.txt"),
        ("/files/a%3B%3bb;c.txt", "/files/a%3B%3Bb;c.txt"),
        ("/files/a%5cb.txt", "/files/a%5Cb.txt"),
        ("/files/a%09b%0ac%0d%7f%1f%01.txt", "/files/a%09b%0Ac%0D%7F%1F%01.txt"),
        ("/files/C%23/what%3f", "/files/C%23/what%3F"),
        ("/files/100%2541", "/files/100%2541"),
        ("/files/a%c0%af%c0%aex", "/files/a%C0%AF%C0%AEx"),
        ("/files/\u{939}%e0%a4%b9/\u{1f600}", "/files/%E0%A4%B9%E0%A4%B9/%F0%9F%98%80"),
        ("/files/a\"<b>`c|d^e{f}[g]", "/files/a%22%3Cb%3E%60c%7Cd%5Ee%7Bf%7D%5Bg%5D"),
        ("/files/x?a=\"<b>`c|d^e{f}[g]\\\u{e9}&g=%7b;", "/files/x?a=%22%3Cb%3E%60c%7Cd%5Ee%7Bf%7D[g]%5C%C3%A9&g=%7b;"),
        ("/files/a./b%20/c.d", "/files/a./b%20/c.d"),
        ("/anything%3b", "/anything%3B"),
        ("/...;x/..x%5c", "/...;x/..x%5C"),
    ] {
        assert_eq!(app.new_browser().get(sent).await.forwarded().path, arrives, "{sent}");
    }
}

/// Paths of which somebody reads another one, the character at fault, and the key that would let it through.
const REFUSED: [(&str, &str, &str, &str); 37] = [
    ("/admin;x", ";", "semicolon", "allow_semicolon"),
    ("/admin%3bx/y", "%3b", "encoded-semicolon", "allow_semicolon"),
    ("/files;v=1/a", ";", "semicolon", "allow_semicolon"),
    ("/;v/admin", ";", "semicolon", "allow_semicolon"),
    ("/x;/../%61dmin%3b", "%3b", "encoded-semicolon", "allow_semicolon"),
    ("/admin%5cx", "%5c", "encoded-backslash", "allow_encoded_backslash"),
    ("/files%5cprivate", "%5c", "encoded-backslash", "allow_encoded_backslash"),
    ("/files/private%5Cx", "%5c", "encoded-backslash", "allow_encoded_backslash"),
    ("/ad%09min/x", "%09", "encoded-control", "allow_encoded_control"),
    ("/admin%0Ax", "%0a", "encoded-control", "allow_encoded_control"),
    ("/files/priv%0date", "%0d", "encoded-control", "allow_encoded_control"),
    ("/files/private%7F", "%7f", "encoded-control", "allow_encoded_control"),
    ("/admin%3fx", "%3f", "encoded-question-mark", "none"),
    ("/admin%23x", "%23", "encoded-hash", "none"),
    ("/%2561dmin/x", "%25", "encoded-percent", "none"),
    ("/files/%2570rivate", "%25", "encoded-percent", "none"),
    ("/%c1%a1dmin", "%c0", "overlong", "none"),
    ("/admin./x", ". %20", "trailing-dot", "none"),
    ("/admin%20", ". %20", "trailing-dot", "none"),
    ("/admin.%20.", ". %20", "trailing-dot", "none"),
    ("/files/a%2fb", "%2f", "encoded-slash", "allow_encoded_slash"),
    ("/files/a%00", "%00", "null", "none"),
    ("/files/a\\b", "\\", "backslash", "none"),
    ("/files/..;/admin", "dot-segment", "dot-segment", "none"),
    ("/files/..%3b/admin", "dot-segment", "dot-segment", "none"),
    ("/files/..%5c..%5cadmin", "dot-segment", "dot-segment", "none"),
    ("/files/.%09./admin", "dot-segment", "dot-segment", "none"),
    ("/files/..%0a/admin", "dot-segment", "dot-segment", "none"),
    ("/files/..%20/admin", "dot-segment", "dot-segment", "none"),
    ("/files/%252e%252e/admin", "dot-segment", "dot-segment", "none"),
    ("/files/%c0%ae%c0%ae/admin", "dot-segment", "dot-segment", "none"),
    ("/files/..%2500/admin", "dot-segment", "dot-segment", "none"),
    ("/..", "dot-segment", "dot-segment", "none"),
    ("/files/%", "broken-encoding", "broken-encoding", "none"),
    ("/%5cevil.test/x", "%5c", "encoded-backslash", "none"),
    ("/%09/evil.test", "%09", "encoded-control", "none"),
    ("/security;x/sign-in", ";", "semicolon", "none"),
];

#[tokio::test]
async fn what_has_two_readings_is_refused_and_the_character_and_the_key_are_told() {
    let app = TestApp::with_routes(ROUTES);
    let root = app.add_user_with_roles("root", &["admin"]).await.signed_in_on(MAC).await;
    for (path, character, label, key) in REFUSED {
        let counted = format!("paths_refused_total{{character=\"{label}\",key=\"{key}\"}}");
        let before = app.metric(&counted);
        for caller in [&root, &app.new_browser()] {
            let problem = caller.fetch(Method::GET, path).send().await.response();
            assert_eq!((problem.status, problem.problem_type().as_str()), (400, "bad-request"), "{path}");
            let detail = problem.json()["detail"].as_str().unwrap().to_owned();
            let page = caller.get(path).await.response();
            assert_eq!(page.status, 400);
            for said in [detail.as_str(), page.text()] {
                let names_it = character == label || said.contains(&format!("({character})"));
                assert!(names_it, "{path}: {said}");
                assert_eq!(said.contains("allow_"), key != "none", "{path}: {said}");
                assert!(key == "none" || said.contains(key), "{path}: {said}");
            }
        }
        assert_eq!(app.metric(&counted), before + 4, "{path}: {counted}");
        let head = root.navigation(Method::GET, path);
        let (explained, status) = head.explain(None).await;
        assert_eq!(status, Some(400));
        let portcullis::gate::ExplainedDecision::Refuse(refusal) = explained.decision else { panic!("{path}") };
        let in_the_log = refusal.log_reason().unwrap().into_owned();
        let expected = if key == "none" { format!("path: {character}") } else { format!("path: {character}, {key}") };
        assert_eq!(in_the_log, expected, "{path}");
    }
}

#[tokio::test]
async fn an_app_that_takes_them_for_letters_gets_them_by_its_routes_key() {
    let town_with = |keys: &str| {
        let routes = format!(
            "
  - {{ path: /admin, access: {{ roles: [admin] }}, upstream: app }}
  - {{ path: /, access: public, upstream: app{keys} }}"
        );
        TestApp::with_routes(routes.leak())
    };
    let keys = ["allow_semicolon", "allow_encoded_backslash", "allow_encoded_control"];
    for (key, path, arrives) in [
        (keys[0], "/admin;x", "/admin;x"),
        (keys[0], "/admin%3bx/y", "/admin%3Bx/y"),
        (keys[0], "/;v/admin", "/;v/admin"),
        (keys[1], "/admin%5cx", "/admin%5Cx"),
        (keys[2], "/ad%09min", "/ad%09min"),
        (keys[2], "/admin%0ax", "/admin%0Ax"),
    ] {
        for other in keys {
            let app = town_with(&format!(", {other}: true"));
            let reply = app.new_browser().get(path).await;
            if other == key {
                assert_eq!(reply.forwarded().path, arrives, "{path} by {other}");
            } else {
                assert_eq!(reply.response().status, 400, "{path} by {other}");
            }
        }
    }
    let all = keys.map(|key| format!(", {key}: true")).concat();
    let app = town_with(&all);
    for path in [
        "/security;x/sign-in",
        "/security%5csign-in",
        "/secur%09ity",
        "/security%0a",
        "/x/..;/admin",
        "/x/..%3b/admin",
        "/x%5c..%5cadmin",
        "/x/.%09./admin",
        "/x%00",
        "/x\\y",
        "/%5cadmin",
        "/admin%2fx",
        "/admin%3fx",
    ] {
        assert_eq!(app.new_browser().get(path).await.response().status, 400, "{path}: no key allows it");
    }
}

#[tokio::test]
async fn a_path_arrives_byte_for_byte_where_its_route_preserves_it() {
    let app = TestApp::with_routes(ROUTES);
    for path in [
        "/signed/%7Euser/%61%2d",
        "/signed/room%3A%21a%2fb%2F//c/",
        "/signed/a;b%3bc%5cd%09e%0Af",
        "/signed/caf%c3%A9/[x]|{y}^'\"",
        "/signed/...",
        "/signed?a=%7e&b={c|d}^`\\[]&e=%2F/..//;",
        "/signed/https://example.com/a%2520b.png?x#y",
    ] {
        let path = path.split('#').next().unwrap();
        assert_eq!(app.new_browser().get(path).await.forwarded().path, path);
    }
    for path in [
        "/signed/./a",
        "/signed/a/../b",
        "/signed/a/%2e%2e/b",
        "/signed/%2e/b",
        "/signed/a/..",
        "/signed/a%2f..%2fb",
        "/signed/a/..;x/b",
        "/signed/a/..%3b/b",
        "/signed/a%5c..%5cb",
        "/signed/%252e%252e/b",
        "/signed/a%00",
        "/signed/a\\b",
        "/signed/a%",
        "//signed/a",
        "/%73igned/a",
        "/./signed/a",
        "/signed%2fa",
        "/signed%5ca",
        "/signed%2fprivate",
        "/signed/priv%61te%3bx/../../signed/x",
        "/signed/private%3bx",
        "/signed%2f..%2fsecurity",
    ] {
        let answer = app.new_browser().fetch(Method::GET, path).send().await.response();
        assert_eq!((answer.status, answer.problem_type().as_str()), (400, "bad-request"), "{path}");
    }
    for path in ["/signed/%70rivate/x", "/signed//private"] {
        let denied = app.new_browser().fetch(Method::GET, path).send().await.response();
        assert_eq!(denied.status, 401, "{path}: its own rule is asked");
    }
    assert_eq!(app.new_browser().get("/files/%7Euser").await.forwarded().path, "/files/~user", "of this route alone");
}

#[tokio::test]
async fn whoever_was_sent_to_sign_in_comes_back_to_the_very_path() {
    let app = TestApp::with_routes("\n  - { path: /, access: signed_in, upstream: app, preserve_path: true }");
    app.add_user("alice").await;
    let browser = app.new_browser();
    for path in ["/%7euser/a%3bb%09c%5cd;e//f%2fg?h=%7e{i|j}", "/caf%c3%a9;jsessionid=1"] {
        let asked = browser.get(path).await.response();
        let page = browser.get(asked.location()).await.response();
        assert!(page.text().contains("name=\"rd\""), "{path}: {}", page.text());
        let form = [("username", "alice"), ("password", crate::test_app::PASSWORD), ("rd", path)];
        let landed = app.new_browser().post_form("/security/sign-in", &form).await.response();
        assert_eq!(landed.location(), path);
    }
}

#[tokio::test]
async fn the_last_page_is_shown_without_parameters_and_control_characters() {
    let app = TestApp::with_routes("\n  - { path: /, access: signed_in, upstream: app }");
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    browser.get("/shop;jsessionid=hush/a%09b%0a%3cscript%3e%e2%80%ae").await.forwarded();
    app.flush().await;
    let sessions = browser.get("/security/api/v1/sessions").await.response();
    let last = sessions.json()["items"][0]["activity"]["last_page"]["path"].as_str().map(str::to_owned);
    assert_eq!(last.as_deref(), Some("/shop/a%09b%0A%3Cscript%3E%E2%80%AE"), "{}", sessions.text());
}
