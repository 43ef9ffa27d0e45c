//! What holds for every page of ours: its headers, its files, and that nothing from outside is markup.

use http::Method;

use crate::test_app::{Browser, IPHONE, MAC, PASSWORD, TestApp};

const PAGES: [&str; 9] = [
    "/security",
    "/security/sign-in",
    "/security/signed-out",
    "/security/sign-out",
    "/security/sessions",
    "/security/sessions/sign-out-all",
    "/security/history",
    "/security/password",
    "/security/nowhere",
];

#[tokio::test]
async fn every_page_has_the_headers() {
    // What every answer must have is in `town::response::assert_response_rules`; here is what only pages have.
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    for page in PAGES {
        for caller in [&browser, &app.new_browser()] {
            let answer = caller.get(page).await.response();
            assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{page}");
            assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{page}");
            if answer.status == 200 {
                assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{page}");
            }
        }
    }
}

#[tokio::test]
async fn no_page_holds_what_the_policy_forbids() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (browser, _other) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    for page in PAGES {
        let html = browser.get(page).await.response().text().to_lowercase();
        assert!(!html.contains("<script>") && !html.contains(" style=") && !html.contains("<style"), "{page}");
        assert!(!html.contains(" onclick=") && !html.contains("javascript:"), "{page}");
        assert!(!html.contains("http://") && !html.contains("src=\"//"), "{page} loads from elsewhere");
    }
}

#[tokio::test]
async fn the_pages_own_files_may_be_kept_for_ever_under_their_name() {
    let app = TestApp::new();
    let page = app.new_browser().get("/security/sign-in").await.response();
    let assets: Vec<&str> = page.text().split('"').filter(|text| text.starts_with("/security/assets/")).collect();
    assert_eq!(assets.len(), 2, "a style sheet and a script");
    for asset in assets {
        let answer = app.new_browser().fetch(Method::GET, asset).send().await.response();
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("public, max-age=31536000, immutable")));
        assert!(answer.cookies().is_empty());
        let other = app.new_browser().fetch(Method::GET, &format!("{asset}x")).send().await.response();
        assert_eq!(other.problem_type(), "not-found");
    }
}

#[tokio::test]
async fn a_hostile_name_of_a_browser_is_text() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    for name in [
        "<script>alert(1)</script> Bot/1.0",
        "\"><img src=x onerror=alert(1)> Bot/1.0",
        "Mozilla/5.0 (Linux; Android 14; <u>Pixel</u> Build/X) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile Safari/537.36",
        "'; DROP TABLE sessions; -- bot",
        "{{7*7}} ${7*7} <%= 7*7 %> bot/1",
    ] {
        alice.signed_in_on(name).await;
    }
    let browser = alice.signed_in_on(MAC).await;
    for page in ["/security", "/security/sessions", "/security/history", "/security/sessions/sign-out-others"] {
        let html = browser.get(page).await.response();
        for markup in ["<script>alert", "<img src=x", "<u>Pixel", "onerror=alert(1)>"] {
            assert!(!html.text().contains(markup), "{page}: {markup}");
        }
    }
}

#[tokio::test]
async fn a_hostile_name_of_a_user_is_text() {
    let app = TestApp::new();
    let alice = app.add_user("<b>al\"ice'</b>").await;
    let browser = alice.signed_in_on(MAC).await;
    for page in PAGES {
        assert!(!browser.get(page).await.response().text().contains("<b>al"), "{page}");
    }
    let again = app.new_browser().sign_in("\"><script>alert(1)</script>", "wrong").await;
    assert!(!again.text().contains("<script>alert"));
    assert!(again.text().contains("value=\"&#34;&#62;&#60;script&#62;"), "{}", again.text());
}

