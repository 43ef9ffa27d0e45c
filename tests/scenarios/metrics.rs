//! What Prometheus reads: every series is there from the start, and moves when it is told to.

use crate::town::{IPHONE, MAC, PASSWORD, Town, Weather};

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
    let town = Town::new();
    for series in AT_ZERO {
        assert_eq!(town.metric(series), 0, "{series}");
    }
    for decision in ["allow", "public", "sign_in", "unauthorized", "step_up", "denied", "blocked", "unavailable"] {
        assert_eq!(town.metric(&format!("auth_decisions_total{{decision=\"{decision}\",mode=\"proxy\"}}")), 0);
        assert_eq!(town.metric(&format!("auth_overhead_seconds_count{{decision=\"{decision}\"}}")), 0);
    }
    for reason in portcullis::session::EndReason::LABELS {
        assert_eq!(town.metric(&format!("sessions_ended_total{{reason=\"{reason}\"}}")), 0);
    }
    for reason in portcullis::session::EndReason::LABELS.into_iter().chain(["gone", "store_away", "stopping"]) {
        assert_eq!(town.metric(&format!("streams_cut_total{{reason=\"{reason}\"}}")), 0);
    }
    for op in portcullis::metrics::STORE_OPS {
        assert_eq!(town.metric(&format!("store_operation_seconds_count{{op=\"{op}\"}}")), 0);
        for result in ["ok", "error"] {
            assert_eq!(town.metric(&format!("store_operations_total{{op=\"{op}\",result=\"{result}\"}}")), 0);
        }
    }
    assert_eq!(town.metric("config_last_reload_successful"), 1);
    let text = town.parts.metrics.render();
    assert!(text.contains("portcullis_build_info{") && text.contains("process_start_time_seconds"));
}

#[tokio::test]
async fn routes_and_upstreams_are_there_once_they_are_known() {
    let town = Town::new();
    town.parts.metrics.register_route("/admin");
    town.parts.metrics.register_upstream("app");
    for class in ["1xx", "2xx", "3xx", "4xx", "5xx"] {
        assert_eq!(town.metric(&format!("requests_total{{code_class=\"{class}\",route=\"/admin\"}}")), 0);
        assert_eq!(town.metric(&format!("upstream_requests_total{{code_class=\"{class}\",upstream=\"app\"}}")), 0);
    }
    assert_eq!(town.metric("requests_total{code_class=\"none\",route=\"/admin\"}"), 0);
    town.parts.metrics.request_finished("/admin", 0, std::time::Duration::ZERO);
    assert_eq!(town.metric("requests_total{code_class=\"none\",route=\"/admin\"}"), 1);
    assert_eq!(town.metric("upstream_up{upstream=\"app\"}"), 1);
    town.parts.metrics.set_upstream_up("app", false);
    town.parts.metrics.register_upstream("app");
    assert_eq!(town.metric("upstream_up{upstream=\"app\"}"), 0, "a reload does not bring an app back");
}

#[tokio::test]
async fn each_decision_is_counted_once() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let decisions =
        |decision: &str| town.metric(&format!("auth_decisions_total{{decision=\"{decision}\",mode=\"proxy\"}}"));
    let before = decisions("public");
    browser.get("/").await.arrived();
    browser.get("/admin").await.answer();
    browser.get("/assets/x").await.arrived();
    town.stranger().get("/").await.answer();
    town.stranger().fetch(http::Method::GET, "/").send().await.answer();

    assert_eq!((decisions("allow"), decisions("denied"), decisions("public")), (1, 1, before + 1));
    assert_eq!((decisions("sign_in"), decisions("unauthorized")), (1, 1));
}

#[tokio::test]
async fn a_day_in_town_is_counted() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    town.stranger().sign_in("alice", "wrong").await;
    town.stranger().sign_in("nosuch", PASSWORD).await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    laptop.get("/").await.arrived();
    town.flush().await;
    laptop.post_form("/security/sessions/sign-out-others", &[]).await.answer();
    phone.get("/").await.answer();
    laptop.post_form("/security/sign-out", &[]).await.answer();
    town.sweep().await;

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
        assert_eq!(town.metric(series), value, "{series}");
    }
    let written = town.metric("audit_events_total{result=\"written\"}");
    assert_eq!(written, 8, "{:?}", town.told());
}

#[tokio::test]
async fn what_the_store_does_is_counted_and_what_it_does_not_too() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let finds = |result: &str| town.metric(&format!("store_operations_total{{op=\"find\",result=\"{result}\"}}"));
    let before = finds("ok");
    browser.get("/").await.arrived();
    town.weather(Weather::AwayFor("find"));
    browser.get("/").await.answer();
    assert_eq!((finds("ok"), finds("error")), (before + 1, 1));
    assert_eq!(town.metric("store_operation_seconds_count{op=\"find\"}"), before + 2);
}

#[tokio::test]
async fn no_label_holds_what_a_person_typed() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let browser = alice.signed_in_on(MAC).await;
    town.stranger().sign_in("hunter2", "hunter2").await;
    browser.get("/private/page").await.arrived();
    let text = town.parts.metrics.render();
    for word in ["alice", "hunter2", "/private", "203.0.113", &alice.id().to_string(), &browser.session()] {
        assert!(!text.contains(word), "{word}");
    }
}

#[tokio::test]
async fn what_the_manual_says_to_watch_is_there() {
    let manual = include_str!("../../docs/operations.md");
    let (_, watch) = manual.split_once("## What to watch").expect("the manual says what to watch");
    let all = Town::new().parts.metrics.render();
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
