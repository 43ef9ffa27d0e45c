//! What an operator sees: metrics and health where nobody else sees them, and a log that can be read and shared.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{App, Client, Installation, PASSWORD, until};

#[tokio::test]
async fn metrics_and_health_are_on_the_admins_port_only() {
    let app = App::ok().await;
    let house = Installation::before(app.address);
    house.user("alice", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    for path in ["/metrics", "/livez", "/readyz"] {
        assert_eq!(server.admin(path).await.unwrap().0, 200, "{path}");
        assert_eq!(house.person().status(path).await, 401, "{path} is the app's");
        assert_eq!(alice.get(path).await.text().await.unwrap(), "ok", "{path} is the app's");
    }
    assert_eq!(server.admin("/security/sign-in").await.unwrap().0, 404);
    let forged = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", house.admin);
    assert_eq!(Client::connect(house.public).await.ask(forged).await.status, 421);
}

#[tokio::test]
async fn metrics_count_and_hold_no_users_data() {
    let app = App::ok().await;
    let house = Installation::before(app.address);
    house.user("alice", &["--email", "alice@example.com"]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    house.person().try_to_sign_in("alice", "wrong").await;
    for _ in 0..3 {
        alice.get("/secret-page").await;
    }
    let (_, text) = server.admin("/metrics").await.unwrap();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(series.starts_with("portcullis_") || series.starts_with("process_"), "{line}");
        value.parse::<f64>().unwrap();
    }
    for private in ["alice", "127.0.0.1", "secret-page", &alice.session().await] {
        assert!(!text.contains(private), "{private} is in\n{text}");
    }
    for (series, at_least) in [
        ("portcullis_auth_decisions_total{decision=\"allow\",mode=\"proxy\"}", 3.0),
        ("portcullis_sign_in_attempts_total{result=\"succeeded\",step=\"password\"}", 1.0),
        ("portcullis_sign_in_attempts_total{result=\"failed\",step=\"password\"}", 1.0),
        ("portcullis_sessions_created_total{method=\"password\"}", 1.0),
        ("portcullis_requests_total{code_class=\"2xx\",route=\"/\"}", 3.0),
        ("portcullis_upstream_requests_total{code_class=\"2xx\",upstream=\"app\"}", 3.0),
        ("portcullis_session_lookups_total{result=\"good\"}", 3.0),
        ("portcullis_store_up", 1.0),
        ("portcullis_heartbeats_total{result=\"written\"}", 1.0),
        ("process_resident_memory_bytes", 1.0),
    ] {
        until(series, async || (server.metric(series).await >= at_least).then_some(())).await;
    }
    // Counted by the sweep, which begins with the server.
    assert_eq!(server.stop().await, 0);
    house.run().await.metric_becomes("portcullis_sessions_active", 1.0).await;
}

/// A body takes time, and what it is for is looked at again after it: that is no second request.
#[tokio::test]
async fn a_request_with_a_body_counts_once() {
    let app = App::ok().await;
    let house = Installation::before(app.address);
    house.user("alice", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    let series = [
        "portcullis_auth_decisions_total{decision=\"public\",mode=\"proxy\"}",
        "portcullis_auth_overhead_seconds_count{decision=\"public\"}",
    ];
    let mut before = Vec::new();
    for series in series {
        before.push(server.metric(series).await);
    }
    let passwords = json!({ "current_password": PASSWORD, "new_password": "Another-horse-8-battery" });
    assert_eq!(alice.call(Method::PUT, "/password", &passwords).await.status(), 204);
    for (series, before) in series.into_iter().zip(before) {
        assert!((server.metric(series).await - before - 1.0).abs() < f64::EPSILON, "{series}");
    }
    // Written are all hits when the server stops.
    assert_eq!(server.stop().await, 0);
    let _server = house.run().await;
    let session: Value = alice.get("/security/api/v1/sessions/current").await.json().await.unwrap();
    assert_eq!(session["activity"]["actions"], 1, "{session}");
}

/// The line of the access log about this path.
async fn access(server: &crate::harness::Running, path: &str) -> Value {
    server.says(&format!("\"path\":\"{path}\"")).await
}

#[tokio::test]
async fn each_request_has_a_line_that_can_be_read() {
    let app = App::ok().await;
    let house = Installation::before(app.address);
    house.user("alice", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    alice.get("/orders?card=4111111111111111").await;
    let line = access(&server, "/orders").await;
    for (field, value) in [
        ("target", json!("access")),
        ("method", json!("GET")),
        ("status", json!(200)),
        ("decision", json!("allow")),
        ("route", json!("/")),
        ("upstream", json!("app")),
        ("ip", json!("127.0.0.1")),
        ("bytes", json!(2)),
        ("session", json!(alice.session().await)),
    ] {
        assert_eq!(line[field], value, "{field} of {line}");
    }
    assert!(line["auth_ms"].is_f64() && line["duration_ms"].is_f64() && line["timestamp"].is_string(), "{line}");
    assert_eq!(line["request_id"].as_str().unwrap(), app.header("X-Request-Id")[0]);
    assert!(!server.child.printed().join("\n").contains("4111"), "a query is nobody's business");
    house.person().get("/refused").await;
    let line = access(&server, "/refused").await;
    assert_eq!(
        (&line["status"], &line["decision"], &line["session"]),
        (&json!(401), &json!("unauthorized"), &Value::Null)
    );
}

#[tokio::test]
async fn the_log_holds_no_secret_and_one_record_for_each_event() {
    let app = App::ok().await;
    let house = Installation::before(app.address);
    house.user("alice", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    let (cookie, id) = (alice.cookie(), alice.session().await);
    let forged = "eve\n{\"level\":\"ERROR\",\"message\":\"forged\"}\r\u{1b}[31m";
    house.person().try_to_sign_in(forged, "hunter2-Hunter2").await;
    let mut raw = Client::connect(house.public).await;
    let mut lines = format!("GET /a%0a%7Bforged%7D%1b HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n", house.public);
    raw.ask(&lines).await;
    lines = lines.replace("/a%0a%7Bforged%7D%1b", "/b\u{1b}[31m\u{7f}");
    Client::connect(house.public).await.ask(&lines).await;
    // What opens a session, what knows a device, and who was here last, in every place where a careless program would print it.
    let secrets: Vec<&str> = cookie.split("; ").map(|cookie| cookie.split_once('=').unwrap().1).collect();
    assert_eq!(secrets.len(), 3, "{cookie}");
    for secret in &secrets {
        let request =
            alice.request(Method::GET, &format!("/q?{secret}")).header("referer", format!("http://x/?{secret}"));
        request.header("x-secret", *secret).send().await.unwrap();
    }
    alice.call(Method::POST, "/sign-out", &json!({})).await;
    assert_eq!(alice.status("/last").await, 401);
    access(&server, "/last").await;

    let log = server.log();
    let text = server.child.printed().join("\n");
    for hidden in ["hunter2", "Correct-horse", "portcullis="].iter().chain(&secrets) {
        assert!(!text.contains(hidden), "{hidden} is in\n{text}");
        // The part of it that is not the public id.
        let own_part = hidden.rsplit('.').next().unwrap();
        assert!(!text.contains(own_part), "{own_part} is in\n{text}");
    }
    assert!(text.contains(&id), "the public id is there");
    assert!(log.iter().all(|line| line["message"] != "forged" && line["level"].is_string()), "{text}");
    assert!(!text.bytes().any(|byte| byte < 0x20 && byte != b'\n' || byte == 0x7f), "{text:?}");
    // A public id opens nothing.
    let stolen = house.person().request(Method::GET, "/x").header("cookie", format!("portcullis={id}"));
    assert_eq!(stolen.send().await.unwrap().status(), 401);
}
