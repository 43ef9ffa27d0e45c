//! Too many tries: the account cools off, whether there is one or not, and so does the address.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::json;

use crate::test_app::{Browser, MAC, MINUTE, PASSWORD, SECOND, TestApp, TestResponse, one_second_less};

/// Everything that somebody outside can compare, without the id of the request.
fn comparable(answer: &TestResponse, name: &str) -> (u16, BTreeMap<String, String>, String) {
    let mut headers = answer.all_headers();
    headers.remove("content-length");
    // The name that a browser gets with its first form, which is random; and what it is part of.
    if answer.cookies().iter().all(|cookie| cookie.name == "__Host-portcullis-form") {
        headers.remove("set-cookie");
    }
    let body = answer.text_without_form_token().replace(name, "NAME");
    let body = match answer.header("content-type") {
        Some("application/problem+json") => {
            let mut problem = answer.json();
            problem["instance"] = json!(null);
            problem.to_string()
        }
        _ => body,
    };
    (answer.status, headers, body)
}

async fn fail_sign_ins(browser: &Browser<'_>, name: &str, times: usize) {
    for _ in 0..times {
        assert_eq!(browser.sign_in(name, "wrong").await.status, 401);
    }
}

#[tokio::test]
async fn known_and_unknown_names_are_told_the_same_from_the_first_try_to_the_lockout() {
    let app = TestApp::new();
    app.add_user("alice").await;
    app.add_user_without_password("carol", &[]).await;
    for attempt in 0..8 {
        let ask = async |name: &str| {
            let page = app.new_browser().sign_in(name, "wrong").await;
            let body = json!({"username": name, "password": "wrong"});
            (comparable(&page, name), comparable(&app.new_browser().api("POST", "/sign-in", body).await, name))
        };
        let known = ask("alice").await;
        assert_eq!(known, ask("nosuch").await, "attempt {attempt}");
        assert_eq!(known, ask("carol").await, "attempt {attempt}");
        assert_eq!(known.0.0, if attempt < 3 { 401 } else { 429 });
    }
}

#[tokio::test]
async fn an_unknown_name_costs_the_same_hash() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let hashes = || app.metric("password_hash_seconds_count");
    let before = hashes();
    app.new_browser().sign_in("alice", "wrong").await;
    assert_eq!(hashes(), before + 1);
    app.new_browser().sign_in("nosuch", "wrong").await;
    assert_eq!(hashes(), before + 2);
}

#[tokio::test]
async fn after_five_failures_not_even_the_right_password_gets_in_until_it_has_cooled_off() {
    for app in TestApp::on_each_store() {
        app.add_user("alice").await;
        let browser = app.new_browser();
        fail_sign_ins(&browser, "alice", 5).await;

        let answer = browser.sign_in("alice", PASSWORD).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1800")));
        assert!(
            answer.contains_text("Too many attempts. Try again at 12:30") && answer.contains_text("(in 30 minutes)"),
            "{}",
            answer.visible_text()
        );
        app.advance(one_second_less(30 * MINUTE));
        let answer = browser.sign_in("alice", PASSWORD).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")));
        app.advance(SECOND);
        assert_eq!(browser.sign_in("alice", PASSWORD).await.status, 303);
    }
}

#[tokio::test]
async fn a_locked_account_does_not_tell_whether_the_password_was_right() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let browser = app.new_browser();
    fail_sign_ins(&browser, "alice", 5).await;
    let (right, wrong) = (browser.sign_in("alice", PASSWORD).await, browser.sign_in("alice", "wrong").await);
    assert_eq!(comparable(&right, "alice"), comparable(&wrong, "alice"));
}

