//! Forms that other sites post to an app: their visitor is asked, and they go on once.

use http::Method;

use crate::test_app::{
    Browser, CURL, MAC, MINUTE, PASSWORD, RequestOutcome, SECOND, StoreFault, TestApp, TestRequest, TestResponse,
    WINDOWS,
};

const ROUTES: &str = "
  - path: /admin
    access: { roles: [admin] }
    cross_site_forms: [{ path: /admin/acs, from: [\"https://idp.test\"] }]
    upstream: app
  - path: /
    access: signed_in
    cross_site_forms:
      - { path: /payment/return, from: [\"https://Pay.test:443/\", \"https://other.test:8443\"] }
    upstream: app";

const FORM: &str = "application/x-www-form-urlencoded";
/// What makes another request of one.
type RequestChange = fn(TestRequest<'_>) -> TestRequest<'_>;

const PAY: &str = "https://pay.test";

/// A form that a page of another site posts, as browsers do: without the cookies.
fn cross_site_post<'b>(browser: &'b Browser<'_>, path: &str, from: &str) -> TestRequest<'b> {
    browser
        .navigation(Method::POST, path)
        .without_header("cookie")
        .header("sec-fetch-site", "cross-site")
        .header("origin", from)
        .header("content-type", FORM)
        .body("order=4711&status=paid")
}

/// Where the form on our page leads.
fn form_action(page: &TestResponse) -> String {
    let (_, rest) = page.text().split_once("action=\"").unwrap_or_else(|| panic!("no form on {}", page.text()));
    rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}

/// The form of our page, as it is pressed.
fn confirm_press<'b>(browser: &'b Browser<'_>, page: &TestResponse) -> TestRequest<'b> {
    browser
        .navigation(Method::POST, &form_action(page))
        .header("origin", browser.app.origin())
        .header("content-type", FORM)
        .body("order=4711&status=paid")
}

async fn confirmation_page(browser: &Browser<'_>) -> TestResponse {
    let page = cross_site_post(browser, "/payment/return?a=b", PAY).send().await.response();
    assert_eq!(page.status, 200, "{}", page.text());
    page
}

/// As without the key.
fn assert_redirects_to_sign_in(answer: &TestResponse, what: &str) {
    assert_eq!((answer.status, answer.location()), (303, "/security/sign-in"), "{what}");
    assert!(answer.cookies().iter().any(|cookie| cookie.name.ends_with("flash")), "{what}: the note");
}

#[tokio::test]
async fn its_visitor_sends_it_on_with_one_press_and_once() {
    for app in TestApp::on_each_store_with_routes(ROUTES) {
        let browser = app.add_user("alice").await.signed_in_on(MAC).await;
        let page = confirmation_page(&browser).await;
        assert!(page.cookies().is_empty(), "those of the visitor stay as they are");
        assert_eq!(page.header("cache-control"), Some("no-store"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            policy.contains("form-action 'self' https://pay.test;") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        for said in ["https://pay.test", "/payment/return", "Send it on"] {
            assert!(page.contains_text(said), "{said}: {}", page.visible_text());
        }
        assert!(page.text().contains("name=\"order\" value=\"4711\""));
        assert!(!form_action(&page).contains("4711"), "no field stands in a URL");

        let arrived = confirm_press(&browser, &page).send().await.forwarded();
        assert_eq!(arrived.path, "/payment/return?a=b", "without the parameter of our page");
        assert_eq!(arrived.user_name(), Some("alice"));
        for _ in 0..2 {
            let again = confirm_press(&browser, &page).send().await.response();
            assert_eq!(again.status, 200);
            assert!(again.contains_text("It is not sent a second time"), "{}", again.visible_text());
            assert!(!again.text().contains("4711"));
        }
        // Another page is another form.
        confirm_press(&browser, &confirmation_page(&browser).await).send().await.forwarded();
    }
}

#[tokio::test]
async fn whoever_is_not_signed_in_keeps_the_fields_and_presses_again() {
    for app in TestApp::on_each_store_with_routes(ROUTES) {
        let alice = app.add_user("alice").await;
        let nobody = app.new_browser();
        let ended = alice.signed_in_on(MAC).await;
        let other = alice.signed_in_on(WINDOWS).await;
        assert_eq!(other.post_form("/security/sessions/sign-out-all", &[]).await.status(), 303);
        for browser in [&nobody, &ended] {
            let mut page = confirmation_page(browser).await;
            for _ in 0..2 {
                page = confirm_press(browser, &page).send().await.response();
                assert_eq!(page.status, 401, "{}", page.text());
                assert!(page.contains_text("You are not signed in, so it was not sent"), "{}", page.visible_text());
                assert!(page.text().contains("target=\"_blank\""));
                assert!(page.text().contains("name=\"order\" value=\"4711\""));
            }
            let signed_in = browser.sign_in("alice", PASSWORD).await;
            assert_eq!(signed_in.status, 303);
            assert_eq!(confirm_press(browser, &page).send().await.forwarded().path, "/payment/return?a=b");
            assert!(
                confirm_press(browser, &page).send().await.response().contains_text("It is not sent a second time")
            );
        }
    }
}

#[tokio::test]
async fn everything_else_is_as_without_the_key() {
    let app = TestApp::with_routes(ROUTES);
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    for (from, path) in [
        ("https://evil.test", "/payment/return"),
        ("http://pay.test", "/payment/return"),
        ("https://pay.test:8443", "/payment/return"),
        ("https://other.test", "/payment/return"),
        ("https://PAY.test", "/payment/return"),
        ("https://pay.test.", "/payment/return"),
        ("https://pay.test, https://evil.test", "/payment/return"),
        ("null", "/payment/return"),
        ("", "/payment/return"),
        ("https://idp.test", "/payment/return"),
        (PAY, "/"),
        (PAY, "/payment"),
        (PAY, "/payment/return/"),
        (PAY, "/payment/return/x"),
        (PAY, "/Payment/return"),
        (PAY, "//payment/return"),
        (PAY, "/payment//return"),
        (PAY, "/./payment/return"),
        (PAY, "/x/../payment/return"),
        (PAY, "/payment/retur%6e"),
        (PAY, "/payment/return;x"),
        (PAY, "/payment/return%3bx"),
        (PAY, "/admin/acs"),
    ] {
        assert_redirects_to_sign_in(
            &cross_site_post(&browser, path, from).send().await.response(),
            &format!("{from} {path}"),
        );
    }
    let changed: [(&str, RequestChange); 11] = [
        ("another type", |ask| ask.header("content-type", "multipart/form-data; boundary=x")),
        ("plain text", |ask| ask.header("content-type", "text/plain")),
        ("no type", |ask| ask.without_header("content-type")),
        ("two types", |ask| ask.append_header("content-type", b"text/plain")),
        ("compressed", |ask| ask.header("content-encoding", "gzip")),
        ("too large", |ask| ask.header("content-length", "65537")),
        ("too many fields", |ask| ask.body("a&".repeat(501))),
        ("what no browser sends", |ask| ask.body("a=%0A")),
        ("of the same site", |ask| ask.header("sec-fetch-site", "same-site")),
        ("without a sender", |ask| ask.without_header("origin")),
        ("two senders", |ask| ask.append_header("origin", b"https://evil.test")),
    ];
    for (what, change) in changed {
        assert_redirects_to_sign_in(
            &change(cross_site_post(&browser, "/payment/return", PAY)).send().await.response(),
            what,
        );
    }
    let changed: [(&str, RequestChange); 5] = [
        ("a script", |ask| ask.header("sec-fetch-mode", "cors").header("sec-fetch-dest", "empty")),
        ("a tool", |ask| ask.header("user-agent", CURL).without_header("sec-fetch-mode").header("accept", "*/*")),
        ("a frame", |ask| ask.header("sec-fetch-dest", "iframe")),
        ("a WebSocket", |ask| ask.header("connection", "Upgrade").header("upgrade", "h2c")),
        ("a script that says navigate", |ask| ask.header("sec-fetch-dest", "empty")),
    ];
    for (what, change) in changed {
        let answer = change(cross_site_post(&browser, "/payment/return", PAY)).send().await.response();
        assert!(matches!(answer.status, 303 | 401 | 403), "{what}: {}", answer.status);
        assert!(!answer.text().contains("4711"), "{what}");
    }
    // No browser that says where it comes from.
    let old = cross_site_post(&browser, "/payment/return", "https://other.test:8443");
    let old = old.without_header("sec-fetch-site").without_header("sec-fetch-mode").without_header("sec-fetch-dest");
    assert!(old.send().await.response().contains_text("https://other.test:8443"));
    // The safe methods open a page as ever.
    browser.navigation(Method::GET, "/payment/return").send().await.forwarded();
    assert_eq!(cross_site_post(&app.new_browser(), "/admin/acs", "https://idp.test").send().await.status(), 200);
    assert_eq!(app.metric("csrf_rejections_total"), 1, "the upgrade alone");
}

#[tokio::test]
async fn no_other_site_presses() {
    let app = TestApp::with_routes(ROUTES);
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let page = confirmation_page(&browser).await;
    for (site, from) in [
        ("cross-site", PAY),
        ("cross-site", "https://evil.test"),
        ("same-site", "https://evil.app.example.com"),
        ("same-site", app.origin()),
        ("cross-site", app.origin()),
    ] {
        let ask = confirm_press(&browser, &page).header("sec-fetch-site", site).header("origin", from);
        match ask.without_header("cookie").send().await {
            RequestOutcome::Responded(answer) => assert!(answer.status == 303 || answer.status == 200, "{site} {from}"),
            RequestOutcome::Forwarded(arrived) => panic!("{site} {from} {}", arrived.path),
        }
        // Where its cookies come along, it is a request like any other: nothing was pressed.
        let ask = confirm_press(&browser, &page).header("sec-fetch-site", site).header("origin", from);
        assert_eq!(ask.send().await.forwarded().path, "/payment/return?a=b", "{site} {from}");
    }
    confirm_press(&browser, &page).send().await.forwarded();
}

#[tokio::test]
async fn a_token_is_good_for_its_sender_its_target_and_an_hour() {
    let app = TestApp::with_routes(ROUTES);
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let page = confirmation_page(&browser).await;
    let action = form_action(&page);
    for other in [
        action.replace("/payment/return?a=b", "/payment/return?a=c"),
        action.replace(PAY, "https://other.test:8443"),
        action.replace("portcullis-form=", "portcullis-form=1"),
    ] {
        let ask = browser.navigation(Method::POST, &other).header("origin", app.origin()).header("content-type", FORM);
        let answer = ask.body("order=4711").send().await.response();
        assert!(answer.contains_text("This page was open for too long"), "{other}: {}", answer.visible_text());
    }
    let unlisted = action.replace(PAY, "https://evil.test");
    let ask = browser.navigation(Method::POST, &unlisted).header("origin", app.origin()).header("content-type", FORM);
    assert_eq!(ask.send().await.status(), 403, "one who may not post here any more");
    app.pass_time(59 * MINUTE).await;
    browser.get("/").await.forwarded();
    app.pass_time(MINUTE + SECOND).await;
    let late = confirm_press(&browser, &page).send().await.response();
    assert!(late.contains_text("This page was open for too long"), "{}", late.visible_text());
    confirm_press(&browser, &late).send().await.forwarded();
}

#[tokio::test]
async fn who_lacks_the_role_is_refused_and_an_outage_is_said() {
    let app = TestApp::with_routes(ROUTES);
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let page = cross_site_post(&browser, "/admin/acs", "https://idp.test").send().await.response();
    assert_eq!(confirm_press(&browser, &page).send().await.status(), 403);
    app.set_fault(StoreFault::Unavailable);
    assert_eq!(confirmation_page(&browser).await.status, 200, "nobody is looked up for the question");
    assert_eq!(confirm_press(&browser, &page).send().await.status(), 503);
    app.set_fault(StoreFault::None);
    assert_eq!(confirm_press(&browser, &page).send().await.status(), 403);
}

#[tokio::test]
async fn a_session_sends_on_no_more_than_the_store_should_keep() {
    let app = TestApp::with_routes(ROUTES);
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    for _ in 0..60 {
        confirm_press(&browser, &confirmation_page(&browser).await).send().await.forwarded();
    }
    assert_eq!(confirm_press(&browser, &confirmation_page(&browser).await).send().await.status(), 429);
}

#[tokio::test]
async fn a_store_that_loses_an_answer_loses_no_form() {
    for app in TestApp::on_each_store_with_routes(ROUTES) {
        let browser = app.add_user("alice").await.signed_in_on(MAC).await;
        // Of the claim: the press that follows need not wait until it lapses.
        for fault in [StoreFault::LosesReplyOf("attempt"), StoreFault::UnavailableFor("attempt"), StoreFault::ReadOnly]
        {
            let page = confirmation_page(&browser).await;
            app.set_fault(fault);
            assert_eq!(confirm_press(&browser, &page).send().await.status(), 503, "{fault:?}");
            app.set_fault(StoreFault::None);
            confirm_press(&browser, &page).send().await.forwarded();
            assert!(
                confirm_press(&browser, &page).send().await.response().contains_text("It is not sent a second time")
            );
        }
        // Of the note that it is sent, when it is claimed already.
        for fault in [StoreFault::LosesReplyOf("attempt"), StoreFault::UnavailableFor("attempt"), StoreFault::ReadOnly]
        {
            let page = confirmation_page(&browser).await;
            let before = app.store_calls("attempt");
            app.set_fault(StoreFault::HoldsReplyOf("attempt"));
            let changes = async {
                while app.store_calls("attempt") == before {
                    tokio::task::yield_now().await;
                }
                app.set_fault(fault);
                app.release_reply();
            };
            let (reply, ()) = futures_util::future::join(confirm_press(&browser, &page).send(), changes).await;
            assert_eq!(reply.status(), 503, "{fault:?}");
            app.set_fault(StoreFault::None);
            confirm_press(&browser, &page).send().await.forwarded();
            assert!(
                confirm_press(&browser, &page).send().await.response().contains_text("It is not sent a second time")
            );
        }
    }
}

/// Another replica does not know of them: they are released beside the requests.
#[tokio::test]
async fn claims_that_led_nowhere_are_released_beside_the_requests() {
    let app = TestApp::with_routes(ROUTES);
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let release = app.components.release_claims();
    let press = async || {
        app.set_fault(StoreFault::LosesReplyOf("attempt"));
        assert_eq!(confirm_press(&browser, &confirmation_page(&browser).await).send().await.status(), 503);
    };
    let settled = || app.store_calls("settle");
    press().await;
    app.set_fault(StoreFault::Unavailable);
    assert!(release.run_once().await.is_err());
    app.set_fault(StoreFault::None);
    let before = settled();
    release.run_once().await.unwrap();
    release.run_once().await.unwrap();
    assert_eq!(settled() - before, 1, "once");
    // Later another press may have claimed.
    press().await;
    app.set_fault(StoreFault::None);
    app.pass_time(MINUTE).await;
    let before = settled();
    release.run_once().await.unwrap();
    assert_eq!(settled(), before);
}

#[tokio::test]
async fn a_claim_that_nothing_follows_lapses_within_a_minute() {
    for app in TestApp::on_each_store_with_routes(ROUTES) {
        let browser = app.add_user("alice").await.signed_in_on(MAC).await;
        let page = confirmation_page(&browser).await;
        confirm_press(&browser, &page).claim_form_only().await;
        app.pass_time(MINUTE + SECOND).await;
        confirm_press(&browser, &page).send().await.forwarded();
    }
}
