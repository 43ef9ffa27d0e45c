//! A double click on a form of ours acts once, with JavaScript and without.

use thirtyfour::By;

use crate::{
    browser::Browser,
    harness::{App, Installation, PASSWORD},
};

async fn double_click(browser: &Browser, css: &str) {
    let button = browser.find(css).await;
    browser.driver.action_chain().double_click_element(&button).perform().await.unwrap();
}

async fn signs_in_and_ends_once(scripts: bool) {
    let house = Installation::before(App::ok().await.address);
    house.user("alice", &[]);
    let _server = house.run().await;
    let other = house.signed_in("alice").await;
    let browser = if scripts { Browser::open(&house).await } else { Browser::open_without_scripts(&house).await };
    browser.goto("/security/sessions").await;
    browser.fill("#username", "alice").await;
    browser.fill("input[type=password]", PASSWORD).await;
    double_click(&browser, "main form button[type=submit]").await;
    browser.arrives("/security/sessions").await;
    browser.reads("This device").await;
    assert_eq!(browser.count("li.row").await, 2, "this session and the other");
    let history = house.cli(&["audit", "export"]).ok();
    assert_eq!(history.matches("signed_in").count(), 2, "{history}");

    browser.driver.find(By::Css("a.end")).await.unwrap().click().await.unwrap();
    double_click(&browser, "[data-confirm] button[type=submit]").await;
    browser.arrives("/security/sessions").await;
    browser.reads("Only this device is signed in").await;
    assert_eq!(other.status("/").await, 401);
    assert!(!browser.text().await.contains("had already ended"));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_scripts() {
    signs_in_and_ends_once(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts() {
    signs_in_and_ends_once(false).await;
}
