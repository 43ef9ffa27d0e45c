//! What becomes of a request that nobody is signed in for (section 8 of the contract).

use http::Method;
use portcullis::web::pages::{Audience, PAGES};

use crate::test_app::{IPHONE, MAC, TestApp, TestResponse};

fn assert_private(answer: &TestResponse) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("vary"), Some("Cookie, Sec-Fetch-Mode, Sec-Fetch-Dest, Accept"));
    assert_eq!(answer.header("www-authenticate"), None, "never Basic");
}

#[tokio::test]
async fn a_page_leads_to_sign_in_and_names_the_way_back() {
    let app = TestApp::new();
    // After a 302 a QUERY would stay one (RFC 10008); what is read at sign-in is a page.
    for (method, status) in [(Method::GET, 302), (Method::HEAD, 302), (Method::QUERY, 303), (Method::OPTIONS, 303)] {
        let answer = app.new_browser().navigation(method, "/reports/2026?page=2&q=%C3%A9").send().await.response();
        assert_eq!(answer.status, status);
        assert_eq!(answer.location(), "/security/sign-in?rd=/reports/2026?page=2%26q=%25C3%25A9");
        assert_private(&answer);
    }
}

#[tokio::test]
async fn without_fetch_metadata_html_is_a_page_unless_a_script_asks() {
    let app = TestApp::new();
    let browser = app.new_browser();
    let html = || browser.bare_request(Method::GET, "/reports").header("accept", "text/html,*/*");

    assert_eq!(html().send().await.status(), 302);
    assert_eq!(html().header("x-requested-with", "XMLHttpRequest").send().await.status(), 401);
    assert_eq!(html().header("sec-fetch-mode", "cors").send().await.status(), 401);
    assert_eq!(browser.bare_request(Method::GET, "/reports").header("accept", "*/*").send().await.status(), 401);
    assert_eq!(browser.bare_request(Method::GET, "/reports").send().await.status(), 401);
}

#[tokio::test]
async fn a_form_is_not_sent_on_and_the_sign_in_page_says_so_once() {
    let app = TestApp::new();
    let browser = app.new_browser();

    let answer = browser.post_form("/orders", &[("amount", "7")]).await.response();
    assert_eq!((answer.status, answer.location()), (303, "/security/sign-in"));
    assert_private(&answer);

    let sentence = "Your form was not sent, because nobody was signed in.";
    assert_eq!(browser.get("/security/sign-in").await.response().count_text(sentence), 1);
    assert_eq!(browser.get("/security/sign-in").await.response().count_text(sentence), 0, "and not again");

    for (page, place) in [
        ("https://app.example.com/orders/new?a=b", "/security/sign-in?rd=/orders/new?a=b"),
        ("https://app.example.com/security/password", "/security/sign-in?rd=/security/password"),
        ("https://app.example.com/security/sign-in?rd=/x", "/security/sign-in"),
        ("https://app.example.com.evil.test/x", "/security/sign-in"),
        ("https://evil.test/x", "/security/sign-in"),
        ("https://app.example.com", "/security/sign-in"),
    ] {
        let post = browser.navigation(Method::POST, "/orders").header("referer", page).body("amount=7");
        assert_eq!(post.send().await.response().location(), place, "one comes back to the page with the form: {page}");
    }
}

#[tokio::test]
async fn whoever_is_signed_in_is_told_of_a_form_of_another_site() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;

    let post = browser.navigation(Method::POST, "/orders").header("sec-fetch-site", "cross-site");
    let post = post.header("origin", "https://other.test").header("content-type", "application/x-www-form-urlencoded");
    // No Lax cookie comes with it.
    let answer = post.without_header("cookie").body("amount=7").send().await.response();
    assert_eq!((answer.status, answer.location()), (303, "/security/sign-in"));
    let answer = browser.get("/security/sign-in").await.response();
    assert_eq!((answer.status, answer.location()), (303, "/security"));
    let sentence = "Your form was not sent: it came from another site";
    assert_eq!(browser.get("/security").await.response().count_text(sentence), 1);
    assert_eq!(browser.get("/security").await.response().count_text(sentence), 0, "and not again");
}

#[tokio::test]
async fn whose_session_ended_elsewhere_reads_why_and_that_the_form_was_not_sent() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    laptop.post_form("/security/sessions/sign-out-others", &[]).await.response();
    assert_eq!(phone.post_form("/orders", &[("amount", "7")]).await.response().location(), "/security/sign-in");
    let page = phone.get("/security/sign-in").await.response();
    assert!(
        page.contains_text("Your form was not sent") && page.contains_text("because this session was ended from"),
        "{}",
        page.visible_text()
    );
}

#[tokio::test]
async fn programs_get_a_problem_that_says_where_to_sign_in() {
    let app = TestApp::new();
    for method in
        [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH, Method::QUERY]
    {
        let answer = app.new_browser().fetch(method.clone(), "/api/orders").send().await.response();
        assert_eq!((answer.status, answer.problem_type().as_str()), (401, "sign-in-required"), "{method}");
        assert_eq!(answer.json()["sign_in_url"], "https://app.example.com/security/sign-in");
        assert_private(&answer);
    }
}

#[tokio::test]
async fn a_head_of_a_program_is_told_by_its_status() {
    let app = TestApp::new();
    assert_eq!(app.new_browser().fetch(Method::HEAD, "/api/orders").send().await.response().status, 401);
}

#[tokio::test]
async fn upgrades_are_refused() {
    let app = TestApp::new();
    let browser = app.new_browser();
    let upgrade =
        browser.navigation(Method::GET, "/socket").header("upgrade", "websocket").header("connection", "Upgrade");

    let answer = upgrade.send().await.response();

    assert_eq!((answer.status, answer.problem_type().as_str()), (401, "sign-in-required"));
    assert_private(&answer);
}

#[tokio::test]
async fn our_own_pages_ask_in_the_same_way() {
    let app = TestApp::new();
    let browser = app.new_browser();
    for page in PAGES {
        let Some(path) = page.path else { continue };
        let answer = browser.get(path).await.response();
        let sign_in = format!("/security/sign-in?rd={path}");
        let asks = answer.status == 302 && answer.location() == sign_in;
        assert_eq!(asks, page.audience == Audience::SignedIn, "{path}");
        if asks {
            assert_private(&answer);
        }
    }
    let answer = browser.post_form("/security/sessions/sign-out-others", &[]).await.response();
    assert_eq!((answer.status, answer.location()), (303, "/security/sign-in"));
}

#[tokio::test]
async fn a_dead_cookie_is_no_better_than_none() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let old = browser.clone_with_cookies();
    browser.post_form("/security/sign-out", &[]).await.response();

    assert_eq!(old.get("/reports").await.response().status, 302);
    assert_eq!(old.fetch(Method::GET, "/reports").send().await.response().problem_type(), "sign-in-required");
}

#[tokio::test]
async fn whoever_signs_in_gets_through() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    for method in [Method::GET, Method::POST, Method::DELETE] {
        assert_eq!(browser.fetch(method, "/api/orders").send().await.forwarded().user_name(), Some("alice"));
    }
    let upgrade =
        browser.bare_request(Method::GET, "/socket").header("upgrade", "websocket").header("connection", "Upgrade");
    assert_eq!(upgrade.send().await.forwarded().user_name(), Some("alice"));
}
