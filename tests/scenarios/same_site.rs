//! Requests that another site makes the browser send.

use http::Method;
use serde_json::json;

use crate::test_app::{Browser, CURL, MAC, PASSWORD, TestApp, TestRequest};

/// A request without any sign of where it comes from.
fn bare_get<'b>(browser: &'b Browser<'_>, path: &str) -> TestRequest<'b> {
    browser.bare_request(Method::POST, path)
}

#[tokio::test]
async fn with_a_cookie_only_our_own_pages_change_anything() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
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
            let mut ask = bare_get(&browser, path);
            if let Some(site) = site {
                ask = ask.header("sec-fetch-site", site);
            }
            if let Some(origin) = origin {
                ask = ask.header("origin", origin);
            }
            let status = ask.send().await.response().status;
            assert_eq!(status != 403, passes, "{site:?} {origin:?} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn a_refused_one_has_no_effect_and_is_counted() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    for (method, path) in [
        (Method::POST, "/security/sign-out"),
        (Method::POST, "/security/sessions/sign-out-all"),
        (Method::POST, "/security/api/v1/sign-out"),
        (Method::POST, "/security/api/v1/sessions/revoke-all"),
        (Method::PUT, "/security/api/v1/password"),
        (Method::DELETE, "/security/api/v1/sessions/current"),
        (Method::POST, "/security/nowhere"),
    ] {
        let ask = browser
            .bare_request(method, path)
            .header("sec-fetch-site", "cross-site")
            .header("origin", "https://evil.test");
        let answer = ask.send().await.response();
        assert_eq!((answer.status, answer.problem_type().as_str()), (403, "cross-site"), "{path}");
    }
    assert!(browser.reaches_app().await);
    assert_eq!(app.metric("csrf_rejections_total"), 7);
}

#[tokio::test]
async fn nobody_is_signed_in_from_another_site() {
    let app = TestApp::new();
    app.add_user("mallory").await;
    let form = format!("username=mallory&password={PASSWORD}");
    let browser = app.new_browser();
    let ask = || {
        browser
            .navigation(Method::POST, "/security/sign-in")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.clone())
    };
    let page =
        ask().header("sec-fetch-site", "cross-site").header("origin", "https://evil.test").send().await.response();
    assert_eq!(page.status, 403);
    assert!(page.contains_text("This came from another site") && page.cookies().is_empty());
    assert_eq!(ask().without_header("sec-fetch-site").send().await.response().status, 403, "a form without any sign");
    let text = ask().without_header("sec-fetch-site").header("content-type", "text/plain").send().await.response();
    assert_eq!(text.status, 403);
}

#[tokio::test]
async fn a_tool_without_a_cookie_signs_in_and_with_one_it_says_where_it_comes_from() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let curl = Browser::new(&app, CURL);
    let body = json!({"username": "alice", "password": PASSWORD}).to_string();
    let json = |path: &str| bare_get(&curl, path).header("content-type", "application/json");

    assert_eq!(json("/security/api/v1/sign-in").body(body.clone()).send().await.status(), 200);
    assert_eq!(json("/security/api/v1/sign-out").send().await.status(), 403);
    assert_eq!(json("/security/api/v1/sign-out").header("origin", app.origin()).send().await.status(), 204);
}

#[tokio::test]
async fn any_cookie_at_all_is_a_browser() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let curl = Browser::new(&app, CURL);
    curl.set_cookie("theme", "dark");
    let body = json!({"username": "alice", "password": PASSWORD}).to_string();
    let ask = bare_get(&curl, "/security/api/v1/sign-in").header("content-type", "application/json").body(body);
    assert_eq!(ask.send().await.status(), 403);
}

#[tokio::test]
async fn a_look_from_another_site_is_a_look() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let ask = browser.navigation(Method::GET, "/security/sessions").header("sec-fetch-site", "cross-site");
    assert_eq!(ask.send().await.response().status, 200);
}

#[tokio::test]
async fn what_the_app_takes_from_where_is_the_apps_business() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let ask =
        bare_get(&browser, "/webhook").header("sec-fetch-site", "cross-site").header("origin", "https://partner.test");
    ask.send().await.forwarded();
}

