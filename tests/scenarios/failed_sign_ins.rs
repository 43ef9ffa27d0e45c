//! Failed sign-ins by the thousand: the journal stays small, counts them all, and keeps what people did.

use portcullis::{
    audit::{AuditEntry, AuditEvent, AuditTrailQuery, TrailOrder},
    tasks::FlushFailureCounts,
};
use serde_json::json;

use crate::test_app::{Browser, CURL, DAY, HOUR, IPHONE, MAC, MINUTE, SECOND, StoreFault, TestApp};

/// A crowd of addresses.
fn address(number: u32) -> String {
    let [_, a, b, c] = number.to_be_bytes();
    format!("10.{a}.{b}.{c}")
}

/// What the store has, counts included.
async fn audit_entries(app: &TestApp) -> Vec<AuditEntry> {
    FlushFailureCounts::new(app.components.audit_log.clone()).run_once().await.unwrap();
    let query = AuditTrailQuery { user: None, order: TrailOrder::OldestFirst, after: None, limit: 10_000 };
    app.components.stores.audit.trail(&query).await.unwrap().entries
}

fn failed_sign_ins(trail: &[AuditEntry]) -> Vec<&AuditEntry> {
    trail.iter().filter(|entry| entry.event.is_failed_sign_in()).collect()
}

fn attempt_count(entries: &[&AuditEntry]) -> u64 {
    entries.iter().map(|entry| entry.event.attempts()).sum()
}

#[tokio::test]
async fn one_address_has_a_line_for_all_that_is_beyond_its_budget() {
    for app in TestApp::on_each_store() {
        for number in 0..300 {
            app.new_browser().sign_in(&format!("nobody{number}"), "wrong").await;
        }
        let trail = audit_entries(&app).await;
        let failed = failed_sign_ins(&trail);
        assert_eq!((failed.len(), attempt_count(&failed)), (61, 300), "60 lines, and one that counts");
        let counting: Vec<_> = failed.iter().filter(|entry| entry.event.attempts() > 1).collect();
        assert!(counting.len() == 1 && counting[0].user.is_none() && counting[0].ip.is_some(), "{counting:?}");
    }
}

#[tokio::test]
async fn one_network_of_ipv6_is_one_address() {
    let app = TestApp::new();
    for number in 0..100 {
        let browser = Browser::new(&app, CURL).with_ip(&format!("2001:db8:1:2::{number:x}"));
        browser.sign_in(&format!("nobody{number}"), "wrong").await;
    }
    assert_eq!(failed_sign_ins(&audit_entries(&app).await).len(), 61);
}

#[tokio::test]
async fn one_name_has_a_budget_whether_anybody_has_it_or_not() {
    let app = TestApp::with_settings("lockout: { failures: 100 }");
    let alice = app.add_user("alice").await;
    for name in ["alice", "nobody"] {
        for number in 0..50 {
            Browser::new(&app, IPHONE).with_ip(&address(number)).sign_in(name, "wrong").await;
        }
    }
    let trail = audit_entries(&app).await;
    let (hers, nobodys): (Vec<_>, Vec<_>) = failed_sign_ins(&trail).into_iter().partition(|entry| entry.user.is_some());
    assert_eq!((hers.len(), attempt_count(&hers)), (21, 50));
    // Of names that nobody has there is one for each address: names are not kept.
    assert_eq!((nobodys.len(), attempt_count(&nobodys)), (20 + 30, 50));
    let count = hers.iter().find(|entry| entry.event.attempts() > 1).unwrap();
    assert_eq!((count.user, count.ip), (Some(alice.id()), None), "of several addresses");
    assert!(count.device.is_some(), "all with the same device");
}

#[tokio::test]
async fn all_together_have_a_budget_and_it_is_new_each_hour() {
    let app = TestApp::new();
    for round in 1..=2 {
        for number in 0..900 {
            let browser = Browser::new(&app, CURL).with_ip(&address(number));
            browser.sign_in(&format!("nobody{number}"), "wrong").await;
        }
        let trail = audit_entries(&app).await;
        let failed = failed_sign_ins(&trail);
        // 500 lines, one for each of 200 addresses, and one for the others.
        assert_eq!((failed.len(), attempt_count(&failed)), (round * 701, round as u64 * 900));
        app.advance(HOUR);
    }
}

