//! How long a session lasts, and that a changed setting counts at once.

use http::Method;
use serde_json::json;

use crate::test_app::{Browser, DAY, HOUR, IPHONE, MAC, MINUTE, PASSWORD, SECOND, TestApp, one_second_less};

/// Comes back once an hour, and says after how long it was refused.
async fn lifetime_of(browser: &Browser<'_>, at_most: std::time::Duration) -> Option<std::time::Duration> {
    let mut age = std::time::Duration::ZERO;
    while age < at_most {
        browser.app.pass_time(6 * HOUR).await;
        age += 6 * HOUR;
        if !browser.reaches_app().await {
            return Some(age);
        }
    }
    None
}

#[tokio::test]
async fn used_every_day_it_lives_for_a_week_and_remembered_for_a_month() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let passing = alice.signed_in_on(MAC).await;
        assert_eq!(lifetime_of(&passing, 40 * DAY).await, Some(7 * DAY));
        let remembered = alice.remembered_on(MAC).await;
        assert_eq!(lifetime_of(&remembered, 40 * DAY).await, Some(30 * DAY));
    }
}

#[tokio::test]
async fn unused_it_ends_with_the_idle_timeout_to_the_second() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.remembered_on(MAC).await;
    app.advance(one_second_less(7 * DAY));
    assert!(browser.reaches_app().await);
    app.pass_time(7 * DAY).await;
    assert!(!browser.reaches_app().await);
}

#[tokio::test]
async fn an_installed_app_lives_as_long_as_it_may_be_remembered() {
    let app = TestApp::with_settings("sessions: { remember_me: { for: never } }");
    app.add_user("alice").await;
    let app_browser = Browser::new(&app, IPHONE);
    let body = json!({"username": "alice", "password": PASSWORD, "client": "app"});
    let answer = app_browser.api("POST", "/sign-in", body).await;
    assert_eq!(answer.json()["session"]["kind"], "app");
    assert!(answer.cookie(app.cookie_name()).unwrap().max_age.is_some());

    app.advance(89 * DAY);
    assert!(app_browser.reaches_app().await);
    app.pass_time(one_second_less(90 * DAY)).await;
    assert!(app_browser.reaches_app().await);
    app.pass_time(DAY + SECOND).await;
    assert!(!app_browser.reaches_app().await, "180 days are its life");
}

#[tokio::test]
async fn that_it_is_an_app_is_a_claim_and_outlives_no_remembered_session() {
    for (settings, days, kept) in [
        ("", 30, true),
        ("sessions: { remember_me: { for: 3d } }", 3, true),
        ("sessions: { remember_me: { allowed: false }, unremembered_lifetime: 4d }", 4, false),
        ("sessions: { remember_me: { for: never }, absolute_timeout: 5d }", 5, true),
        ("sessions: { app: { lifetime: 2d } }", 2, true),
        ("sessions: { app: { idle_timeout: 1d } }", 1, true),
    ] {
        let app = TestApp::with_settings(settings);
        app.add_user("alice").await;
        let app_browser = Browser::new(&app, IPHONE);
        let form = [("username", "alice"), ("password", PASSWORD), ("client", "app")];
        let answer = app_browser.post_form("/security/sign-in", &form).await.response();
        assert_eq!(answer.cookie(app.cookie_name()).unwrap().max_age.is_some(), kept, "{settings}");
        let list = app_browser.get("/security/sessions").await.response();
        assert!(list.contains_text("app.example.com app on iPhone"), "{}", list.visible_text());
        let current = app_browser.api("GET", "/sessions/current", serde_json::Value::Null).await.json();
        assert_eq!(current["kind"], "app");
        let details =
            app_browser.get(&format!("/security/sessions/{}", current["id"].as_str().unwrap())).await.response();
        assert!(details.contains_text("In the installed app"), "{}", details.visible_text());
        app.flush().await;

        app.advance(one_second_less(days * DAY));
        assert!(app_browser.reaches_app().await, "{settings}");
        app.advance(SECOND);
        assert!(!app_browser.reaches_app().await, "{settings}");
    }
}

#[tokio::test]
async fn what_a_form_calls_its_client_is_an_app_or_a_browser() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    for (client, kind) in [("app", "app"), ("cookie", "web"), ("", "web"), ("App", "web"), ("token", "web")] {
        let browser = Browser::new(&app, IPHONE);
        let form = [("username", alice.name()), ("password", PASSWORD), ("client", client)];
        assert_eq!(browser.post_form("/security/sign-in", &form).await.response().status, 303);
        let current = browser.api("GET", "/sessions/current", serde_json::Value::Null).await.json();
        assert_eq!(current["kind"], kind, "{client:?}");
    }
}

/// What a browser fetches without cookies, before and after one installs the app.
const INSTALLABLE: &str = "
  - { path: /manifest.json, access: public, upstream: app }
  - { path: /icons, access: public, upstream: app }
  - { path: /, access: signed_in, upstream: app }";