/// Pages of other sites may talk to `/chat` and `/assets` alone.
const WEBSOCKET_ROUTES: &str = "
  - { path: /assets, access: public, upstream: app }
  - { path: /admin, access: { roles: [admin] }, upstream: app }
  - path: /chat
    websocket_origins: [\"https://Other.example.com:443/\", \"https://partner.test:8443\"]
    upstream: app
  - { path: /, access: signed_in, upstream: app }";

/// What is another origin to a browser, or is written as no browser writes ours.
const CROSS_SITE_ORIGINS: [&str; 14] = [
    "https://evil.test",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://app.example.com:443",
    "https://app.example.com.",
    "https://app.example.com/",
    "https://APP.example.com",
    "HTTPS://app.example.com",
    "https://app.example.com.evil.test",
    "https://evil.test/https://app.example.com",
    "https://app.example.com@evil.test",
    "https://app.example.com https://evil.test",
    "null",
    "",
];

fn upgrade<'b>(browser: &'b Browser<'_>, path: &str) -> TestRequest<'b> {
    browser.bare_request(Method::GET, path).header("connection", "Upgrade").header("upgrade", "websocket")
}

#[tokio::test]
async fn a_page_of_another_site_opens_no_websocket_and_costs_no_look_up() {
    let app = TestApp::with_routes(WEBSOCKET_ROUTES);
    let alice = app.add_user_with_roles("alice", &["admin"]).await.signed_in_on(MAC).await;
    let (asked, mut refused) = (app.store_calls("find"), 0);
    for path in ["/x", "/admin/x", "/chat", "/chat/y"] {
        for origin in CROSS_SITE_ORIGINS.into_iter().chain(if path.starts_with("/chat") {
            None
        } else {
            Some("https://partner.test:8443")
        }) {
            for caller in [&alice, &app.new_browser()] {
                let answer = upgrade(caller, path).header("origin", origin).send().await.response();
                assert_eq!((answer.status, answer.problem_type().as_str()), (403, "cross-site"), "{path} {origin}");
                refused += 1;
            }
        }
        let twice = upgrade(&alice, path)
            .append_header("origin", b"https://app.example.com")
            .append_header("origin", b"https://app.example.com");
        assert_eq!(twice.send().await.status(), 403, "no browser says it twice");
        let odd = upgrade(&alice, path).append_header("origin", b"https://app.example.com\xff");
        assert_eq!(odd.send().await.status(), 403);
        refused += 2;
    }
    assert_eq!(app.store_calls("find"), asked, "the store is not asked");
    assert_eq!(app.metric("csrf_rejections_total"), refused);

    for (path, origin) in [
        ("/x", "https://app.example.com"),
        ("/admin/x", "https://app.example.com"),
        ("/chat", "https://app.example.com"),
        ("/chat", "https://other.example.com"),
        ("/chat/y", "https://partner.test:8443"),
        ("/assets/x", "https://evil.test"),
        ("/assets/x", "null"),
    ] {
        upgrade(&alice, path).header("origin", origin).send().await.forwarded();
    }
    assert_eq!(
        upgrade(&app.new_browser(), "/chat").header("origin", "https://other.example.com").send().await.status(),
        401
    );
    assert_eq!(upgrade(&alice, "/x").send().await.forwarded().user_name(), Some("alice"), "a program says no origin");
    let plain = alice.bare_request(Method::GET, "/x").header("origin", "https://evil.test");
    assert_eq!(plain.send().await.forwarded().user_name(), Some("alice"), "no upgrade: the app's affair");
    assert_eq!(app.metric("csrf_rejections_total"), refused);
}

/// Each value of a header that is there once, twice or not at all.
type HeaderValues = Vec<&'static [u8]>;

#[tokio::test]
async fn no_spelling_of_where_a_call_comes_from_passes_for_our_own() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let body = json!({"username": "alice", "password": PASSWORD}).to_string();
    let own: &[u8] = b"https://app.example.com";
    let same: &[u8] = b"same-origin";
    let mut cases: Vec<(HeaderValues, HeaderValues, bool)> = vec![
        (vec![same], vec![own], true),
        (vec![same], vec![b"null"], true),
        (vec![b"none"], vec![], true),
        (vec![], vec![own], true),
        // Of a program that sends JSON and no cookie.
        (vec![], vec![], true),
        (vec![same, same], vec![], false),
        (vec![same, b"cross-site"], vec![], false),
        (vec![b"cross-site", same], vec![], false),
        (vec![], vec![own, own], false),
        (vec![], vec![own, b"https://evil.test"], false),
        (vec![same], vec![own, own], false),
        (vec![b"same-origin\xff"], vec![own], false),
        (vec![b"\xff"], vec![own], false),
        (vec![b"Same-Origin"], vec![own], false),
        (vec![b"same-origin, cross-site"], vec![own], false),
        (vec![b"same-origin;x"], vec![own], false),
        (vec![], vec![b"\xff"], false),
    ];
    for other in CROSS_SITE_ORIGINS {
        cases.push((vec![], vec![other.as_bytes()], false));
        if other != "null" {
            cases.push((vec![same], vec![other.as_bytes()], false));
        }
    }
    for (sites, origins, passes) in cases {
        let browser = app.new_browser();
        let mut ask = bare_get(&browser, "/security/api/v1/sign-in").header("content-type", "application/json");
        for site in &sites {
            ask = ask.append_header("sec-fetch-site", site);
        }
        for origin in &origins {
            ask = ask.append_header("origin", origin);
        }
        let answer = ask.body(body.clone()).send().await.response();
        let (sites, origins) = (sites.join(&b'|'), origins.join(&b'|'));
        let shown = format!("{:?} {:?}", String::from_utf8_lossy(&sites), String::from_utf8_lossy(&origins));
        assert_eq!((answer.status == 200, answer.status == 403), (passes, !passes), "{shown}");
    }
    let browser = app.new_browser();
    let twice = bare_get(&browser, "/security/api/v1/sign-in")
        .append_header("content-type", b"application/json")
        .append_header("content-type", b"text/plain");
    assert_eq!(twice.body(body).send().await.status(), 403, "two kinds are none");
}

/// A browser asks for leave before it sends QUERY to another site, and what it does is a look (RFC 10008).
#[tokio::test]
async fn a_query_is_a_look() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let query = |path: &str, method: &str| {
        let ask = browser.bare_request(method.parse().unwrap(), path);
        ask.header("sec-fetch-site", "cross-site").header("origin", "https://evil.test")
    };
    assert_eq!(query("/search", "QUERY").send().await.forwarded().user_name(), Some("alice"));
    assert_eq!(query("/security/sessions", "QUERY").send().await.status(), 405, "no page of ours knows it");
    assert_eq!(query("/security/sessions", "query").send().await.status(), 403, "methods are told apart by case");
    let upgrade = query("/search", "QUERY").header("upgrade", "websocket");
    assert_eq!(upgrade.send().await.status(), 403, "the rule for upgrades asks for no method");
}