#[tokio::test]
async fn a_count_that_has_grown_is_the_same_line() {
    let app = TestApp::new();
    let browser = Browser::new(&app, CURL);
    let guess = async |from: u32, to: u32| {
        for number in from..to {
            browser.sign_in(&format!("nobody{number}"), "wrong").await;
        }
    };
    guess(0, 70).await;
    let first = audit_entries(&app).await;
    app.advance(MINUTE);
    guess(70, 90).await;
    let second = audit_entries(&app).await;
    assert_eq!((first.len(), second.len()), (61, 61));
    let [before, after] = [&first[60], &second[60]];
    assert_eq!((before.id, before.at, before.event.attempts()), (after.id, after.at, 10));
    assert_eq!((after.event.attempts(), after.last_at()), (30, app.now()));
    assert_eq!(app.store_calls("merge"), 2);
    audit_entries(&app).await;
    assert_eq!(app.store_calls("merge"), 2, "what has not grown is not written");
    assert_eq!(app.metric("audit_events_total{result=\"written\"}"), 61, "a line counts once, however often it grows");
}

#[tokio::test]
async fn a_count_that_cannot_be_written_is_kept() {
    let app = TestApp::new();
    let browser = Browser::new(&app, CURL);
    for number in 0..70 {
        browser.sign_in(&format!("nobody{number}"), "wrong").await;
    }
    let write = FlushFailureCounts::new(app.components.audit_log.clone());
    app.set_fault(StoreFault::Unavailable);
    for _ in 0..3 {
        assert!(write.run_once().await.is_err());
    }
    assert_eq!(app.metric("audit_events_total{result=\"failed\"}"), 1, "a line counts once, however often it is tried");
    app.set_fault(StoreFault::None);
    app.advance(2 * HOUR);
    assert_eq!(write.run_once().await.unwrap(), 1, "of an hour that is over, too");
    assert_eq!(attempt_count(&failed_sign_ins(&audit_entries(&app).await)), 70);
}

#[tokio::test]
async fn what_was_turned_away_is_counted() {
    let app = TestApp::new();
    app.add_user("alice").await;
    for _ in 0..40 {
        app.new_browser().sign_in("alice", "wrong").await;
        app.advance(SECOND);
    }
    let trail = audit_entries(&app).await;
    let failed = failed_sign_ins(&trail);
    assert_eq!((failed.len(), attempt_count(&failed)), (7, 40), "5 wrong ones, one of those refused, and a count");
}

#[tokio::test]
async fn the_visitor_reads_how_many_more_there_were() {
    let app = TestApp::with_settings("lockout: { failures: 5, within: 15m, cool_off: 1s }");
    let alice = app.add_user("alice").await;
    for number in 0..1_270 {
        Browser::new(&app, IPHONE).with_ip(&address(number)).sign_in("alice", "wrong").await;
        app.advance(SECOND);
    }
    FlushFailureCounts::new(app.components.audit_log.clone()).run_once().await.unwrap();
    let browser = alice.signed_in_on(MAC).await;

    let page = browser.get("/security/history?outcome=failed").await.response();
    assert!(page.contains_text("and 1,250 more attempts, not listed one by one"), "{}", page.visible_text());
    assert!(page.contains_text("the last one 21 November 2026 at 12:21"), "{}", page.visible_text());
    let hub = browser.get("/security").await.response();
    assert!(hub.contains_text("1,269 or more failed attempts in the last 30 days"), "{}", hub.visible_text());

    let items = browser.items("/login-history?outcome=failed&limit=100").await;
    let attempts: u64 = items.iter().map(|item| item["attempts"].as_u64().unwrap()).sum();
    assert_eq!(attempts, 1_270);
    let count = items.iter().find(|item| item["attempts"] != 1).unwrap();
    assert_eq!(
        (&count["attempts"], &count["step"], &count["outcome"]),
        (&json!(1_250), &json!("password"), &json!("failed"))
    );
    assert_eq!((&count["at"], &count["last_at"]), (&json!("2026-11-21T12:00:20Z"), &json!("2026-11-21T12:21:09Z")));

    let file = browser.get("/security/history.csv?outcome=failed").await.response();
    let line = "2026-11-21T12:00:20Z,Failed,password,,Safari on iPhone,1250,2026-11-21T12:21:09Z\n";
    assert!(file.text().contains(line), "{}", file.text());
}

