//! By keyboard alone, with JavaScript and without: sign in, list, end, confirm.

use thirtyfour::Key;

use crate::{
    browser::Browser,
    harness::{App, Installation, PASSWORD},
};

async fn sign_in_list_end_confirm(scripts: bool) {
    let house = Installation::before(App::ok().await.address);
    house.user("alice", &[]);
    let _server = house.run().await;
    let other = house.signed_in("alice").await;
    let browser = if scripts { Browser::open(&house).await } else { Browser::open_without_scripts(&house).await };
    browser.goto("/security").await;
    browser.tab_to("#username").await;
    browser.types("alice").await;
    browser.tab_to("input[type=password]").await;
    browser.types(PASSWORD).await;
    browser.press(Key::Enter).await;
    browser.arrives("/security").await;
    browser.tab_to("nav a[href='/security/sessions']").await;
    browser.press(Key::Enter).await;
    browser.arrives("/security/sessions").await;
    browser.tab_to("a.end").await;
    browser.press(Key::Enter).await;
    let question = if scripts { "dialog[open] [data-confirm]" } else { "[data-confirm]" };
    browser.find(question).await;
    browser.tab_to(&format!("{question} button[type=submit]")).await;
    assert_eq!(other.status("/").await, 200, "nothing ends before it is confirmed");
    browser.press(Key::Enter).await;
    browser.reads("Signed out 1 session").await;
    assert_eq!(other.status("/").await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_scripts() {
    sign_in_list_end_confirm(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts() {
    sign_in_list_end_confirm(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn escape_closes_the_dialog_and_the_focus_returns() {
    let house = Installation::before(App::ok().await.address);
    house.user("alice", &[]);
    let _server = house.run().await;
    let other = house.signed_in("alice").await;
    let browser = Browser::open(&house).await;
    browser.goto("/security/sessions").await;
    browser.sign_in("alice").await;
    browser.arrives("/security/sessions").await;
    browser.tab_to("a.end").await;
    browser.press(Key::Enter).await;
    browser.find("dialog[open] [data-confirm]").await;
    browser.press(Key::Escape).await;
    browser.loses("dialog").await;
    let focused = browser.driver.active_element().await.unwrap();
    assert_eq!(focused, browser.find("a.end").await);
    assert_eq!(other.status("/").await, 200);
}
