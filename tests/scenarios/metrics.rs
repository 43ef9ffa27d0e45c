//! What Prometheus reads: every series is there from the start, and moves when it is told to.

use crate::test_app::{IPHONE, MAC, PASSWORD, StoreFault, TestApp};

const AT_ZERO: &[&str] = &[
    "session_lookups_total{result=\"good\"}",
    "session_lookups_total{result=\"bad\"}",
    "session_lookups_total{result=\"away\"}",
    "heartbeats_total{result=\"written\"}",
    "heartbeats_total{result=\"failed\"}",
    "sessions_created_total{method=\"password\"}",
    "sessions_active",
    "sign_in_attempts_total{result=\"succeeded\",step=\"password\"}",
    "sign_in_attempts_total{result=\"failed\",step=\"password\"}",
    "sign_in_attempts_total{result=\"throttled\",step=\"password\"}",
    "sign_in_attempts_total{result=\"overloaded\",step=\"password\"}",
    "password_hash_seconds_count",
    "password_hash_rejected_total",
    "slow_readers",
    "lockouts_total{scope=\"account\"}",
    "lockouts_total{scope=\"address\"}",
    "csrf_rejections_total",
    "spoofed_identity_headers_total",
    "store_up",
    "open_streams{kind=\"websocket\"}",
    "open_streams{kind=\"sse\"}",
    "revocation_propagation_seconds_count",
    "audit_events_total{result=\"written\"}",
    "audit_events_total{result=\"failed\"}",
];

#[tokio::test]
async fn every_series_is_there_at_zero_from_the_start() {
    let app = TestApp::new();
    for series in AT_ZERO {
        assert_eq!(app.metric(series), 0, "{series}");
    }
    for decision in ["allow", "public", "sign_in", "unauthorized", "step_up", "denied", "blocked", "unavailable"] {
        assert_eq!(app.metric(&format!("auth_decisions_total{{decision=\"{decision}\",mode=\"proxy\"}}")), 0);
        assert_eq!(app.metric(&format!("auth_overhead_seconds_count{{decision=\"{decision}\"}}")), 0);
    }
    for reason in portcullis::session::EndReason::LABELS {
        assert_eq!(app.metric(&format!("sessions_ended_total{{reason=\"{reason}\"}}")), 0);
    }
    for reason in portcullis::session::EndReason::LABELS.into_iter().chain(["gone", "store_away", "stopping"]) {
        assert_eq!(app.metric(&format!("streams_cut_total{{reason=\"{reason}\"}}")), 0);
    }
    for op in portcullis::metrics::STORE_OPS {
        assert_eq!(app.metric(&format!("store_operation_seconds_count{{op=\"{op}\"}}")), 0);
        for result in ["ok", "error"] {
            assert_eq!(app.metric(&format!("store_operations_total{{op=\"{op}\",result=\"{result}\"}}")), 0);
        }
    }
    assert_eq!(app.metric("config_last_reload_successful"), 1);
    let text = app.components.metrics.render();
    assert!(text.contains("portcullis_build_info{") && text.contains("process_start_time_seconds"));
}

#[tokio::test]
async fn routes_and_upstreams_are_there_once_they_are_known() {
    let app = TestApp::new();
    app.components.metrics.register_route("/admin");
    app.components.metrics.register_upstream("app");
    for class in ["1xx", "2xx", "3xx", "4xx", "5xx"] {
        assert_eq!(app.metric(&format!("requests_total{{code_class=\"{class}\",route=\"/admin\"}}")), 0);
        assert_eq!(app.metric(&format!("upstream_requests_total{{code_class=\"{class}\",upstream=\"app\"}}")), 0);
    }
    assert_eq!(app.metric("requests_total{code_class=\"none\",route=\"/admin\"}"), 0);
    app.components.metrics.request_finished("/admin", 0, std::time::Duration::ZERO);
    assert_eq!(app.metric("requests_total{code_class=\"none\",route=\"/admin\"}"), 1);
    assert_eq!(app.metric("upstream_up{upstream=\"app\"}"), 1);
    app.components.metrics.set_upstream_up("app", false);
    app.components.metrics.register_upstream("app");
    assert_eq!(app.metric("upstream_up{upstream=\"app\"}"), 0, "a reload does not bring an app back");
}

