//! Each hit counts, few are written, and none brings back what is gone.

use http::Method;
use serde_json::Value;

use crate::test_app::{Browser, DAY, HOUR, IPHONE, MAC, MINUTE, SECOND, StoreFault, TestApp, one_second_less};

/// What another device of hers is told of the session's last activity.
async fn last_active(sees: &Browser<'_>, of: &Browser<'_>) -> String {
    let session = sees.api("GET", &format!("/sessions/{}", of.session_id()), Value::Null).await.json();
    session["last_active_at"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_request_moves_the_last_activity() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        app.advance(HOUR);

        phone.get("/").await.forwarded();
        app.flush().await;

        assert_eq!(last_active(&laptop, &phone).await, "2026-11-21T13:00:00Z");
    }
}

#[tokio::test]
async fn the_first_hit_of_a_quiet_session_is_written_at_once_and_the_rest_once_an_interval() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    browser.get("/").await.forwarded();
    app.components.heartbeats.flush_due().await;
    assert_eq!(app.flush().await, 1);
    for _ in 0..4 {
        app.advance(SECOND);
        browser.get("/").await.forwarded();
        assert_eq!(app.flush().await, 0, "within the interval nothing is written");
    }
    app.advance(SECOND);
    assert_eq!(app.flush().await, 1);
    assert_eq!(app.store_calls("touch"), 2, "six hits were two writes");
}

#[tokio::test]
async fn merged_hits_lose_no_action() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    app.pass_time(MINUTE).await;
    let safe = [Method::GET, Method::HEAD, Method::OPTIONS, Method::QUERY];
    for method in [Method::POST, Method::PUT, Method::DELETE].into_iter().chain(safe) {
        browser.fetch(method, "/api/orders").send().await.forwarded();
    }
    app.pass_time(MINUTE).await;
    let session = browser.api("GET", "/sessions/current", Value::Null).await.json();
    assert_eq!(session["activity"]["actions"], 3);
    assert_eq!(session["last_active_at"], "2026-11-21T12:01:00Z");
}

#[tokio::test]
async fn who_keeps_coming_stays_and_who_stops_goes() {
    for app in TestApp::on_each_store() {
        app.reload("sessions: { idle_timeout: 10m, remember_me: { for: 30d } }");
        let browser = app.add_user("alice").await.remembered_on(MAC).await;
        for _ in 0..10 {
            app.pass_time(9 * MINUTE).await;
            assert!(browser.reaches_app().await);
        }
        app.pass_time(one_second_less(10 * MINUTE)).await;
        assert!(browser.reaches_app().await);
        app.pass_time(10 * MINUTE).await;
        assert!(!browser.reaches_app().await);
        assert!(!browser.reaches_app().await, "and a refused request does not bring it back");
    }
}

#[tokio::test]
async fn polling_public_routes_and_refused_requests_do_not_beat() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    app.pass_time(HOUR).await;

    phone.fetch(Method::GET, "/api/poll").send().await.forwarded();
    phone.get("/assets/app.css").await.forwarded();
    phone.get("/admin").await.response();
    phone.fetch(Method::GET, "/a%2fb").send().await.response();
    phone.get("/").await.forwarded();
    app.advance(HOUR);
    for path in ["/api/poll", "/assets/app.css"] {
        phone.fetch(Method::GET, path).send().await.forwarded();
    }
    app.flush().await;

    assert_eq!(last_active(&laptop, &phone).await, "2026-11-21T13:00:00Z", "the one hit that counts");
}

#[tokio::test]
async fn an_open_tab_that_only_polls_runs_out() {
    let app = TestApp::with_settings("sessions: { idle_timeout: 1h }");
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    for _ in 0..5 {
        app.pass_time(10 * MINUTE).await;
        browser.fetch(Method::GET, "/api/poll").send().await.forwarded();
    }
    app.pass_time(10 * MINUTE).await;
    assert_eq!(browser.fetch(Method::GET, "/api/poll").send().await.response().status, 401);
}

#[tokio::test]
async fn the_pages_where_one_looks_at_it_beat_too() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    app.pass_time(DAY).await;

    phone.get("/security/sessions").await.response();
    app.flush().await;

    assert_eq!(last_active(&laptop, &phone).await, "2026-11-22T12:00:00Z");
    let session = phone.api("GET", "/sessions/current", Value::Null).await.json();
    assert_eq!(session["activity"]["last_page"], Value::Null, "but they are no page of the app");
}

#[tokio::test]
async fn a_heartbeat_in_flight_does_not_revive_an_ended_session() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        app.advance(HOUR);
        phone.get("/").await.forwarded();

        laptop.api("DELETE", &format!("/sessions/{}", phone.session_id()), Value::Null).await;
        app.flush().await;

        assert!(!phone.reaches_app().await);
        assert_eq!(laptop.items("/sessions").await.len(), 1, "no trace of it");
        assert_eq!(app.sweep().await.remaining, 1);
    }
}

#[tokio::test]
async fn the_last_activity_never_goes_back() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    app.advance(HOUR);
    phone.get("/").await.forwarded();
    app.flush().await;
    let late = portcullis::session::Heartbeat {
        id: phone.session_id().parse().unwrap(),
        at: crate::test_app::NOON,
        ip: [192, 0, 2, 1].into(),
        actions: 0,
        path: None,
    };

    app.components.stores.sessions.touch(&[late]).await.unwrap();

    assert_eq!(last_active(&laptop, &phone).await, "2026-11-21T13:00:00Z");
}

#[tokio::test]
async fn what_could_not_be_written_is_written_later() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    app.advance(HOUR);
    phone.get("/").await.forwarded();
    app.set_fault(StoreFault::UnavailableFor("touch"));
    assert_eq!(app.flush().await, 0);
    assert_eq!(app.metric("heartbeats_total{result=\"failed\"}"), 1);

    app.set_fault(StoreFault::None);
    app.advance(MINUTE);
    app.flush().await;

    assert_eq!(last_active(&laptop, &phone).await, "2026-11-21T13:00:00Z");
}

#[tokio::test]
async fn the_last_page_is_a_page_that_was_opened_without_its_query() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    browser.get("/orders/7?token=hunter2").await.forwarded();
    browser.fetch(Method::GET, "/api/orders").send().await.forwarded();
    browser.post_form("/orders/7/pay", &[]).await.forwarded();
    app.flush().await;

    let session = browser.api("GET", "/sessions/current", Value::Null).await.json();

    assert_eq!(session["activity"]["last_page"]["path"], "/orders/7");
}

#[tokio::test]
async fn a_new_address_is_shown_beside_the_first() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    app.pass_time(MINUTE).await;
    let elsewhere = browser.clone_with_cookies().with_ip("::ffff:198.51.100.9");
    elsewhere.get("/").await.forwarded();
    app.flush().await;

    let session = browser.api("GET", "/sessions/current", Value::Null).await.json();

    assert_eq!(session["network"]["ip"], "198.51.100.9");
    assert_eq!(session["network"]["first_ip"], "203.0.113.7");
}

#[tokio::test]
async fn a_request_that_another_site_sent_is_no_sign_of_life() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    let before = last_active(&laptop, &phone).await;
    app.advance(HOUR);

    let evil = phone.bare_request(Method::POST, "/security/sign-out").header("sec-fetch-site", "cross-site");
    assert_eq!(evil.send().await.response().status, 403);
    app.flush().await;

    assert_eq!(last_active(&laptop, &phone).await, before);
}