#[tokio::test]
async fn manifest_and_icons_come_without_cookies_where_the_operator_says_so() {
    let app = TestApp::with_routes(INSTALLABLE);
    let browser = app.new_browser();
    for (path, place) in [("/manifest.json", "manifest"), ("/icons/192.png", "image")] {
        let fetch = browser.fetch(Method::GET, path).header("sec-fetch-dest", place);
        assert!(fetch.send().await.forwarded().user.is_none(), "{path}");
    }
    for path in ["/manifest.json5", "/manifest.jsonx", "/icons.png", "/Manifest.json", "/"] {
        assert_eq!(browser.fetch(Method::GET, path).send().await.status(), 401, "{path}");
    }
}

#[tokio::test]
async fn the_box_says_how_long_and_how_often() {
    for (rule, said) in [
        ("{}", "for 30 days, if I use it at least every 7 days Sign in"),
        ("{ idle_timeout: 30d }", "for 30 days Sign in"),
        ("{ idle_timeout: 90s }", "for 30 days, if I use it at least every 90 seconds Sign in"),
        ("{ absolute_timeout: 5d }", "for 5 days Sign in"),
        ("{ remember_me: { for: never } }", "on this device, if I use it at least every 7 days Sign in"),
        ("{ remember_me: { for: never }, idle_timeout: never }", "on this device Sign in"),
    ] {
        let app = TestApp::with_settings(&format!("sessions: {rule}"));
        let page = app.new_browser().get("/security/sign-in").await.response();
        let words = page.visible_text().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(said), "{rule}: {words}");
    }
}

#[tokio::test]
async fn never_still_ends_with_the_absolute_timeout() {
    let app =
        TestApp::with_settings("sessions: { idle_timeout: never, remember_me: { for: never }, absolute_timeout: 60d }");
    let browser = app.add_user("alice").await.remembered_on(MAC).await;
    let session = browser.api("GET", "/sessions/current", serde_json::Value::Null).await.json();
    assert_eq!((&session["idle_expires_at"], &session["expires_at"]), (&json!(null), &json!("2027-01-20T12:00:00Z")));

    app.advance(one_second_less(60 * DAY));
    assert!(browser.reaches_app().await);
    app.advance(SECOND);
    assert!(!browser.reaches_app().await);
}

#[tokio::test]
async fn a_shorter_timeout_counts_at_once_and_a_longer_one_too() {
    for app in TestApp::on_each_store() {
        let browser = app.add_user("alice").await.remembered_on(MAC).await;
        app.advance(2 * HOUR);

        app.reload("sessions: { idle_timeout: 1h }");
        assert!(!browser.reaches_app().await);
        app.reload("sessions: { idle_timeout: 30d }");
        assert!(browser.reaches_app().await, "nothing had swept it");

        app.flush().await;
        app.advance(20 * DAY);
        assert!(browser.reaches_app().await);
    }
}

#[tokio::test]
async fn what_is_not_allowed_any_more_is_not_remembered_any_more() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.remembered_on(MAC).await;
    app.pass_time(6 * DAY).await;
    assert!(browser.reaches_app().await);
    app.pass_time(2 * DAY).await;
    assert!(browser.reaches_app().await);

    app.reload("sessions: { remember_me: { allowed: false } }");

    assert!(!browser.reaches_app().await);
}

#[tokio::test]
async fn a_ticked_box_that_was_not_offered_is_not_believed() {
    let app = TestApp::with_settings("sessions: { remember_me: { allowed: false } }");
    let browser = app.add_user("alice").await.remembered_on(MAC).await;
    let session = browser.api("GET", "/sessions/current", serde_json::Value::Null).await.json();
    assert_eq!((&session["remembered"], &session["expires_at"]), (&json!(false), &json!("2026-11-28T12:00:00Z")));
    browser.close();
    assert!(!browser.reaches_app().await);
}

#[tokio::test]
async fn the_sweep_ends_what_has_run_out_and_records_it() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let _idle = alice.remembered_on(MAC).await;
        app.advance(3 * DAY);
        let lively = alice.signed_in_on(IPHONE).await;
        app.advance(4 * DAY);

        let swept = app.sweep().await;

        assert_eq!((swept.ended, swept.remaining), (1, 1));
        assert_eq!(app.metric("sessions_ended_total{reason=\"idle\"}"), 1);
        assert_eq!(app.metric("sessions_active"), 1);
        assert_eq!(app.audit_events().last(), Some(&"session_ended"));
        assert!(lively.reaches_app().await);
        assert_eq!(app.sweep().await.ended, 0, "once");
    }
}

#[tokio::test]
async fn the_sweep_leaves_what_was_used_meanwhile() {
    let app = TestApp::with_settings("sessions: { idle_timeout: 1h }");
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    app.pass_time(59 * MINUTE).await;
    browser.get("/").await.forwarded();
    app.flush().await;
    app.advance(2 * MINUTE);

    assert_eq!(app.sweep().await.ended, 0);
    assert!(browser.reaches_app().await);
}
