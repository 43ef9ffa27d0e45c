//! The window of an installed app: the session that one opens there is the app's.

use serde_json::json;

use crate::{
    browser::Browser,
    harness::{App, Installation},
};

/// Signs in with the form that is shown, and reads what the list of sessions calls this one.
async fn called(browser: &Browser) -> String {
    browser.sign_in("alice").await;
    browser.arrives("/").await;
    browser.goto("/security/sessions").await;
    browser.find(".current h2 a").await.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_its_own_is_an_app_and_a_tab_is_none() {
    let house = Installation::before(App::ok().await.address);
    house.user("alice", &[]);
    let _server = house.run().await;
    let window = Browser::open_as_app(&house).await;
    window.arrives("/security/sign-in?rd=/").await;
    assert_eq!(called(&window).await, format!("{} app on Linux", house.public.ip()));

    let tab = Browser::open(&house).await;
    tab.goto("/").await;
    assert_eq!(called(&tab).await, "Chrome on Linux");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_show_an_app_is_one_and_a_tab_that_fills_the_screen_is_not() {
    let house = Installation::before(App::ok().await.address);
    house.user("alice", &[]);
    let _server = house.run().await;
    let browser = Browser::open(&house).await;
    for (shown, client) in [
        ("window.matchMedia = (query) => ({ matches: query === '(display-mode: minimal-ui)' })", "app"),
        ("window.matchMedia = (query) => ({ matches: query === '(display-mode: window-controls-overlay)' })", "app"),
        ("window.matchMedia = (query) => ({ matches: query === '(display-mode: fullscreen)' })", "cookie"),
        // Safari on iOS, from the home screen.
        ("window.matchMedia = () => ({ matches: false }); navigator.standalone = true", "app"),
        ("window.matchMedia = () => ({ matches: false }); navigator.standalone = false", "cookie"),
    ] {
        let cdp = browser.driver.cdp();
        let before = cdp.send_raw("Page.addScriptToEvaluateOnNewDocument", json!({ "source": shown })).await.unwrap();
        browser.goto("/").await;
        let field = browser.find("input[name=client]").await;
        assert_eq!(field.prop("value").await.unwrap().as_deref(), Some(client), "{shown}");
        cdp.send_raw("Page.removeScriptToEvaluateOnNewDocument", before).await.unwrap();
    }
}