#[tokio::test]
async fn each_decision_is_counted_once() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let decisions =
        |decision: &str| app.metric(&format!("auth_decisions_total{{decision=\"{decision}\",mode=\"proxy\"}}"));
    let before = decisions("public");
    browser.get("/").await.forwarded();
    browser.get("/admin").await.response();
    browser.get("/assets/x").await.forwarded();
    app.new_browser().get("/").await.response();
    app.new_browser().fetch(http::Method::GET, "/").send().await.response();

    assert_eq!((decisions("allow"), decisions("denied"), decisions("public")), (1, 1, before + 1));
    assert_eq!((decisions("sign_in"), decisions("unauthorized")), (1, 1));
}

#[tokio::test]
async fn a_day_in_town_is_counted() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    app.new_browser().sign_in("alice", "wrong").await;
    app.new_browser().sign_in("nosuch", PASSWORD).await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    laptop.get("/").await.forwarded();
    app.flush().await;
    laptop.post_form("/security/sessions/sign-out-others", &[]).await.response();
    phone.get("/").await.response();
    laptop.post_form("/security/sign-out", &[]).await.response();
    app.sweep().await;

    for (series, value) in [
        ("sign_in_attempts_total{result=\"succeeded\",step=\"password\"}", 2),
        ("sign_in_attempts_total{result=\"failed\",step=\"password\"}", 2),
        ("sessions_created_total{method=\"password\"}", 2),
        ("sessions_ended_total{reason=\"other_device\"}", 1),
        ("sessions_ended_total{reason=\"signed_out\"}", 1),
        ("session_lookups_total{result=\"good\"}", 3),
        ("session_lookups_total{result=\"bad\"}", 1),
        ("heartbeats_total{result=\"written\"}", 1),
        ("sessions_active", 0),
    ] {
        assert_eq!(app.metric(series), value, "{series}");
    }
    let written = app.metric("audit_events_total{result=\"written\"}");
    assert_eq!(written, 8, "{:?}", app.audit_events());
}

#[tokio::test]
async fn what_the_store_does_is_counted_and_what_it_does_not_too() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let finds = |result: &str| app.metric(&format!("store_operations_total{{op=\"find\",result=\"{result}\"}}"));
    let before = finds("ok");
    browser.get("/").await.forwarded();
    app.set_fault(StoreFault::UnavailableFor("find"));
    browser.get("/").await.response();
    assert_eq!((finds("ok"), finds("error")), (before + 1, 1));
    assert_eq!(app.metric("store_operation_seconds_count{op=\"find\"}"), before + 2);
}

#[tokio::test]
async fn no_label_holds_what_a_person_typed() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let browser = alice.signed_in_on(MAC).await;
    app.new_browser().sign_in("hunter2", "hunter2").await;
    browser.get("/private/page").await.forwarded();
    let text = app.components.metrics.render();
    for word in ["alice", "hunter2", "/private", "203.0.113", &alice.id().to_string(), &browser.session_id()] {
        assert!(!text.contains(word), "{word}");
    }
}

#[tokio::test]
async fn what_the_manual_says_to_watch_is_there() {
    let manual = include_str!("../../docs/operations.md");
    let (_, watch) = manual.split_once("## What to watch").expect("the manual says what to watch");
    let all = TestApp::new().components.metrics.render();
    let mut count = 0;
    for name in watch.split('`').filter(|word| word.starts_with("portcullis_")) {
        let (metric, label) = name.split_once('{').unwrap_or((name, ""));
        let label = label.trim_end_matches('}');
        let is_there = |line: &str| line.starts_with(metric) && line.contains(label);
        assert!(all.lines().any(is_there), "{name}");
        count += 1;
    }
    assert!(count >= 6);
}
