//! Which rule a request falls under, and what it takes to pass.

use http::Method;

use crate::test_app::{MAC, RequestOutcome, TestApp};

#[tokio::test]
async fn a_public_route_is_open_and_names_nobody() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let asked = app.store_calls("find");
    for path in ["/assets", "/assets/", "/assets/app.css?v=2", "/x/../assets/app.css", "/assets/app.css;v=1"] {
        for caller in [&browser, &app.new_browser()] {
            let arrived = caller.get(path).await.forwarded();
            assert_eq!((arrived.route.as_str(), arrived.user_name()), ("/assets", None), "{path}");
        }
    }
    assert_eq!(app.store_calls("find"), asked, "no look-up");
}

#[tokio::test]
async fn a_prefix_ends_at_a_segment_and_case_counts() {
    let app = TestApp::new();
    for path in ["/assetsx", "/assets.txt", "/Assets", "/ASSETS/app.css"] {
        app.new_browser().get(path).await.response();
    }
}

#[tokio::test]
async fn no_spelling_reaches_a_protected_page_from_outside() {
    let app = TestApp::new();
    let anonymous = app.new_browser();
    for path in [
        "/admin/x",
        "/assets/../admin/x",
        "/./admin/x",
        "//admin/x",
        "/admin;x/y",
        "/%61dmin/x",
        "/admin?x=/assets/",
        "/admin%2fx",
        "/admin%3bx",
        "/assets%3bx/y",
        "/assets/..%3b/admin",
        "/assets/..%2fadmin",
        "/assets/%2e%2e/admin",
        "/assets/..;/admin",
        "/assets\\..\\admin",
        "/assets%5c..%5cadmin",
        "/..",
        "/%00",
        "/%zz",
        "/assets/\u{0}",
        "assets",
    ] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let reply = anonymous.fetch(method, path).send().await;
            assert!(matches!(reply.status(), 400 | 401), "{path}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn a_path_that_could_be_read_in_two_ways_is_refused_for_everybody() {
    let app = TestApp::new();
    let browser = app.add_user_with_roles("root", &["admin"]).await.signed_in_on(MAC).await;
    for path in [
        "/a%2fb",
        "/admin%5cb",
        "/admin%3Bx/y",
        "/admin%09/y",
        "/assets/..%3b/admin",
        "/a/%2e%2e%3b/b",
        "/a%00b",
        "/a\\b",
        "/..",
        "/a/..;/b",
        "/%",
    ] {
        let answer = browser.fetch(Method::GET, path).send().await.response();
        assert_eq!((answer.status, answer.problem_type().as_str()), (400, "bad-request"), "{path}");
    }
}

#[tokio::test]
async fn the_app_gets_the_path_that_the_rules_were_read_on() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    for (sent, forwarded) in [
        ("/a/./b/../c", "/a/c"),
        ("//a///b", "/a/b"),
        ("/%61bc?q=%2F%61", "/abc?q=%2F%61"),
        ("/a;v=1/b", "/a;v=1/b"),
        ("/é", "/%C3%A9"),
    ] {
        assert_eq!(browser.get(sent).await.forwarded().path, forwarded, "{sent}");
    }
}

#[tokio::test]
async fn one_of_the_roles_is_enough_and_none_is_not() {
    let app = TestApp::new();
    for (name, roles, admin, reports) in [
        ("alice", &[][..], 403, 403),
        ("bob", &["editor"], 403, 200),
        ("carol", &["auditor", "other"], 403, 200),
        ("root", &["admin"], 200, 403),
        ("mallory", &["Admin", "editors"], 403, 403),
    ] {
        let browser = app.add_user_with_roles(name, roles).await.signed_in_on(MAC).await;
        assert_eq!(browser.get("/admin/users").await.status(), admin, "{name}");
        assert_eq!(browser.get("/reports").await.status(), reports, "{name}");
        assert!(browser.reaches_app().await, "and the rest is open to {name}");
    }
}

#[tokio::test]
async fn whoever_lacks_the_role_is_told_so_and_not_sent_to_sign_in() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;

    let asked = app.store_calls("find");
    let page = browser.get("/admin").await.response();
    assert_eq!(page.status, 403);
    assert!(page.contains_text("You may not see this page"));
    let (_, ways) = page.text().split_once("<p class=\"acts\">").unwrap();
    assert!(ways.contains("href=\"/security/sign-out\""), "in sight, for another account");
    assert!(
        page.contains_text("alice@example.com") && page.text().contains("action=\"/security/sign-out\""),
        "who, and a way out"
    );
    assert_eq!(app.store_calls("find"), asked + 1, "no look-up more than the one that refused");
    assert_eq!(browser.fetch(Method::GET, "/admin").send().await.response().problem_type(), "not-allowed");
}

