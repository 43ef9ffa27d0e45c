//! Signing in, seeing where one is signed in, ending any of it, and what is left behind.

use crate::{
    browser::Browser,
    harness::{App, Installation, PASSWORD, Running},
};

const PAGE: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nCache-Control: max-age=600\r\nContent-Length: 40\r\n\r\n\
                      <!doctype html><h1>Alice's diary</h1>\r\n\n";

/// Alice has an account, and the app a page that a browser may keep.
async fn scene() -> (Installation, Running) {
    let house = Installation::before(App::answering(PAGE).await.address);
    house.user("alice", &["--display-name", "Alice Liddell"]);
    let server = house.run().await;
    (house, server)
}

/// Alice's browser at this page, after she has signed in on the way.
async fn alice_at(house: &Installation, page: &str) -> Browser {
    sign_in_on_the_way(Browser::open(house).await, page).await
}

async fn sign_in_on_the_way(browser: Browser, page: &str) -> Browser {
    browser.goto(page).await;
    browser.sign_in("alice").await;
    browser.arrives(page).await;
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_leads_where_one_was_going() {
    let (house, _server) = scene().await;
    let browser = Browser::open(&house).await;
    browser.goto("/diary?day=1").await;
    browser.arrives("/security/sign-in?rd=/diary?day=1").await;
    browser.fill("#username", "alice").await;
    browser.fill("input[type=password]", "wrong").await;
    browser.submit("main form button[type=submit]").await;
    browser.find("[role=alert]").await;
    assert_eq!(browser.find("#username").await.prop("value").await.unwrap().unwrap(), "alice", "the name is kept");
    assert_eq!(browser.find("#password").await.prop("value").await.unwrap().unwrap(), "", "the password is not");
    browser.fill("#password", PASSWORD).await;
    browser.submit("main form button[type=submit]").await;
    browser.arrives("/diary?day=1").await;
    browser.reads("Alice's diary").await;
    browser.goto("/security").await;
    browser.reads("This device").await;
    browser.click("a[href='/security/sessions'].btn").await;
    browser.arrives("/security/sessions").await;
    browser.reads("Only this device is signed in").await;
    assert_eq!(browser.violations().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_browser_is_ended_from_a_dialog() {
    let (house, _server) = scene().await;
    let other = house.signed_in("alice").await;
    let browser = alice_at(&house, "/security/sessions").await;
    browser.click("a.end").await;
    browser.reads_in("dialog[open]", "Chrome on macOS").await;
    // Thinking again.
    browser.click("dialog [data-cancel]").await;
    browser.loses("dialog").await;
    assert_eq!(other.status("/").await, 200);
    browser.click("a.end").await;
    browser.submit("dialog button.danger").await;
    browser.reads("Signed out 1 session").await;
    assert_eq!(browser.place().await, "/security/sessions");
    assert_eq!(other.status("/").await, 401);
    assert_eq!(browser.count("li.row").await, 1);
    assert_eq!(browser.violations().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_browser_is_ended_without_scripts() {
    let (house, _server) = scene().await;
    let other = house.signed_in("alice").await;
    let browser = sign_in_on_the_way(Browser::open_without_scripts(&house).await, "/security/sessions").await;
    browser.click("a.end").await;
    browser.arrives(&format!("/security/sessions/{}/sign-out", other.session().await)).await;
    browser.reads("Chrome on macOS").await;
    browser.submit("[data-confirm] button.danger").await;
    browser.arrives("/security/sessions").await;
    browser.reads("Signed out 1 session").await;
    assert_eq!(other.status("/").await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_others_are_ended_and_this_one_stays() {
    let (house, _server) = scene().await;
    let others = [house.signed_in("alice").await, house.signed_in("alice").await];
    let browser = alice_at(&house, "/security/sessions").await;
    browser.reads("Sign out 2 other sessions").await;
    browser.click("a.danger-outline").await;
    browser.submit("dialog button.danger").await;
    browser.reads("Signed out 2 sessions").await;
    for other in others {
        assert_eq!(other.status("/").await, 401);
    }
    browser.goto("/").await;
    browser.reads("Alice's diary").await;
    // The result was said once.
    browser.goto("/security/sessions").await;
    browser.reads("Only this device is signed in").await;
    assert!(!browser.text().await.contains("Signed out 2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn everywhere_is_counted_with_this_one() {
    let (house, _server) = scene().await;
    let other = house.signed_in("alice").await;
    let browser = alice_at(&house, "/security/sessions").await;
    browser.click(".all a").await;
    browser.submit("dialog button.danger").await;
    browser.arrives("/security/signed-out").await;
    browser.reads("Signed out 2 sessions.").await;
    assert_eq!(other.status("/").await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_leads_to_who_is_still_signed_in() {
    let (house, _server) = scene().await;
    let other = house.signed_in("alice").await;
    let browser = alice_at(&house, "/security/password").await;
    browser.fill("#current_password", PASSWORD).await;
    for field in ["#new_password", "#new_password_again"] {
        browser.fill(field, "Another-horse-8-battery").await;
    }
    browser.submit("main form button.primary").await;
    browser.reads_in("[role=status]", "1 other session is still signed in. Review it").await;
    browser.click("[role=status] a").await;
    browser.arrives("/security/sessions").await;
    browser.click(".row:not(.current) .more").await;
    browser.arrives(&format!("/security/sessions/{}", other.session().await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_ended_is_told_why() {
    let (house, _server) = scene().await;
    let browser = alice_at(&house, "/diary").await;
    browser.reads("Alice's diary").await;
    let other = house.signed_in("alice").await;
    other.call(reqwest::Method::POST, "/sessions/revoke-others", &serde_json::json!({})).await;
    browser.goto("/diary?again").await;
    browser.arrives("/security/sign-in?rd=/diary?again").await;
    browser.reads("You were signed out because this session was ended from Chrome on macOS").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_signing_out_the_way_back_shows_nothing() {
    let (house, _server) = scene().await;
    let browser = alice_at(&house, "/diary").await;
    browser.reads("Alice's diary").await;
    browser.goto("/security/sessions").await;
    browser.reads("This device").await;
    browser.click("details.user summary").await;
    browser.submit("details.user button").await;
    browser.arrives("/security/signed-out").await;
    for _ in 0..2 {
        browser.driver.back().await.unwrap();
        browser.reads("Password").await;
        let text = browser.text().await;
        assert!(!text.contains("This device") && !text.contains("diary"), "{text}");
        assert!(browser.place().await.starts_with("/security/sign-in"), "{}", browser.place().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_counts_and_may_end_the_others() {
    let (house, _server) = scene().await;
    let other = house.signed_in("alice").await;
    let browser = alice_at(&house, "/security/password").await;
    let change = async |current: &str, new: &str, again: &str| {
        browser.fill("#current_password", current).await;
        browser.fill("#new_password", new).await;
        browser.fill("#new_password_again", again).await;
        browser.submit("main form button.primary").await;
    };
    change(PASSWORD, "weak", "week").await;
    // All at once, and each field is led to.
    browser.find("#new_password[aria-invalid=true]").await;
    browser.find("#new_password_again[aria-invalid=true]").await;
    browser.click(".summary a[href='#new_password_again']").await;
    let focused = browser.driver.active_element().await.unwrap();
    assert_eq!(focused, browser.find("#new_password_again").await);
    change(PASSWORD, "Another-horse-8-battery", "Another-horse-8-battery!").await;
    browser.find("#new_password_again[aria-invalid=true]").await;
    assert_eq!(other.status("/").await, 200);
    browser.click("[name=end_other_sessions]").await;
    change(PASSWORD, "Another-horse-8-battery", "Another-horse-8-battery").await;
    browser.find("[role=status]").await;
    assert_eq!(other.status("/").await, 401);
    browser.goto("/diary").await;
    browser.reads("Alice's diary").await;
    assert_eq!(house.person().try_to_sign_in("alice", PASSWORD).await.status(), 401);
    assert_eq!(house.person().try_to_sign_in("alice", "Another-horse-8-battery").await.status(), 200);
}

/// A page that says nothing about keeping, as files of a plain web server do.
const FILE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
                      Content-Length: 34\r\n\r\n<!doctype html><h1>The file</h1>\r\n\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_before_the_end_is_not_read_after_it() {
    let house = Installation::before(App::answering(FILE).await.address);
    house.user("alice", &[]);
    let _server = house.run().await;
    let browser = alice_at(&house, "/file").await;
    browser.reads("The file").await;
    browser.goto("/security").await;
    house.cli(&["sessions", "revoke", "--user", "alice", "--reason", "a test"]).ok();
    browser.goto("/file").await;
    browser.arrives("/security/sign-in?rd=/file").await;
}
