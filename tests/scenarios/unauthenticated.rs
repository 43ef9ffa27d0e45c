//! What becomes of a request that nobody is signed in for (section 8 of the contract).

use http::Method;
use portcullis::web::pages::{Audience, PAGES};

use crate::town::{Answer, IPHONE, MAC, Town};

fn is_hers_alone(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("vary"), Some("Cookie, Sec-Fetch-Mode, Sec-Fetch-Dest, Accept"));
    assert_eq!(answer.header("www-authenticate"), None, "never Basic");
}

#[tokio::test]
async fn a_page_leads_to_sign_in_and_names_the_way_back() {
    let town = Town::new();
    // After a 302 a QUERY would stay one (RFC 10008); what is read at sign-in is a page.
    for (method, status) in [(Method::GET, 302), (Method::HEAD, 302), (Method::QUERY, 303), (Method::OPTIONS, 303)] {
        let answer = town.stranger().navigation(method, "/reports/2026?page=2&q=%C3%A9").send().await.answer();
        assert_eq!(answer.status, status);
        assert_eq!(answer.location(), "/security/sign-in?rd=/reports/2026?page=2%26q=%25C3%25A9");
        is_hers_alone(&answer);
    }
}

#[tokio::test]
async fn without_fetch_metadata_html_is_a_page_unless_a_script_asks() {
    let town = Town::new();
    let browser = town.stranger();
    let html = || browser.bare(Method::GET, "/reports").with("accept", "text/html,*/*");

    assert_eq!(html().send().await.status(), 302);
    assert_eq!(html().with("x-requested-with", "XMLHttpRequest").send().await.status(), 401);
    assert_eq!(html().with("sec-fetch-mode", "cors").send().await.status(), 401);
    assert_eq!(browser.bare(Method::GET, "/reports").with("accept", "*/*").send().await.status(), 401);
    assert_eq!(browser.bare(Method::GET, "/reports").send().await.status(), 401);
}

#[tokio::test]
async fn a_form_is_not_sent_on_and_the_sign_in_page_says_so_once() {
    let town = Town::new();
    let browser = town.stranger();

    let answer = browser.post_form("/orders", &[("amount", "7")]).await.answer();
    assert_eq!((answer.status, answer.location()), (303, "/security/sign-in"));
    is_hers_alone(&answer);

    let sentence = "Your form was not sent, because nobody was signed in.";
    assert_eq!(browser.get("/security/sign-in").await.answer().count(sentence), 1);
    assert_eq!(browser.get("/security/sign-in").await.answer().count(sentence), 0, "and not again");

    for (page, place) in [
        ("https://app.example.com/orders/new?a=b", "/security/sign-in?rd=/orders/new?a=b"),
        ("https://app.example.com/security/password", "/security/sign-in?rd=/security/password"),
        ("https://app.example.com/security/sign-in?rd=/x", "/security/sign-in"),
        ("https://app.example.com.evil.test/x", "/security/sign-in"),
        ("https://evil.test/x", "/security/sign-in"),
        ("https://app.example.com", "/security/sign-in"),
    ] {
        let post = browser.navigation(Method::POST, "/orders").with("referer", page).body("amount=7");
        assert_eq!(post.send().await.answer().location(), place, "one comes back to the page with the form: {page}");
    }
}

#[tokio::test]
async fn whoever_is_signed_in_is_told_of_a_form_of_another_site() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;

    let post = browser.navigation(Method::POST, "/orders").with("sec-fetch-site", "cross-site");
    let post = post.with("origin", "https://other.test").with("content-type", "application/x-www-form-urlencoded");
    // No Lax cookie comes with it.
    let answer = post.without("cookie").body("amount=7").send().await.answer();
    assert_eq!((answer.status, answer.location()), (303, "/security/sign-in"));
    let answer = browser.get("/security/sign-in").await.answer();
    assert_eq!((answer.status, answer.location()), (303, "/security"));
    let sentence = "Your form was not sent: it came from another site";
    assert_eq!(browser.get("/security").await.answer().count(sentence), 1);
    assert_eq!(browser.get("/security").await.answer().count(sentence), 0, "and not again");
}

#[tokio::test]
async fn whose_session_ended_elsewhere_reads_why_and_that_the_form_was_not_sent() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    laptop.post_form("/security/sessions/sign-out-others", &[]).await.answer();
    assert_eq!(phone.post_form("/orders", &[("amount", "7")]).await.answer().location(), "/security/sign-in");
    let page = phone.get("/security/sign-in").await.answer();
    assert!(
        page.says("Your form was not sent") && page.says("because this session was ended from"),
        "{}",
        page.words()
    );
}

#[tokio::test]
async fn programs_get_a_problem_that_says_where_to_sign_in() {
    let town = Town::new();
    for method in
        [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH, Method::QUERY]
    {
        let answer = town.stranger().fetch(method.clone(), "/api/orders").send().await.answer();
        assert_eq!((answer.status, answer.problem().as_str()), (401, "sign-in-required"), "{method}");
        assert_eq!(answer.json()["sign_in_url"], "https://app.example.com/security/sign-in");
        is_hers_alone(&answer);
    }
}

#[tokio::test]
async fn a_head_of_a_program_is_told_by_its_status() {
    let town = Town::new();
    assert_eq!(town.stranger().fetch(Method::HEAD, "/api/orders").send().await.answer().status, 401);
}

#[tokio::test]
async fn upgrades_are_refused() {
    let town = Town::new();
    let browser = town.stranger();
    let upgrade = browser.navigation(Method::GET, "/socket").with("upgrade", "websocket").with("connection", "Upgrade");

    let answer = upgrade.send().await.answer();

    assert_eq!((answer.status, answer.problem().as_str()), (401, "sign-in-required"));
    is_hers_alone(&answer);
}

#[tokio::test]
async fn our_own_pages_ask_in_the_same_way() {
    let town = Town::new();
    let browser = town.stranger();
    for page in PAGES {
        let Some(path) = page.path else { continue };
        let answer = browser.get(path).await.answer();
        let sign_in = format!("/security/sign-in?rd={path}");
        let asks = answer.status == 302 && answer.location() == sign_in;
        assert_eq!(asks, page.audience == Audience::SignedIn, "{path}");
        if asks {
            is_hers_alone(&answer);
        }
    }
    let answer = browser.post_form("/security/sessions/sign-out-others", &[]).await.answer();
    assert_eq!((answer.status, answer.location()), (303, "/security/sign-in"));
}

#[tokio::test]
async fn a_dead_cookie_is_no_better_than_none() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let old = browser.copy();
    browser.post_form("/security/sign-out", &[]).await.answer();

    assert_eq!(old.get("/reports").await.answer().status, 302);
    assert_eq!(old.fetch(Method::GET, "/reports").send().await.answer().problem(), "sign-in-required");
}

#[tokio::test]
async fn whoever_signs_in_gets_through() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    for method in [Method::GET, Method::POST, Method::DELETE] {
        assert_eq!(browser.fetch(method, "/api/orders").send().await.arrived().name(), Some("alice"));
    }
    let upgrade = browser.bare(Method::GET, "/socket").with("upgrade", "websocket").with("connection", "Upgrade");
    assert_eq!(upgrade.send().await.arrived().name(), Some("alice"));
}
