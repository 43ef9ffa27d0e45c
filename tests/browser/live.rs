//! What a page that is open learns by itself: the list of sessions, and an app's page with the script that watches its session.

use reqwest::Method;
use serde_json::json;

use crate::{
    browser::Browser,
    harness::{App, Installation, Person, Running, until},
};

/// Elements with names of what a script asks the window and the document for change nothing.
const PAGE: &str = "<!doctype html><title>Diary</title><h1>Diary</h1><i id=portcullisWatch></i><i id=fetch></i>\
    <img alt='' name=hidden><img alt='' name=createElement><img alt='' name=documentElement><img alt='' name=addEventListener>\
    <script src=\"/security/assets/watch.js\" defer></script>";

/// Alice has an account, and the app a page with the script, whose policy allows it.
async fn scene(keys: &str) -> (Installation, Running) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Security-Policy: default-src 'self'\r\n";
    let answer = format!("{head}Content-Length: {}\r\n\r\n{PAGE}", PAGE.len());
    let app = App::answering(answer.leak().as_bytes()).await;
    let house = Installation::with(&format!("upstream: http://{}\n{keys}", app.address));
    house.user("alice", &[]);
    let server = house.run().await;
    (house, server)
}

async fn alice_at(house: &Installation, page: &str) -> Browser {
    let browser = Browser::open(house).await;
    browser.goto(page).await;
    browser.sign_in("alice").await;
    browser.arrives(page).await;
    browser
}

/// What the bar at the foot of an app's page says.
async fn bar(browser: &Browser) -> String {
    let script = "const bar = document.querySelector('html').lastElementChild; return bar.shadowRoot ? bar.shadowRoot.textContent : ''";
    let said = browser.driver.execute(script, vec![]).await.unwrap();
    said.json().as_str().unwrap_or_default().to_owned()
}

async fn bar_says(browser: &Browser, words: &str) {
    until(&format!("a bar that says {words:?}"), async || bar(browser).await.contains(words).then_some(())).await;
}

async fn press(browser: &Browser, button: &str) {
    let script = "const bar = document.querySelector('html').lastElementChild; \
                  [...bar.shadowRoot.querySelectorAll('button')].find((it) => it.textContent === arguments[0]).click()";
    browser.driver.execute(script, vec![json!(button)]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_shows_what_happens_elsewhere() {
    let (house, _server) = scene("").await;
    let browser = alice_at(&house, "/security/sessions").await;
    browser.reads("Only this device is signed in").await;

    let other = Person::with_user_agent(house.public, "curl/8.5.0");
    let id = other.sign_in("alice").await;
    browser.reads("curl 8.5").await;
    assert_eq!(browser.count(".row.fresh").await, 1, "what is new stands out");
    // The new row works as one that was there: its dialog opens, and ends it.
    browser.click(&format!("a.end[href='/security/sessions/{id}/sign-out']")).await;
    browser.submit("dialog button.danger").await;
    browser.reads("Only this device is signed in").await;

    let another = house.signed_in("alice").await;
    browser.find(".row.fresh").await;
    another.call(Method::POST, "/sessions/revoke-others", &json!({})).await;
    browser.arrives("/security/sign-in?rd=/security/sessions").await;
    browser.reads("You were signed out because this session was ended from Chrome on macOS").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_of_an_app_says_why_nothing_works_and_leads_back() {
    let (house, _server) = scene("").await;
    let browser = alice_at(&house, "/diary").await;
    let other = house.signed_in("alice").await;
    other.call(Method::POST, "/sessions/revoke-others", &json!({})).await;
    // As an app does that calls home.
    browser.driver.execute("fetch('/api/orders').then((answer) => answer.text())", vec![]).await.unwrap();

    bar_says(&browser, "You were signed out because this session was ended from Chrome on macOS").await;
    let tab = browser.driver.window().await.unwrap();
    press(&browser, "Sign in").await;
    let windows = until("a tab to sign in", async || {
        let windows = browser.driver.windows().await.unwrap();
        (windows.len() == 2).then_some(windows)
    })
    .await;
    let second = windows.into_iter().find(|window| *window != tab).unwrap();
    browser.driver.switch_to_window(second).await.unwrap();
    browser.arrives("/security/sign-in?rd=%2Fsecurity%2Fsigned-in").await;
    browser.sign_in("alice").await;
    browser.reads("You are signed in to").await;
    browser.driver.switch_to_window(tab).await.unwrap();
    browser.driver.execute("dispatchEvent(new Event('focus'))", vec![]).await.unwrap();
    until("the bar to go", async || bar(&browser).await.is_empty().then_some(())).await;
    // chromedriver reads a text by way of the names that the page's elements have.
    assert_eq!(browser.driver.title().await.unwrap(), "Diary");
    assert_eq!(browser.violations().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_refused_is_noticed_however_the_page_makes_it() {
    let (house, _server) = scene("").await;
    let other = house.signed_in("alice").await;
    for call in [
        "new EventSource('/events')",
        "const call = new XMLHttpRequest(); call.open('GET', '/api/orders'); call.send()",
        "navigator.sendBeacon('/api/orders', 'x')",
        // A status that is looked at, and a body that nobody reads.
        "onclick = () => fetch('/api/orders').then((answer) => answer.ok); document.body.click(); \
         document.body.dispatchEvent(new PointerEvent('pointerup', { bubbles: true }))",
    ] {
        let browser = alice_at(&house, "/diary").await;
        other.call(Method::POST, "/sessions/revoke-others", &json!({})).await;
        browser.driver.execute(call, vec![]).await.unwrap();
        bar_says(&browser, "You were signed out because this session was ended from Chrome on macOS").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_comes_before_a_session_is_idle_and_one_press_keeps_it() {
    let (house, _server) = scene("sessions: { idle_timeout: 24s, heartbeat_interval: 1s }\n").await;
    let browser = alice_at(&house, "/diary").await;
    until_patiently(&browser, "not used this for a while").await;
    press(&browser, "Stay signed in").await;
    until("the bar to go", async || bar(&browser).await.is_empty().then_some(())).await;
    // Nobody stays now.
    until_patiently(&browser, "not used this for a while").await;
    until_patiently(&browser, "You were signed out because this session had not been used").await;
}

/// Waits for a bar for as long as a session lives here.
async fn until_patiently(browser: &Browser, words: &str) {
    for _ in 0..10 {
        let waiting = tokio::time::timeout(std::time::Duration::from_secs(4), async {
            while !bar(browser).await.contains(words) {
                tokio::task::yield_now().await;
            }
        });
        if waiting.await.is_ok() {
            return;
        }
    }
    panic!("no bar says {words:?}, but {:?}", bar(browser).await);
}