#[tokio::test]
async fn the_first_rule_that_matches_decides() {
    let app = TestApp::with_routes(
        "\n  - { path: /docs/internal, access: { roles: [staff] }, upstream: app }\
         \n  - { path: /docs, access: public, upstream: app }",
    );
    let anonymous = app.new_browser();
    assert_eq!(anonymous.get("/docs/guide").await.forwarded().route, "/docs");
    assert_eq!(anonymous.get("/docs/internal/guide").await.response().status, 302);
    assert_eq!(anonymous.get("/docs/guide/../internal").await.response().status, 302);
    assert_eq!(anonymous.get("/docs/internals").await.forwarded().route, "/docs");
}

#[tokio::test]
async fn what_no_rule_covers_reaches_no_app() {
    let app = TestApp::with_routes("\n  - { path: /docs, access: public, upstream: app }");
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    for caller in [&browser, &app.new_browser()] {
        assert_eq!(caller.get("/other").await.response().status, 404);
        assert_eq!(caller.fetch(Method::GET, "/").send().await.response().problem_type(), "not-found");
    }
}

#[tokio::test]
async fn security_is_ours_whatever_the_rules_say() {
    let app = TestApp::with_routes("\n  - { path: /, access: public, upstream: app }");
    let anonymous = app.new_browser();
    for path in ["/security", "/security/", "/security/x", "//security", "/security;x", "/a/../security", "/%73ecurity"]
    {
        assert!(matches!(anonymous.get(path).await, RequestOutcome::Responded(_)), "{path}");
    }
    assert!(matches!(anonymous.get("/.well-known/change-password").await, RequestOutcome::Responded(_)));
    assert_eq!(anonymous.get("/securityx").await.forwarded().route, "/");
}

#[tokio::test]
async fn another_host_is_refused_before_anything_else() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let asked = app.store_calls("find");
    for host in
        ["evil.test", "app.example.com.evil.test", "app.example.com:8443", "app.example.com.", "xapp.example.com"]
    {
        for path in ["/", "/assets/x", "/security/sign-in"] {
            let answer = browser.fetch(Method::GET, path).header("host", host).send().await.response();
            assert_eq!((answer.status, answer.problem_type().as_str()), (421, "wrong-host"), "{host}{path}");
        }
    }
    assert_eq!(app.store_calls("find"), asked);
    for host in ["app.example.com", "APP.example.COM", "app.example.com:443"] {
        browser.fetch(Method::GET, "/").header("host", host).send().await.forwarded();
    }
}

#[tokio::test]
async fn a_host_is_there_exactly_once() {
    let app = TestApp::new();
    let anonymous = app.new_browser();
    assert_eq!(
        anonymous.fetch(Method::GET, "/assets/x").without_header("host").send().await.response().problem_type(),
        "bad-request"
    );
    let two = anonymous.fetch(Method::GET, "/assets/x").append_header("host", b"app.example.com");
    assert_eq!(two.send().await.response().problem_type(), "bad-request");
}

#[tokio::test]
async fn tunnels_and_echoes_are_not_forwarded() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    for method in [Method::CONNECT, Method::TRACE] {
        assert_eq!(browser.fetch(method, "/assets/x").send().await.response().problem_type(), "method-not-allowed");
    }
}

#[tokio::test]
async fn a_changed_rule_counts_for_the_next_request() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    assert!(browser.reaches_app().await);
    let table = portcullis::gate::RouteTable::new(Vec::new());
    app.components.settings.routes.store(std::sync::Arc::new(table));
    assert_eq!(browser.get("/").await.response().status, 404);
}

#[tokio::test]
async fn one_request_is_one_look_into_the_store() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let asked = app.store_calls("find");
    browser.get("/").await.forwarded();
    assert_eq!(app.store_calls("find"), asked + 1);
    assert_eq!(app.store_calls("get") + app.store_calls("account"), 0, "the one look tells session and rights");
}

/// A page under another host leads away from it, wherever one presses; style sheet and script come from where it is.
#[tokio::test]
async fn the_page_of_a_wrong_host_leads_to_the_right_one() {
    let app = TestApp::with_settings("branding: { home_url: /home }");
    for host in ["app.example.com.", "APP.EXAMPLE.COM.:443", "10.0.0.7", "evil.test"] {
        let answer = app.new_browser().navigation(Method::GET, "/x").header("host", host).send().await.response();
        assert_eq!(answer.status, 421, "{host}");
        let links: Vec<_> =
            answer.text().split("<a ").skip(1).filter_map(|link| link.split("href=\"").nth(1)).collect();
        let elsewhere = |link: &&&str| !link.starts_with("https://app.example.com") && !link.starts_with('#');
        assert!(links.len() >= 3 && !links.iter().any(|link| elsewhere(&link)), "{host} {links:?}");
        assert!(links.iter().any(|link| link.starts_with("https://app.example.com/home\"")), "{links:?}");
    }
}