#[tokio::test]
async fn acts_are_never_counted() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    for number in 0..700 {
        let browser = Browser::new(&app, CURL).with_ip(&address(number));
        browser.sign_in(&format!("nobody{number}"), "wrong").await;
    }
    let before = audit_entries(&app).await.len();
    for _ in 0..30 {
        let browser = alice.signed_in_on(MAC).await;
        browser.api("POST", "/sign-out", json!({})).await;
    }
    let after = audit_entries(&app).await;
    let acts = &after[before..];
    assert_eq!(acts.iter().filter(|entry| matches!(entry.event, AuditEvent::SignedIn { .. })).count(), 30);
    assert_eq!(acts.iter().filter(|entry| matches!(entry.event, AuditEvent::SessionEnded { .. })).count(), 30);
}

/// Nothing that is seen from outside tells who is known: neither the answer nor what is asked of the store before it, within
/// the budget and beyond.
#[tokio::test]
async fn a_name_that_nobody_has_costs_as_many_writes() {
    let mut told = Vec::new();
    for name in ["alice", "nobody"] {
        let app = TestApp::new();
        app.add_user("alice").await;
        let mut steps = Vec::new();
        for number in 0..90 {
            let browser = Browser::new(&app, CURL).with_ip(&address(number % 7));
            let before = ["attempt", "record", "merge"].map(|op| app.store_calls(op));
            let status = browser.sign_in(name, "wrong").await.status;
            let after = ["attempt", "record", "merge"].map(|op| app.store_calls(op));
            steps.push((status, [0, 1, 2].map(|op| after[op] - before[op])));
            app.advance(10 * SECOND);
        }
        let writes: usize = steps.iter().map(|(_, [_, record, _])| record).sum();
        assert_eq!(writes, 20, "the budget of a name was spent");
        told.push((steps, app.attempt_limits()));
    }
    assert_eq!(told[0], told[1], "and as many counters, which live as long");
}

#[tokio::test]
async fn names_that_nobody_has_are_forgotten_earlier() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        for name in ["alice", "nobody"] {
            app.new_browser().sign_in(name, "wrong").await;
        }
        alice.signed_in_on(MAC).await;
        let all = audit_entries(&app).await.len();
        app.advance(7 * DAY);
        app.sweep().await;
        assert_eq!(failed_sign_ins(&audit_entries(&app).await).len(), 2, "not yet");
        app.advance(SECOND);
        app.sweep().await;
        let left = audit_entries(&app).await;
        assert_eq!((failed_sign_ins(&left).len(), failed_sign_ins(&left)[0].user), (1, Some(alice.id())));
        app.advance(393 * DAY);
        app.sweep().await;
        let old = audit_entries(&app).await.iter().filter(|entry| app.now().since(entry.at) > 400 * DAY).count();
        assert!(all > 3 && old == 0, "all is kept for 400 days at most");
        app.reload("audit: { unknown_names_retention: 1h }");
        app.new_browser().sign_in("nobody", "wrong").await;
        app.advance(HOUR + SECOND);
        app.sweep().await;
        assert!(failed_sign_ins(&audit_entries(&app).await).is_empty());
    }
}

#[tokio::test]
async fn a_full_journal_keeps_acts_and_the_newest_tries() {
    for app in TestApp::on_each_store() {
        app.reload("audit: { max_entries: 1000 }");
        let alice = app.add_user("alice").await;
        alice.signed_in_on(MAC).await;
        app.new_browser().sign_in("alice", "wrong").await;
        let acts = audit_entries(&app).await.len() - 1;
        for round in 0..2 {
            for number in 0..600 {
                let browser = Browser::new(&app, CURL).with_ip(&address(round * 600 + number));
                browser.sign_in(&format!("nobody{number}"), "wrong").await;
            }
            audit_entries(&app).await;
            app.advance(HOUR);
        }
        assert!(audit_entries(&app).await.len() > 1_200);
        app.sweep().await;
        let left = audit_entries(&app).await;
        let failed = failed_sign_ins(&left);
        assert_eq!((failed.len(), left.len() - failed.len()), (750, acts), "a quarter is kept for acts");
        assert_eq!(failed.iter().filter(|entry| entry.user == Some(alice.id())).count(), 1, "those of nobody go first");
        assert!(failed.iter().any(|entry| entry.at == app.now().minus(HOUR)), "and the oldest");
        assert_eq!(app.metric("audit_entries"), left.len() as u64);
        assert_eq!(app.metric("audit_max_entries"), 1_000);
    }
}
