//! Where one is signed in: the list, and one session in full.

use http::Method;
use serde_json::{Value, json};

use crate::test_app::{ANDROID, DAY, HOUR, IPHONE, MAC, MINUTE, SECOND, TestApp, WINDOWS, one_second_less};

#[tokio::test]
async fn every_device_is_listed_and_this_one_comes_first() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let laptop = alice.signed_in_on(MAC).await;
        app.advance(HOUR);
        let _phone = alice.signed_in_on(IPHONE).await;
        app.advance(HOUR);
        let _desk = alice.signed_in_on(WINDOWS).await;

        let items = laptop.items("/sessions").await;

        let labels: Vec<_> = items.iter().map(|item| item["device"]["label"].as_str().unwrap()).collect();
        assert_eq!(labels, ["Chrome on macOS", "Firefox on Windows", "Safari on iPhone"]);
        let current: Vec<_> = items.iter().map(|item| item["current"].as_bool().unwrap()).collect();
        assert_eq!(current, [true, false, false]);
    }
}

#[tokio::test]
async fn nobody_sees_the_sessions_of_others() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await.signed_in_on(MAC).await;
    let bob = app.add_user("bob").await.signed_in_on(IPHONE).await;

    assert_eq!(alice.items("/sessions").await.len(), 1);
    assert_eq!(bob.items("/sessions").await[0]["id"], json!(bob.session_id()));
}

#[tokio::test]
async fn a_session_tells_all_that_is_known_of_it_and_null_for_the_rest() {
    let app = TestApp::with_settings("activity: { page_labels: { /dashboard: Dashboard } }");
    let alice = app.add_user("alice").await;
    let browser = crate::test_app::Browser::new(&app, MAC).with_ip("198.51.100.4");
    alice.sign_in(&browser).await;
    browser.get("/dashboard?tab=secret").await.forwarded();
    browser.fetch(Method::POST, "/api/orders").send().await.forwarded();
    browser.fetch(Method::GET, "/api/orders").send().await.forwarded();
    app.flush().await;

    let session = browser.api("GET", "/sessions/current", Value::Null).await.json();

    assert_eq!(
        session,
        json!({
            "id": browser.session_id(), "current": true,
            "created_at": "2026-11-21T12:00:00Z", "last_active_at": "2026-11-21T12:00:00Z",
            "idle_expires_at": "2026-11-28T12:00:00Z", "expires_at": "2026-11-28T12:00:00Z",
            "remembered": false, "kind": "web", "auth": {"assurance": 1, "methods": ["password"]},
            "device": {
                "label": "Chrome on macOS", "kind": session["device"]["kind"],
                "browser": {"name": "Chrome", "version": "142"}, "os": {"name": "macOS", "version": null}, "model": null,
            },
            "network": {"ip": "198.51.100.4", "first_ip": "198.51.100.4", "asn": null, "isp": null},
            "place": {"label": null, "city": null, "region": null, "country_code": null},
            "activity": {"sign_ins": 1, "actions": 1, "last_page": {"path": "/dashboard", "label": "Dashboard"}},
            "risk": {"level": null, "reasons": []},
        })
    );
    assert_eq!(browser.api("GET", &format!("/sessions/{}", browser.session_id()), Value::Null).await.json(), session);
}

#[tokio::test]
async fn the_page_says_it_in_words() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let phone = alice.signed_in_on(IPHONE).await;
    app.flush().await;
    app.advance(2 * DAY);
    let _tablet = alice.signed_in_on(ANDROID).await;
    app.advance(DAY + HOUR);
    let laptop = alice.signed_in_on(MAC).await;

    let page = laptop.get("/security/sessions").await.response();

    for words in ["Where you’re signed in", "3 sessions", "Chrome on macOS", "This device", "Safari on iPhone"] {
        assert!(page.contains_text(words), "{words}: {}", page.visible_text());
    }
    for words in ["Active now", "Last active yesterday", "Last active 3 days ago", "Sign out 2 other sessions"] {
        assert!(page.contains_text(words), "{words}: {}", page.visible_text());
    }
    assert_eq!(page.count_text("This device"), 1);
    assert!(page.text().contains(&format!("/security/sessions/{}/sign-out", phone.session_id())));
}

#[tokio::test]
async fn each_row_leads_to_its_details_without_a_menu() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);

    let page = laptop.get("/security/sessions").await.response();

    assert_eq!(page.count_text("Details"), 2);
    assert!(page.text().contains("aria-label=\"Details of Safari on iPhone\""));
    assert_eq!(page.text().matches("<details").count(), 1, "the account's menu, and no other");
    let details = laptop.get(&format!("/security/sessions/{}", phone.session_id())).await.response();
    assert!(details.contains_text("Requests that changed something"), "what is counted as an action");
}

