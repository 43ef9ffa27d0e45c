//! Where one is signed in: the list, and one session in full.

use http::Method;
use serde_json::{Value, json};

use crate::town::{ANDROID, DAY, HOUR, IPHONE, MAC, MINUTE, SECOND, Town, WINDOWS, just_under};

#[tokio::test]
async fn every_device_is_listed_and_this_one_comes_first() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let laptop = alice.signed_in_on(MAC).await;
        town.advance(HOUR);
        let _phone = alice.signed_in_on(IPHONE).await;
        town.advance(HOUR);
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
    let town = Town::new();
    let alice = town.with_user("alice").await.signed_in_on(MAC).await;
    let bob = town.with_user("bob").await.signed_in_on(IPHONE).await;

    assert_eq!(alice.items("/sessions").await.len(), 1);
    assert_eq!(bob.items("/sessions").await[0]["id"], json!(bob.session()));
}

#[tokio::test]
async fn a_session_tells_all_that_is_known_of_it_and_null_for_the_rest() {
    let town = Town::with("activity: { page_labels: { /dashboard: Dashboard } }");
    let alice = town.with_user("alice").await;
    let browser = crate::town::Browser::new(&town, MAC).at("198.51.100.4");
    alice.signs_in(&browser).await;
    browser.get("/dashboard?tab=secret").await.arrived();
    browser.fetch(Method::POST, "/api/orders").send().await.arrived();
    browser.fetch(Method::GET, "/api/orders").send().await.arrived();
    town.flush().await;

    let session = browser.api("GET", "/sessions/current", Value::Null).await.json();

    assert_eq!(
        session,
        json!({
            "id": browser.session(), "current": true,
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
    assert_eq!(browser.api("GET", &format!("/sessions/{}", browser.session()), Value::Null).await.json(), session);
}

#[tokio::test]
async fn the_page_says_it_in_words() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let phone = alice.signed_in_on(IPHONE).await;
    town.flush().await;
    town.advance(2 * DAY);
    let _tablet = alice.signed_in_on(ANDROID).await;
    town.advance(DAY + HOUR);
    let laptop = alice.signed_in_on(MAC).await;

    let page = laptop.get("/security/sessions").await.answer();

    for words in ["Where you’re signed in", "3 sessions", "Chrome on macOS", "This device", "Safari on iPhone"] {
        assert!(page.says(words), "{words}: {}", page.words());
    }
    for words in ["Active now", "Last active yesterday", "Last active 3 days ago", "Sign out 2 other sessions"] {
        assert!(page.says(words), "{words}: {}", page.words());
    }
    assert_eq!(page.count("This device"), 1);
    assert!(page.text().contains(&format!("/security/sessions/{}/sign-out", phone.session())));
}

#[tokio::test]
async fn each_row_leads_to_its_details_without_a_menu() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);

    let page = laptop.get("/security/sessions").await.answer();

    assert_eq!(page.count("Details"), 2);
    assert!(page.text().contains("aria-label=\"Details of Safari on iPhone\""));
    assert_eq!(page.text().matches("<details").count(), 1, "the account's menu, and no other");
    let details = laptop.get(&format!("/security/sessions/{}", phone.session())).await.answer();
    assert!(details.says("Requests that changed something"), "what is counted as an action");
}

#[tokio::test]
async fn whoever_searches_for_revoke_or_terminate_finds_it() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    for page in ["/security/sessions".to_owned(), format!("/security/sessions/{}", phone.session())] {
        let page = laptop.get(&page).await.answer();
        assert!(page.says("revoke") && page.says("terminate"), "{}", page.words());
    }
}

