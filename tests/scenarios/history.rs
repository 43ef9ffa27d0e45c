//! Sign-in history: each time somebody signed in, or tried to.

use serde_json::{Value, json};

use crate::test_app::{Browser, DAY, IPHONE, MAC, MINUTE, PASSWORD, TestApp};

#[tokio::test]
async fn each_attempt_is_recorded_newest_first() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let thief = Browser::new(&app, IPHONE).with_ip("198.51.100.66");
        thief.sign_in("alice", "wrong").await;
        app.advance(MINUTE);
        let browser = alice.signed_in_on(MAC).await;

        let items = browser.items("/login-history").await;

        assert_eq!(items.len(), 2);
        assert_eq!((&items[0]["outcome"], &items[0]["step"]), (&json!("succeeded"), &json!("password")));
        assert_eq!(
            (&items[0]["session_id"], &items[0]["at"]),
            (&json!(browser.session_id()), &json!("2026-11-21T12:01:00Z"))
        );
        assert_eq!((&items[1]["outcome"], &items[1]["session_id"]), (&json!("failed"), &json!(null)));
        assert_eq!(items[1]["network"]["ip"], "198.51.100.66");
        assert_eq!(items[1]["device"]["label"], "Safari on iPhone");
        assert!(items[1]["id"].as_str().unwrap().starts_with("evt_"));
    }
}

#[tokio::test]
async fn every_kind_of_failure_is_there() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    for _ in 0..6 {
        app.new_browser().sign_in("alice", "wrong").await;
    }
    app.advance(DAY);
    let browser = alice.signed_in_on(MAC).await;

    let page = browser.get("/security/history?outcome=failed").await.response();

    assert_eq!(page.count_text("wrong password"), 5);
    assert_eq!(page.count_text("refused after too many attempts"), 1);
    assert!(browser.get("/security").await.response().contains_text("6 failed attempts in the last 30 days"));
    assert_eq!(browser.items("/login-history?outcome=failed").await.len(), 6);
    assert_eq!(browser.items("/login-history?outcome=succeeded").await.len(), 1);
}

#[tokio::test]
async fn nobody_reads_the_history_of_others() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    alice.signed_in_on(MAC).await;
    let bob = app.add_user("bob").await.signed_in_on(IPHONE).await;
    app.new_browser().sign_in("nosuch", "wrong").await;

    let items = bob.items("/login-history").await;

    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["session_id"], json!(bob.session_id()));
}

#[tokio::test]
async fn it_is_read_page_by_page() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let mut browser = alice.signed_in_on(MAC).await;
    for _ in 0..29 {
        app.advance(MINUTE);
        browser = alice.signed_in_on(MAC).await;
    }
    let (mut times, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = browser.api("GET", &format!("/login-history?limit=7{cursor}"), Value::Null).await.json();
        times.extend(page["items"].as_array().unwrap().iter().map(|item| item["at"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(times.len(), 30);
    assert!(times.is_sorted_by(|a, b| a > b), "{times:?}");

    let first = browser.get("/security/history").await.response();
    assert_eq!(first.count_text("Success"), 25);
    assert!(first.contains_text("Older"));
    let (_, behind) = first.text().split_once("rel=\"next\" href=\"").unwrap();
    let older = behind.split('"').next().unwrap();
    let second = browser.get(&older.replace("&#38;", "&")).await.response();
    assert_eq!(second.count_text("Success"), 5);
    assert!(second.contains_text("Newest") && !second.contains_text("Older"));
}

#[tokio::test]
async fn the_file_holds_the_same() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    app.new_browser().sign_in("alice", "wrong").await;
    app.advance(MINUTE);
    let browser = alice.signed_in_on(MAC).await;

    let file = browser.get("/security/history.csv").await.response();

    assert_eq!(file.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"sign-in-history.csv\""));
    assert_eq!(
        file.text(),
        "time,status,step,ip,device,attempts,last\n\
         2026-11-21T12:01:00Z,Success,password,203.0.113.7,Chrome on macOS,1,2026-11-21T12:01:00Z\n\
         2026-11-21T12:00:00Z,Failed,password,203.0.113.7,Chrome on macOS,1,2026-11-21T12:00:00Z\n"
    );
    let failed = browser.get("/security/history.csv?outcome=failed").await.response();
    assert_eq!(failed.text().lines().count(), 2);
}

#[tokio::test]
async fn no_cell_of_the_file_is_a_formula() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    for name in
        ["-2+3 cmd Bot/1.0", "=HYPERLINK(1) Bot/1.0", "@SUM(1) bot", "+1 crawler/1", "-evil Bot/1.0", "a,\"b\" Bot/1"]
    {
        Browser::new(&app, name).sign_in("alice@example.com", PASSWORD).await;
    }
    let browser = alice.signed_in_on(MAC).await;

    let file = browser.get("/security/history.csv").await.response();

    let mut devices = Vec::new();
    for line in csv::Reader::from_reader(file.text().as_bytes()).records() {
        let line = line.unwrap();
        assert!(line.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{line:?}");
        devices.push(line[4].to_owned());
    }
    assert!(devices.iter().any(|device| device.starts_with("'-")), "one of them tried: {devices:?}");
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_answered_so() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    for query in ["outcome=maybe", "cursor=x", "cursor=sess_1", "limit=0", "limit=101", "limit=-1", "limit=x"] {
        let answer = browser.api("GET", &format!("/login-history?{query}"), Value::Null).await;
        assert_eq!((answer.status, answer.problem_type().as_str()), (422, "invalid-request"), "{query}");
    }
    let twice = browser.api("GET", "/login-history?outcome=failed&outcome=failed", Value::Null).await;
    assert_eq!(twice.problem_type(), "bad-request");
}

#[tokio::test]
async fn whoever_guesses_the_password_where_it_is_changed_is_seen() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let guess = json!({"current_password": "guessed", "new_password": "Ferry-crossing-at-9"});
    for _ in 0..2 {
        assert_eq!(browser.api("PUT", "/password", guess.clone()).await.problem_type(), "wrong-password");
    }
    let page = browser.get("/security/history?outcome=failed").await.response();
    assert_eq!(page.count_text("wrong current password, to change it"), 2);
    let failed = browser.items("/login-history?outcome=failed").await;
    assert_eq!((failed.len(), &failed[0]["step"]), (2, &json!("password_change")));
    assert!(browser.get("/security").await.response().contains_text("2 failed attempts in the last 30 days"));
    let csv = browser.get("/security/history.csv").await.response();
    assert_eq!(csv.text().matches("Failed,password change").count(), 2, "{}", csv.text());
}