#[tokio::test]
async fn whoever_searches_for_revoke_or_terminate_finds_it() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    for page in ["/security/sessions".to_owned(), format!("/security/sessions/{}", phone.session_id())] {
        let page = laptop.get(&page).await.response();
        assert!(page.contains_text("revoke") && page.contains_text("terminate"), "{}", page.visible_text());
    }
}

#[tokio::test]
async fn the_details_say_what_to_do_about_a_session_one_does_not_know() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);

    let page = laptop.get(&format!("/security/sessions/{}", phone.session_id())).await.response();
    for way in ["sessions/sign-out-all", "password", "history"] {
        assert!(page.text().contains(&format!("href=\"/security/{way}\"")), "{way}");
    }
    assert!(page.contains_text("Don’t know this session?"));

    let page = laptop.get(&format!("/security/sessions/{}", laptop.session_id())).await.response();
    assert!(!page.contains_text("Don’t know this session?"), "one knows the session that one is using");
}

#[tokio::test]
async fn alone_one_is_told_so() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;

    let page = browser.get("/security/sessions").await.response();

    assert!(page.contains_text("Only this device is signed in."));
    assert!(!page.text().contains("/security/sessions/sign-out-others"));
}

#[tokio::test]
async fn the_details_show_the_session_and_nothing_of_its_key() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);

    let page = laptop.get(&format!("/security/sessions/{}", phone.session_id())).await.response();

    for words in [phone.session_id().as_str(), "203.0.113.7", "Safari", "iPhone", "Until the browser closes"] {
        assert!(page.contains_text(words), "{words}");
    }
}

#[tokio::test]
async fn the_details_tell_no_idle_end_after_the_session_ends_anyway() {
    let app = TestApp::new();
    let laptop = app.add_user("alice").await.remembered_on(MAC).await;
    let path = format!("/security/sessions/{}", laptop.session_id());
    assert!(laptop.get(&path).await.response().contains_text("Signs out if not used by"));
    for _ in 0..4 {
        app.pass_time(6 * DAY).await;
        assert!(laptop.reaches_app().await);
    }
    app.pass_time(HOUR).await;
    let details = laptop.get(&path).await.response();
    assert!(!details.contains_text("Signs out if not used by"), "6 of its 30 days are left, and 7 of idleness");
    assert!(details.contains_text("Signs out at the latest"));
}

#[tokio::test]
async fn what_has_run_out_is_not_listed_even_before_it_is_swept() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let phone = alice.signed_in_on(IPHONE).await;
    app.advance(one_second_less(7 * DAY));
    let laptop = alice.signed_in_on(MAC).await;
    assert_eq!(laptop.items("/sessions").await.len(), 2);

    app.advance(SECOND);

    assert_eq!(laptop.items("/sessions").await.len(), 1);
    let gone = laptop.api("GET", &format!("/sessions/{}", phone.session_id()), Value::Null).await;
    assert_eq!((gone.status, gone.problem_type().as_str()), (404, "not-found"));
}

#[tokio::test]
async fn the_list_is_read_page_by_page() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let mut browsers = Vec::new();
    for _ in 0..5 {
        browsers.push(alice.signed_in_on(MAC).await);
        app.advance(MINUTE);
    }
    let me = browsers.last().unwrap();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = me.api("GET", &format!("/sessions?limit=2{cursor}"), Value::Null).await.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let all: Vec<_> = browsers.iter().rev().map(crate::test_app::Browser::session_id).collect();
    assert_eq!(seen, all);
}

#[tokio::test]
async fn above_the_maximum_the_longest_unused_one_ends() {
    for app in TestApp::on_each_store() {
        app.reload("sessions: { max_per_user: 2 }");
        let alice = app.add_user("alice").await;
        let first = alice.signed_in_on(MAC).await;
        app.advance(MINUTE);
        let second = alice.signed_in_on(IPHONE).await;
        app.advance(MINUTE);
        assert!(first.reaches_app().await);
        app.flush().await;
        app.advance(MINUTE);

        let third = alice.signed_in_on(WINDOWS).await;

        assert!(first.reaches_app().await && third.reaches_app().await && !second.reaches_app().await);
        assert_eq!(app.metric("sessions_ended_total{reason=\"too_many\"}"), 1);
    }
}

#[tokio::test]
async fn a_page_after_a_session_that_is_gone_cannot_be_told() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone, _) =
        (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await, alice.signed_in_on(IPHONE).await);
    let gone = phone.session_id();
    laptop.api("DELETE", &format!("/sessions/{gone}"), Value::Null).await;

    let answer = laptop.api("GET", &format!("/sessions?cursor={gone}"), Value::Null).await;

    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["errors"][0]["pointer"], "/query/cursor");
}
