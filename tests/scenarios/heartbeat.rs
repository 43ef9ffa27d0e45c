//! Each hit counts, few are written, and none brings back what is gone.

use http::Method;
use serde_json::Value;

use crate::town::{Browser, DAY, HOUR, IPHONE, MAC, MINUTE, SECOND, Town, Weather, just_under};

/// What another device of hers is told of the session's last activity.
async fn last_active(sees: &Browser<'_>, of: &Browser<'_>) -> String {
    let session = sees.api("GET", &format!("/sessions/{}", of.session()), Value::Null).await.json();
    session["last_active_at"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_request_moves_the_last_activity() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        town.advance(HOUR);

        phone.get("/").await.arrived();
        town.flush().await;

        assert_eq!(last_active(&laptop, &phone).await, "2026-11-21T13:00:00Z");
    }
}

#[tokio::test]
async fn the_first_hit_of_a_quiet_session_is_written_at_once_and_the_rest_once_an_interval() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    browser.get("/").await.arrived();
    town.parts.heartbeats.flush_due().await;
    assert_eq!(town.flush().await, 1);
    for _ in 0..4 {
        town.advance(SECOND);
        browser.get("/").await.arrived();
        assert_eq!(town.flush().await, 0, "within the interval nothing is written");
    }
    town.advance(SECOND);
    assert_eq!(town.flush().await, 1);
    assert_eq!(town.asked("touch"), 2, "six hits were two writes");
}

#[tokio::test]
async fn merged_hits_lose_no_action() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    town.pass(MINUTE).await;
    let safe = [Method::GET, Method::HEAD, Method::OPTIONS, Method::QUERY];
    for method in [Method::POST, Method::PUT, Method::DELETE].into_iter().chain(safe) {
        browser.fetch(method, "/api/orders").send().await.arrived();
    }
    town.pass(MINUTE).await;
    let session = browser.api("GET", "/sessions/current", Value::Null).await.json();
    assert_eq!(session["activity"]["actions"], 3);
    assert_eq!(session["last_active_at"], "2026-11-21T12:01:00Z");
}

#[tokio::test]
async fn who_keeps_coming_stays_and_who_stops_goes() {
    for town in Town::on_each_store() {
        town.rule("sessions: { idle_timeout: 10m, remember_me: { for: 30d } }");
        let browser = town.with_user("alice").await.remembered_on(MAC).await;
        for _ in 0..10 {
            town.pass(9 * MINUTE).await;
            assert!(browser.is_let_in().await);
        }
        town.pass(just_under(10 * MINUTE)).await;
        assert!(browser.is_let_in().await);
        town.pass(10 * MINUTE).await;
        assert!(!browser.is_let_in().await);
        assert!(!browser.is_let_in().await, "and a refused request does not bring it back");
    }
}

#[tokio::test]
async fn polling_public_routes_and_refused_requests_do_not_beat() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    town.pass(HOUR).await;

    phone.fetch(Method::GET, "/api/poll").send().await.arrived();
    phone.get("/assets/app.css").await.arrived();
    phone.get("/admin").await.answer();
    phone.fetch(Method::GET, "/a%2fb").send().await.answer();
    phone.get("/").await.arrived();
    town.advance(HOUR);
    for path in ["/api/poll", "/assets/app.css"] {
        phone.fetch(Method::GET, path).send().await.arrived();
    }
    town.flush().await;

    assert_eq!(last_active(&laptop, &phone).await, "2026-11-21T13:00:00Z", "the one hit that counts");
}

#[tokio::test]
async fn an_open_tab_that_only_polls_runs_out() {
    let town = Town::with("sessions: { idle_timeout: 1h }");
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    for _ in 0..5 {
        town.pass(10 * MINUTE).await;
        browser.fetch(Method::GET, "/api/poll").send().await.arrived();
    }
    town.pass(10 * MINUTE).await;
    assert_eq!(browser.fetch(Method::GET, "/api/poll").send().await.answer().status, 401);
}

#[tokio::test]
async fn the_pages_where_one_looks_at_it_beat_too() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    town.pass(DAY).await;

    phone.get("/security/sessions").await.answer();
    town.flush().await;

    assert_eq!(last_active(&laptop, &phone).await, "2026-11-22T12:00:00Z");
    let session = phone.api("GET", "/sessions/current", Value::Null).await.json();
    assert_eq!(session["activity"]["last_page"], Value::Null, "but they are no page of the app");
}

#[tokio::test]
async fn a_heartbeat_in_flight_does_not_revive_an_ended_session() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
        town.advance(HOUR);
        phone.get("/").await.arrived();

        laptop.api("DELETE", &format!("/sessions/{}", phone.session()), Value::Null).await;
        town.flush().await;

        assert!(!phone.is_let_in().await);
        assert_eq!(laptop.items("/sessions").await.len(), 1, "no trace of it");
        assert_eq!(town.sweep().await.remaining, 1);
    }
}

#[tokio::test]
async fn the_last_activity_never_goes_back() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    town.advance(HOUR);
    phone.get("/").await.arrived();
    town.flush().await;
    let late = portcullis::session::Heartbeat {
        id: phone.session().parse().unwrap(),
        at: crate::town::NOON,
        ip: [192, 0, 2, 1].into(),
        actions: 0,
        path: None,
    };

    town.parts.stores.sessions.touch(&[late]).await.unwrap();

    assert_eq!(last_active(&laptop, &phone).await, "2026-11-21T13:00:00Z");
}

#[tokio::test]
async fn what_could_not_be_written_is_written_later() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    town.advance(HOUR);
    phone.get("/").await.arrived();
    town.weather(Weather::AwayFor("touch"));
    assert_eq!(town.flush().await, 0);
    assert_eq!(town.metric("heartbeats_total{result=\"failed\"}"), 1);

    town.weather(Weather::Fair);
    town.advance(MINUTE);
    town.flush().await;

    assert_eq!(last_active(&laptop, &phone).await, "2026-11-21T13:00:00Z");
}

#[tokio::test]
async fn the_last_page_is_a_page_that_was_opened_without_its_query() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    browser.get("/orders/7?token=hunter2").await.arrived();
    browser.fetch(Method::GET, "/api/orders").send().await.arrived();
    browser.post_form("/orders/7/pay", &[]).await.arrived();
    town.flush().await;

    let session = browser.api("GET", "/sessions/current", Value::Null).await.json();

    assert_eq!(session["activity"]["last_page"]["path"], "/orders/7");
}

#[tokio::test]
async fn a_new_address_is_shown_beside_the_first() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    town.pass(MINUTE).await;
    let elsewhere = browser.copy().at("::ffff:198.51.100.9");
    elsewhere.get("/").await.arrived();
    town.flush().await;

    let session = browser.api("GET", "/sessions/current", Value::Null).await.json();

    assert_eq!(session["network"]["ip"], "198.51.100.9");
    assert_eq!(session["network"]["first_ip"], "203.0.113.7");
}

#[tokio::test]
async fn a_request_that_another_site_sent_is_no_sign_of_life() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    let before = last_active(&laptop, &phone).await;
    town.advance(HOUR);

    let evil = phone.bare(Method::POST, "/security/sign-out").with("sec-fetch-site", "cross-site");
    assert_eq!(evil.send().await.answer().status, 403);
    town.flush().await;

    assert_eq!(last_active(&laptop, &phone).await, before);
}