#[tokio::test]
async fn a_lockout_keeps_sessions_and_other_accounts_alone() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await.signed_in_on(MAC).await;
    app.add_user("bob").await;
    fail_sign_ins(&app.new_browser(), "alice", 5).await;

    assert!(alice.reaches_app().await);
    assert_eq!(app.new_browser().sign_in("bob", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn spellings_of_an_unknown_name_are_one_name() {
    let app = TestApp::new();
    let browser = app.new_browser();
    fail_sign_ins(&browser, "nosuch", 3).await;
    fail_sign_ins(&browser, " NOSUCH ", 2).await;
    assert_eq!(browser.sign_in("NoSuch", "wrong").await.status, 429);
}

#[tokio::test]
async fn success_begins_anew() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let browser = app.new_browser();
    for _ in 0..4 {
        fail_sign_ins(&browser, "alice", 4).await;
        assert_eq!(browser.sign_in("alice", PASSWORD).await.status, 303);
    }
}

#[tokio::test]
async fn old_failures_are_forgotten() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let browser = app.new_browser();
    for _ in 0..4 {
        fail_sign_ins(&browser, "alice", 4).await;
        app.advance(15 * MINUTE + SECOND);
    }
    assert_eq!(browser.sign_in("alice", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn an_address_that_tries_many_names_is_stopped_for_all_of_them() {
    let app = TestApp::over_http();
    app.add_user("alice").await;
    let browser = app.new_browser().with_ip("2001:db8:1:2::1");
    for number in 0..50 {
        assert_eq!(browser.sign_in(&format!("name{number}"), "wrong").await.status, 401, "{number}");
    }
    assert_eq!(browser.sign_in("alice", PASSWORD).await.status, 429);
    let neighbour = app.new_browser().with_ip("2001:db8:1:2:ffff::9");
    assert_eq!(neighbour.sign_in("alice", PASSWORD).await.status, 429, "a /64 is one");
    assert_eq!(app.new_browser().with_ip("2001:db8:1:3::1").sign_in("alice", PASSWORD).await.status, 303);
    app.advance(5 * MINUTE);
    assert_eq!(browser.sign_in("alice", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn nobody_buys_tries_on_others_with_an_account_of_their_own() {
    let app = TestApp::over_http();
    app.add_user("mallory").await;
    for number in 0..50 {
        assert_eq!(app.new_browser().sign_in(&format!("name{number}"), "wrong").await.status, 401);
        if number % 10 == 0 {
            assert_eq!(app.new_browser().sign_in("mallory", PASSWORD).await.status, 303);
        }
    }
    assert_eq!(app.new_browser().sign_in("mallory", PASSWORD).await.status, 429);
}

#[tokio::test]
async fn a_hundred_tries_at_once_are_no_more_than_five() {
    for app in TestApp::on_each_store() {
        app.add_user("alice").await;
        let hashed = app.metric("password_hash_seconds_count");
        let tries = (0..20).map(|_| async { app.new_browser().sign_in("alice", "wrong").await.status });
        let statuses = join_all(tries).await;

        assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 5);
        assert!(statuses.iter().all(|status| matches!(status, 401 | 429)));
        assert_eq!(app.metric("password_hash_seconds_count"), hashed + 5);
    }
}

#[tokio::test]
async fn a_lockout_is_counted_once() {
    let app = TestApp::new();
    app.add_user("alice").await;
    fail_sign_ins(&app.new_browser(), "alice", 5).await;
    for _ in 0..3 {
        app.new_browser().sign_in("alice", "wrong").await;
    }
    assert_eq!(app.metric("lockouts_total{scope=\"account\"}"), 1);
    assert_eq!(app.metric("sign_in_attempts_total{result=\"throttled\",step=\"password\"}"), 3);
    assert_eq!(app.metric("sign_in_attempts_total{result=\"failed\",step=\"password\"}"), 5);
}

#[tokio::test]
async fn a_stopped_address_is_counted_as_one() {
    let app = TestApp::over_http();
    for number in 0..50 {
        app.new_browser().sign_in(&format!("name{number}"), "wrong").await;
    }
    assert_eq!(app.metric("lockouts_total{scope=\"address\"}"), 1);
    assert_eq!(app.metric("lockouts_total{scope=\"account\"}"), 0);
}

#[tokio::test]
async fn a_changed_lockout_counts_at_once() {
    let app = TestApp::new();
    app.add_user("alice").await;
    app.reload("lockout: { failures: 2, within: 1m, cool_off: 1m }");
    fail_sign_ins(&app.new_browser(), "alice", 2).await;
    assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.header("retry-after"), Some("60"));
}

/// Over https something ends TLS in front of us: all visitors come from its address, and one could stop the others.
#[tokio::test]
async fn behind_what_ends_tls_tries_are_counted_by_account_only() {
    let app = TestApp::new();
    app.add_user("alice").await;
    for number in 0..60 {
        assert_eq!(app.new_browser().sign_in(&format!("name{number}"), "wrong").await.status, 401, "{number}");
    }
    assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn behind_trusted_proxies_tries_are_counted_by_the_address_of_the_visitor() {
    let app = TestApp::with_settings("trusted_proxies: [10.0.0.0/8]");
    app.add_user("alice").await;
    let (sprayer, neighbour) = ("203.0.113.9", "203.0.113.10");
    for number in 0..50 {
        let answer = app.new_browser().with_ip(sprayer).sign_in(&format!("name{number}"), "wrong").await;
        assert_eq!(answer.status, 401, "{number}");
    }
    assert_eq!(app.new_browser().with_ip(sprayer).sign_in("alice", PASSWORD).await.status, 429);
    assert_eq!(app.new_browser().with_ip(neighbour).sign_in("alice", PASSWORD).await.status, 303);
    // Where a proxy does not say whom it has a request from, it may be from any visitor.
    for number in 0..60 {
        let answer = app.new_browser().with_ip("10.1.2.3").sign_in(&format!("other{number}"), "wrong").await;
        assert_eq!(answer.status, 401, "{number}");
    }
}

#[tokio::test]
async fn a_flood_on_a_closed_account_does_not_fill_the_journal() {
    let app = TestApp::new();
    app.add_user("alice").await;
    fail_sign_ins(&app.new_browser(), "alice", 5).await;
    let before = app.audit_entries().len();
    for _ in 0..30 {
        app.new_browser().sign_in("alice", "wrong").await;
    }
    assert_eq!(app.audit_entries().len(), before + 1, "told once");
    app.advance(MINUTE);
    app.new_browser().sign_in("alice", "wrong").await;
    assert_eq!(app.audit_entries().len(), before + 2, "and again after a minute");
}