#[tokio::test]
async fn the_details_say_what_to_do_about_a_session_one_does_not_know() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);

    let page = laptop.get(&format!("/security/sessions/{}", phone.session())).await.answer();
    for way in ["sessions/sign-out-all", "password", "history"] {
        assert!(page.text().contains(&format!("href=\"/security/{way}\"")), "{way}");
    }
    assert!(page.says("Don’t know this session?"));

    let page = laptop.get(&format!("/security/sessions/{}", laptop.session())).await.answer();
    assert!(!page.says("Don’t know this session?"), "one knows the session that one is using");
}

#[tokio::test]
async fn alone_one_is_told_so() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;

    let page = browser.get("/security/sessions").await.answer();

    assert!(page.says("Only this device is signed in."));
    assert!(!page.text().contains("/security/sessions/sign-out-others"));
}

#[tokio::test]
async fn the_details_show_the_session_and_nothing_of_its_key() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);

    let page = laptop.get(&format!("/security/sessions/{}", phone.session())).await.answer();

    for words in [phone.session().as_str(), "203.0.113.7", "Safari", "iPhone", "Until the browser closes"] {
        assert!(page.says(words), "{words}");
    }
}

#[tokio::test]
async fn the_details_tell_no_idle_end_after_the_session_ends_anyway() {
    let town = Town::new();
    let laptop = town.with_user("alice").await.remembered_on(MAC).await;
    let path = format!("/security/sessions/{}", laptop.session());
    assert!(laptop.get(&path).await.answer().says("Signs out if not used by"));
    for _ in 0..4 {
        town.pass(6 * DAY).await;
        assert!(laptop.is_let_in().await);
    }
    town.pass(HOUR).await;
    let details = laptop.get(&path).await.answer();
    assert!(!details.says("Signs out if not used by"), "6 of its 30 days are left, and 7 of idleness");
    assert!(details.says("Signs out at the latest"));
}

#[tokio::test]
async fn what_has_run_out_is_not_listed_even_before_it_is_swept() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let phone = alice.signed_in_on(IPHONE).await;
    town.advance(just_under(7 * DAY));
    let laptop = alice.signed_in_on(MAC).await;
    assert_eq!(laptop.items("/sessions").await.len(), 2);

    town.advance(SECOND);

    assert_eq!(laptop.items("/sessions").await.len(), 1);
    let gone = laptop.api("GET", &format!("/sessions/{}", phone.session()), Value::Null).await;
    assert_eq!((gone.status, gone.problem().as_str()), (404, "not-found"));
}

#[tokio::test]
async fn the_list_is_read_page_by_page() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let mut browsers = Vec::new();
    for _ in 0..5 {
        browsers.push(alice.signed_in_on(MAC).await);
        town.advance(MINUTE);
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
    let all: Vec<_> = browsers.iter().rev().map(crate::town::Browser::session).collect();
    assert_eq!(seen, all);
}

#[tokio::test]
async fn above_the_maximum_the_longest_unused_one_ends() {
    for town in Town::on_each_store() {
        town.rule("sessions: { max_per_user: 2 }");
        let alice = town.with_user("alice").await;
        let first = alice.signed_in_on(MAC).await;
        town.advance(MINUTE);
        let second = alice.signed_in_on(IPHONE).await;
        town.advance(MINUTE);
        assert!(first.is_let_in().await);
        town.flush().await;
        town.advance(MINUTE);

        let third = alice.signed_in_on(WINDOWS).await;

        assert!(first.is_let_in().await && third.is_let_in().await && !second.is_let_in().await);
        assert_eq!(town.metric("sessions_ended_total{reason=\"too_many\"}"), 1);
    }
}

#[tokio::test]
async fn a_page_after_a_session_that_is_gone_cannot_be_told() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (laptop, phone, _) =
        (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await, alice.signed_in_on(IPHONE).await);
    let gone = phone.session();
    laptop.api("DELETE", &format!("/sessions/{gone}"), Value::Null).await;

    let answer = laptop.api("GET", &format!("/sessions?cursor={gone}"), Value::Null).await;

    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["errors"][0]["pointer"], "/query/cursor");
}