#[tokio::test]
async fn an_unknown_page_is_said_to_be_so() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    for path in [
        "/security/nowhere",
        "/security/sessions/",
        "/security/sessions/x/y",
        "/security/Sessions",
        "/security/metrics",
    ] {
        let answer = browser.get(path).await.response();
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.contains_text("There is no such page"));
    }
    for path in [
        "/security/sessions/x",
        "/security/sessions/sess_x",
        "/security/sessions/%ff",
        "/security/sessions/%ff/sign-out",
    ] {
        assert_eq!(browser.get(path).await.response().status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_method_that_a_page_does_not_know_is_said_to_be_so() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let answer = browser.post_form("/security/sessions", &[]).await.response();
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET,HEAD")));
    assert_eq!(browser.navigation(Method::DELETE, "/security/sign-in").send().await.response().status, 405);
}

/// A 405 says what is allowed instead (RFC 9110, 15.5.6).
#[tokio::test]
async fn whoever_is_refused_by_method_is_told_which_are_allowed() {
    const API: &str = "/security/api/v1";
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let page = browser.get("/security/sessions").await.response();
    let asset = page.text().split('"').find(|text| text.starts_with("/security/assets/")).unwrap();
    let session = format!("/security/sessions/{}", browser.session_id());
    for (path, allowed) in [
        ("/security", "GET,HEAD"),
        ("/security/sign-in", "GET,HEAD,POST"),
        ("/security/sessions/sign-out-all", "GET,HEAD,POST"),
        (&session, "GET,HEAD"),
        (asset, "GET,HEAD"),
        ("/.well-known/change-password", "GET,HEAD"),
        (&format!("{API}/openapi.json"), "GET,HEAD"),
        (&format!("{API}/me"), "GET,HEAD"),
        (&format!("{API}/sign-in"), "POST"),
        (&format!("{API}/password"), "PUT"),
        (&format!("{API}/sessions/{}", browser.session_id()), "GET,HEAD,DELETE"),
    ] {
        for method in ["TRACE", "QUERY", "OPTIONS", "PATCH", "PROPFIND"] {
            for ask in [
                browser.navigation(method.parse().unwrap(), path).header("origin", app.origin()),
                browser.fetch(method.parse().unwrap(), path),
            ] {
                let answer = ask.send().await.response();
                assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
            }
        }
    }
    let traced = browser.fetch(Method::TRACE, "/orders").send().await.response();
    let allowed = "GET, HEAD, OPTIONS, QUERY, POST, PUT, PATCH, DELETE";
    assert_eq!((traced.status, traced.header("allow")), (405, Some(allowed)));
}

#[tokio::test]
async fn a_form_that_is_none_is_said_to_be_so() {
    let app = TestApp::new();
    let browser = app.new_browser();
    let ask = || browser.navigation(Method::POST, "/security/sign-in").header("origin", app.origin());
    let json = ask().header("content-type", "application/json").body("{}").send().await.response();
    assert_eq!(json.status, 415);
    let form = |body: &'static str| ask().header("content-type", "application/x-www-form-urlencoded").body(body);
    assert_eq!(form("username=a&username=b&password=c").send().await.response().status, 400);
    assert_eq!(form("").send().await.response().status, 422);
    assert_eq!(form("username=%ff%fe&password=x").send().await.response().status, 401);
}

#[tokio::test]
async fn pages_come_in_the_visitors_language_as_far_as_it_is_spoken() {
    let app = TestApp::new();
    let browser = app.new_browser();
    for language in ["en", "en-GB,en;q=0.9", "tlh", "", "*", "de;q=0.1, en;q=0.9"] {
        let page = browser
            .navigation(Method::GET, "/security/sign-in")
            .header("accept-language", language)
            .send()
            .await
            .response();
        assert!(page.text().contains("<html lang=\""), "{language}");
    }
}

#[tokio::test]
async fn observability_is_not_public() {
    let app = TestApp::new();
    for path in ["/metrics", "/livez", "/readyz"] {
        assert_eq!(app.new_browser().get(path).await.response().status, 302, "{path} is the app's");
    }
}

#[tokio::test]
async fn a_name_in_the_menu_is_the_persons_own() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let bob = app.add_user("bob").await;
    let browser = Browser::new(&app, MAC);
    browser.sign_in("alice", PASSWORD).await;
    assert!(browser.get("/security").await.response().contains_text("alice@example.com"));
    bob.sign_in(&browser).await;
    let page = browser.get("/security").await.response();
    assert!(page.contains_text("bob@example.com") && !page.contains_text("alice"));
}
