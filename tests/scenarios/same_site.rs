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
    assert_eq!(town.metric("csrf_rejections_total"), 7);
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

/// Pages of other sites may talk to `/chat` and `/assets` alone.
const SOCKETS: &str = "
  - { path: /assets, access: public, upstream: app }
  - { path: /admin, access: { roles: [admin] }, upstream: app }
  - path: /chat
    websocket_origins: [\"https://Other.example.com:443/\", \"https://partner.test:8443\"]
    upstream: app
  - { path: /, access: signed_in, upstream: app }";

/// What is another origin to a browser, or is written as no browser writes ours.
const OTHERS: [&str; 14] = [
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

fn upgrade<'b>(browser: &'b Browser<'_>, path: &str) -> Ask<'b> {
    browser.bare(Method::GET, path).with("connection", "Upgrade").with("upgrade", "websocket")
}

#[tokio::test]
async fn a_page_of_another_site_opens_no_websocket_and_costs_no_look_up() {
    let town = Town::with_routes(SOCKETS);
    let alice = town.with_user_of("alice", &["admin"]).await.signed_in_on(MAC).await;
    let (asked, mut refused) = (town.asked("find"), 0);
    for path in ["/x", "/admin/x", "/chat", "/chat/y"] {
        for origin in
            OTHERS.into_iter().chain(if path.starts_with("/chat") { None } else { Some("https://partner.test:8443") })
        {
            for caller in [&alice, &town.stranger()] {
                let answer = upgrade(caller, path).with("origin", origin).send().await.answer();
                assert_eq!((answer.status, answer.problem().as_str()), (403, "cross-site"), "{path} {origin}");
                refused += 1;
            }
        }
        let twice =
            upgrade(&alice, path).and("origin", b"https://app.example.com").and("origin", b"https://app.example.com");
        assert_eq!(twice.send().await.status(), 403, "no browser says it twice");
        let odd = upgrade(&alice, path).and("origin", b"https://app.example.com\xff");
        assert_eq!(odd.send().await.status(), 403);
        refused += 2;
    }
    assert_eq!(town.asked("find"), asked, "the store is not asked");
    assert_eq!(town.metric("csrf_rejections_total"), refused);

    for (path, origin) in [
        ("/x", "https://app.example.com"),
        ("/admin/x", "https://app.example.com"),
        ("/chat", "https://app.example.com"),
        ("/chat", "https://other.example.com"),
        ("/chat/y", "https://partner.test:8443"),
        ("/assets/x", "https://evil.test"),
        ("/assets/x", "null"),
    ] {
        upgrade(&alice, path).with("origin", origin).send().await.arrived();
    }
    assert_eq!(
        upgrade(&town.stranger(), "/chat").with("origin", "https://other.example.com").send().await.status(),
        401
    );
    assert_eq!(upgrade(&alice, "/x").send().await.arrived().name(), Some("alice"), "a program says no origin");
    let plain = alice.bare(Method::GET, "/x").with("origin", "https://evil.test");
    assert_eq!(plain.send().await.arrived().name(), Some("alice"), "no upgrade: the app's affair");
    assert_eq!(town.metric("csrf_rejections_total"), refused);
}

/// Each value of a header that is there once, twice or not at all.
type Values = Vec<&'static [u8]>;

#[tokio::test]
async fn no_spelling_of_where_a_call_comes_from_passes_for_our_own() {
    let town = Town::new();
    town.with_user("alice").await;
    let body = json!({"username": "alice", "password": PASSWORD}).to_string();
    let own: &[u8] = b"https://app.example.com";
    let same: &[u8] = b"same-origin";
    let mut cases: Vec<(Values, Values, bool)> = vec![
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
    for other in OTHERS {
        cases.push((vec![], vec![other.as_bytes()], false));
        if other != "null" {
            cases.push((vec![same], vec![other.as_bytes()], false));
        }
    }
    for (sites, origins, passes) in cases {
        let browser = town.stranger();
        let mut ask = bare(&browser, "/security/api/v1/sign-in").with("content-type", "application/json");
        for site in &sites {
            ask = ask.and("sec-fetch-site", site);
        }
        for origin in &origins {
            ask = ask.and("origin", origin);
        }
        let answer = ask.body(body.clone()).send().await.answer();
        let (sites, origins) = (sites.join(&b'|'), origins.join(&b'|'));
        let shown = format!("{:?} {:?}", String::from_utf8_lossy(&sites), String::from_utf8_lossy(&origins));
        assert_eq!((answer.status == 200, answer.status == 403), (passes, !passes), "{shown}");
    }
    let browser = town.stranger();
    let twice = bare(&browser, "/security/api/v1/sign-in")
        .and("content-type", b"application/json")
        .and("content-type", b"text/plain");
    assert_eq!(twice.body(body).send().await.status(), 403, "two kinds are none");
}

/// A browser asks for leave before it sends QUERY to another site, and what it does is a look (RFC 10008).
#[tokio::test]
async fn a_query_is_a_look() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let query = |path: &str, method: &str| {
        let ask = browser.bare(method.parse().unwrap(), path);
        ask.with("sec-fetch-site", "cross-site").with("origin", "https://evil.test")
    };
    assert_eq!(query("/search", "QUERY").send().await.arrived().name(), Some("alice"));
    assert_eq!(query("/security/sessions", "QUERY").send().await.status(), 405, "no page of ours knows it");
    assert_eq!(query("/security/sessions", "query").send().await.status(), 403, "methods are told apart by case");
    let upgrade = query("/search", "QUERY").with("upgrade", "websocket");
    assert_eq!(upgrade.send().await.status(), 403, "the rule for upgrades asks for no method");
}
