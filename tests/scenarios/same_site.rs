//! Requests that another site makes the browser send.

use http::Method;
use serde_json::json;

use crate::town::{Ask, Browser, CURL, MAC, PASSWORD, Town};

/// A request without any sign of where it comes from.
fn bare<'b>(browser: &'b Browser<'_>, path: &str) -> Ask<'b> {
    browser.bare(Method::POST, path)
}

#[tokio::test]
async fn with_a_cookie_only_our_own_pages_change_anything() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    for (site, origin, passes) in [
        (Some("same-origin"), None, true),
        (Some("same-origin"), Some("https://app.example.com"), true),
        (Some("none"), None, true),
        (Some("same-site"), None, false),
        (Some("same-site"), Some("https://app.example.com"), false),
        (Some("cross-site"), None, false),
        (Some("cross-site"), Some("https://app.example.com"), false),
        (Some(""), None, false),
        (Some("SAME-ORIGIN"), None, false),
        (None, Some("https://app.example.com"), true),
        (None, Some("https://evil.test"), false),
        (None, Some("http://app.example.com"), false),
        (None, Some("https://app.example.com:8443"), false),
        (None, Some("https://app.example.com.evil.test"), false),
        (None, Some("null"), false),
        (None, None, false),
    ] {
        let browser = alice.signed_in_on(MAC).await;
        for path in ["/security/api/v1/sessions/revoke-others", "/security/sessions/sign-out-others"] {
            let mut ask = bare(&browser, path);
            if let Some(site) = site {
                ask = ask.with("sec-fetch-site", site);
            }
            if let Some(origin) = origin {
                ask = ask.with("origin", origin);
            }
            let status = ask.send().await.answer().status;
            assert_eq!(status != 403, passes, "{site:?} {origin:?} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn a_refused_one_has_no_effect_and_is_counted() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    for (method, path) in [
        (Method::POST, "/security/sign-out"),
        (Method::POST, "/security/sessions/sign-out-all"),
        (Method::POST, "/security/api/v1/sign-out"),
        (Method::POST, "/security/api/v1/sessions/revoke-all"),
        (Method::PUT, "/security/api/v1/password"),
        (Method::DELETE, "/security/api/v1/sessions/current"),
        (Method::POST, "/security/nowhere"),
    ] {
        let ask = browser.bare(method, path).with("sec-fetch-site", "cross-site").with("origin", "https://evil.test");
        let answer = ask.send().await.answer();
        assert_eq!((answer.status, answer.problem().as_str()), (403, "cross-site"), "{path}");
    }
    assert!(browser.is_let_in().await);
    assert_eq!(town.metric("csrf_rejections_total"), 7.0);
}

#[tokio::test]
async fn nobody_is_signed_in_from_another_site() {
    let town = Town::new();
    town.with_user("mallory").await;
    let form = format!("username=mallory&password={PASSWORD}");
    let browser = town.stranger();
    let ask = || {
        browser
            .navigation(Method::POST, "/security/sign-in")
            .with("content-type", "application/x-www-form-urlencoded")
            .body(form.clone())
    };
    let page = ask().with("sec-fetch-site", "cross-site").with("origin", "https://evil.test").send().await.answer();
    assert_eq!(page.status, 403);
    assert!(page.says("This came from another site") && page.cookies().is_empty());
    assert_eq!(ask().without("sec-fetch-site").send().await.answer().status, 403, "a form without any sign");
    let text = ask().without("sec-fetch-site").with("content-type", "text/plain").send().await.answer();
    assert_eq!(text.status, 403);
}

#[tokio::test]
async fn a_tool_without_a_cookie_signs_in_and_with_one_it_says_where_it_comes_from() {
    let town = Town::new();
    town.with_user("alice").await;
    let curl = Browser::new(&town, CURL);
    let body = json!({"username": "alice", "password": PASSWORD}).to_string();
    let json = |path: &str| bare(&curl, path).with("content-type", "application/json");

    assert_eq!(json("/security/api/v1/sign-in").body(body.clone()).send().await.status(), 200);
    assert_eq!(json("/security/api/v1/sign-out").send().await.status(), 403);
    assert_eq!(json("/security/api/v1/sign-out").with("origin", town.origin()).send().await.status(), 204);
}

#[tokio::test]
async fn any_cookie_at_all_is_a_browser() {
    let town = Town::new();
    town.with_user("alice").await;
    let curl = Browser::new(&town, CURL);
    curl.puts_into_jar("theme", "dark");
    let body = json!({"username": "alice", "password": PASSWORD}).to_string();
    let ask = bare(&curl, "/security/api/v1/sign-in").with("content-type", "application/json").body(body);
    assert_eq!(ask.send().await.status(), 403);
}

#[tokio::test]
async fn a_look_from_another_site_is_a_look() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let ask = browser.navigation(Method::GET, "/security/sessions").with("sec-fetch-site", "cross-site");
    assert_eq!(ask.send().await.answer().status, 200);
}

#[tokio::test]
async fn what_the_app_takes_from_where_is_the_apps_business() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let ask = bare(&browser, "/webhook").with("sec-fetch-site", "cross-site").with("origin", "https://partner.test");
    ask.send().await.arrived();
}
