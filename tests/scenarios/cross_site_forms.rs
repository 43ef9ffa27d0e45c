//! Forms that other sites post to an app: their visitor is asked, and they go on once.

use http::Method;

use crate::town::{Answer, Ask, Browser, CURL, MAC, MINUTE, PASSWORD, Reply, SECOND, Town, WINDOWS, Weather};

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
type Change = fn(Ask<'_>) -> Ask<'_>;

const PAY: &str = "https://pay.test";

/// A form that a page of another site posts, as browsers do: without the cookies.
fn posted<'b>(browser: &'b Browser<'_>, path: &str, from: &str) -> Ask<'b> {
    browser
        .navigation(Method::POST, path)
        .without("cookie")
        .with("sec-fetch-site", "cross-site")
        .with("origin", from)
        .with("content-type", FORM)
        .body("order=4711&status=paid")
}

/// Where the form on our page leads.
fn action(page: &Answer) -> String {
    let (_, rest) = page.text().split_once("action=\"").unwrap_or_else(|| panic!("no form on {}", page.text()));
    rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}

/// The form of our page, as it is pressed.
fn pressed<'b>(browser: &'b Browser<'_>, page: &Answer) -> Ask<'b> {
    browser
        .navigation(Method::POST, &action(page))
        .with("origin", browser.town.origin())
        .with("content-type", FORM)
        .body("order=4711&status=paid")
}

async fn asked(browser: &Browser<'_>) -> Answer {
    let page = posted(browser, "/payment/return?a=b", PAY).send().await.answer();
    assert_eq!(page.status, 200, "{}", page.text());
    page
}

/// As without the key.
fn is_led_to_sign_in(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.location()), (303, "/security/sign-in"), "{what}");
    assert!(answer.cookies().iter().any(|cookie| cookie.name.ends_with("flash")), "{what}: the note");
}

#[tokio::test]
async fn its_visitor_sends_it_on_with_one_press_and_once() {
    for town in Town::on_each_store_with_routes(ROUTES) {
        let browser = town.with_user("alice").await.signed_in_on(MAC).await;
        let page = asked(&browser).await;
        assert!(page.cookies().is_empty(), "those of the visitor stay as they are");
        assert_eq!(page.header("cache-control"), Some("no-store"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            policy.contains("form-action 'self' https://pay.test;") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        for said in ["https://pay.test", "/payment/return", "Send it on"] {
            assert!(page.says(said), "{said}: {}", page.words());
        }
        assert!(page.text().contains("name=\"order\" value=\"4711\""));
        assert!(!action(&page).contains("4711"), "no field stands in a URL");

        let arrived = pressed(&browser, &page).send().await.arrived();
        assert_eq!(arrived.path, "/payment/return?a=b", "without the parameter of our page");
        assert_eq!(arrived.name(), Some("alice"));
        for _ in 0..2 {
            let again = pressed(&browser, &page).send().await.answer();
            assert_eq!(again.status, 200);
            assert!(again.says("It is not sent a second time"), "{}", again.words());
            assert!(!again.text().contains("4711"));
        }
        // Another page is another form.
        pressed(&browser, &asked(&browser).await).send().await.arrived();
    }
}

#[tokio::test]
async fn whoever_is_not_signed_in_keeps_the_fields_and_presses_again() {
    for town in Town::on_each_store_with_routes(ROUTES) {
        let alice = town.with_user("alice").await;
        let nobody = town.stranger();
        let ended = alice.signed_in_on(MAC).await;
        let other = alice.signed_in_on(WINDOWS).await;
        assert_eq!(other.post_form("/security/sessions/sign-out-all", &[]).await.status(), 303);
        for browser in [&nobody, &ended] {
            let mut page = asked(browser).await;
            for _ in 0..2 {
                page = pressed(browser, &page).send().await.answer();
                assert_eq!(page.status, 401, "{}", page.text());
                assert!(page.says("You are not signed in, so it was not sent"), "{}", page.words());
                assert!(page.text().contains("target=\"_blank\""));
                assert!(page.text().contains("name=\"order\" value=\"4711\""));
            }
            let signed_in = browser.sign_in("alice", PASSWORD).await;
            assert_eq!(signed_in.status, 303);
            assert_eq!(pressed(browser, &page).send().await.arrived().path, "/payment/return?a=b");
            assert!(pressed(browser, &page).send().await.answer().says("It is not sent a second time"));
        }
    }
}

#[tokio::test]
async fn everything_else_is_as_without_the_key() {
    let town = Town::with_routes(ROUTES);
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
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
        is_led_to_sign_in(&posted(&browser, path, from).send().await.answer(), &format!("{from} {path}"));
    }
    let changed: [(&str, Change); 11] = [
        ("another type", |ask| ask.with("content-type", "multipart/form-data; boundary=x")),
        ("plain text", |ask| ask.with("content-type", "text/plain")),
        ("no type", |ask| ask.without("content-type")),
        ("two types", |ask| ask.and("content-type", b"text/plain")),
        ("compressed", |ask| ask.with("content-encoding", "gzip")),
        ("too large", |ask| ask.with("content-length", "65537")),
        ("too many fields", |ask| ask.body("a&".repeat(501))),
        ("what no browser sends", |ask| ask.body("a=%0A")),
        ("of the same site", |ask| ask.with("sec-fetch-site", "same-site")),
        ("without a sender", |ask| ask.without("origin")),
        ("two senders", |ask| ask.and("origin", b"https://evil.test")),
    ];
    for (what, change) in changed {
        is_led_to_sign_in(&change(posted(&browser, "/payment/return", PAY)).send().await.answer(), what);
    }
    let changed: [(&str, Change); 5] = [
        ("a script", |ask| ask.with("sec-fetch-mode", "cors").with("sec-fetch-dest", "empty")),
        ("a tool", |ask| ask.with("user-agent", CURL).without("sec-fetch-mode").with("accept", "*/*")),
        ("a frame", |ask| ask.with("sec-fetch-dest", "iframe")),
        ("a WebSocket", |ask| ask.with("connection", "Upgrade").with("upgrade", "h2c")),
        ("a script that says navigate", |ask| ask.with("sec-fetch-dest", "empty")),
    ];
    for (what, change) in changed {
        let answer = change(posted(&browser, "/payment/return", PAY)).send().await.answer();
        assert!(matches!(answer.status, 303 | 401 | 403), "{what}: {}", answer.status);
        assert!(!answer.text().contains("4711"), "{what}");
    }
    // No browser that says where it comes from.
    let old = posted(&browser, "/payment/return", "https://other.test:8443");
    let old = old.without("sec-fetch-site").without("sec-fetch-mode").without("sec-fetch-dest");
    assert!(old.send().await.answer().says("https://other.test:8443"));
    // The safe methods open a page as ever.
    browser.navigation(Method::GET, "/payment/return").send().await.arrived();
    assert_eq!(posted(&town.stranger(), "/admin/acs", "https://idp.test").send().await.status(), 200);
    assert_eq!(town.metric("csrf_rejections_total"), 1, "the upgrade alone");
}

#[tokio::test]
async fn no_other_site_presses() {
    let town = Town::with_routes(ROUTES);
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let page = asked(&browser).await;
    for (site, from) in [
        ("cross-site", PAY),
        ("cross-site", "https://evil.test"),
        ("same-site", "https://evil.app.example.com"),
        ("same-site", town.origin()),
        ("cross-site", town.origin()),
    ] {
        let ask = pressed(&browser, &page).with("sec-fetch-site", site).with("origin", from);
        match ask.without("cookie").send().await {
            Reply::Answered(answer) => assert!(answer.status == 303 || answer.status == 200, "{site} {from}"),
            Reply::Arrived(arrived) => panic!("{site} {from} {}", arrived.path),
        }
        // Where its cookies come along, it is a request like any other: nothing was pressed.
        let ask = pressed(&browser, &page).with("sec-fetch-site", site).with("origin", from);
        assert_eq!(ask.send().await.arrived().path, "/payment/return?a=b", "{site} {from}");
    }
    pressed(&browser, &page).send().await.arrived();
}

#[tokio::test]
async fn a_token_is_good_for_its_sender_its_target_and_an_hour() {
    let town = Town::with_routes(ROUTES);
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let page = asked(&browser).await;
    let action = action(&page);
    for other in [
        action.replace("/payment/return?a=b", "/payment/return?a=c"),
        action.replace(PAY, "https://other.test:8443"),
        action.replace("portcullis-form=", "portcullis-form=1"),
    ] {
        let ask = browser.navigation(Method::POST, &other).with("origin", town.origin()).with("content-type", FORM);
        let answer = ask.body("order=4711").send().await.answer();
        assert!(answer.says("This page was open for too long"), "{other}: {}", answer.words());
    }
    let unlisted = action.replace(PAY, "https://evil.test");
    let ask = browser.navigation(Method::POST, &unlisted).with("origin", town.origin()).with("content-type", FORM);
    assert_eq!(ask.send().await.status(), 403, "one who may not post here any more");
    town.pass(59 * MINUTE).await;
    browser.get("/").await.arrived();
    town.pass(MINUTE + SECOND).await;
    let late = pressed(&browser, &page).send().await.answer();
    assert!(late.says("This page was open for too long"), "{}", late.words());
    pressed(&browser, &late).send().await.arrived();
}

#[tokio::test]
async fn who_lacks_the_role_is_refused_and_an_outage_is_said() {
    let town = Town::with_routes(ROUTES);
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let page = posted(&browser, "/admin/acs", "https://idp.test").send().await.answer();
    assert_eq!(pressed(&browser, &page).send().await.status(), 403);
    town.weather(Weather::Away);
    assert_eq!(asked(&browser).await.status, 200, "nobody is looked up for the question");
    assert_eq!(pressed(&browser, &page).send().await.status(), 503);
    town.weather(Weather::Fair);
    assert_eq!(pressed(&browser, &page).send().await.status(), 403);
}

#[tokio::test]
async fn a_session_sends_on_no_more_than_the_store_should_keep() {
    let town = Town::with_routes(ROUTES);
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    for _ in 0..60 {
        pressed(&browser, &asked(&browser).await).send().await.arrived();
    }
    assert_eq!(pressed(&browser, &asked(&browser).await).send().await.status(), 429);
}

#[tokio::test]
async fn a_store_that_loses_an_answer_loses_no_form() {
    for town in Town::on_each_store_with_routes(ROUTES) {
        let browser = town.with_user("alice").await.signed_in_on(MAC).await;
        // Of the claim: the press that follows need not wait until it lapses.
        for weather in [Weather::LosesAnswersOf("attempt"), Weather::AwayFor("attempt"), Weather::TakesNoWrites] {
            let page = asked(&browser).await;
            town.weather(weather);
            assert_eq!(pressed(&browser, &page).send().await.status(), 503, "{weather:?}");
            town.weather(Weather::Fair);
            pressed(&browser, &page).send().await.arrived();
            assert!(pressed(&browser, &page).send().await.answer().says("It is not sent a second time"));
        }
        // Of the note that it is sent, when it is claimed already.
        for weather in [Weather::LosesAnswersOf("attempt"), Weather::AwayFor("attempt"), Weather::TakesNoWrites] {
            let page = asked(&browser).await;
            let before = town.asked("attempt");
            town.weather(Weather::KeepsAnswersOf("attempt"));
            let changes = async {
                while town.asked("attempt") == before {
                    tokio::task::yield_now().await;
                }
                town.weather(weather);
                town.answer();
            };
            let (reply, ()) = futures_util::future::join(pressed(&browser, &page).send(), changes).await;
            assert_eq!(reply.status(), 503, "{weather:?}");
            town.weather(Weather::Fair);
            pressed(&browser, &page).send().await.arrived();
            assert!(pressed(&browser, &page).send().await.answer().says("It is not sent a second time"));
        }
    }
}

/// Another replica does not know of them: they are released beside the requests.
#[tokio::test]
async fn claims_that_led_nowhere_are_released_beside_the_requests() {
    let town = Town::with_routes(ROUTES);
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let release = town.parts.release_claims();
    let press = async || {
        town.weather(Weather::LosesAnswersOf("attempt"));
        assert_eq!(pressed(&browser, &asked(&browser).await).send().await.status(), 503);
    };
    let settled = || town.asked("settle");
    press().await;
    town.weather(Weather::Away);
    assert!(release.run_once().await.is_err());
    town.weather(Weather::Fair);
    let before = settled();
    release.run_once().await.unwrap();
    release.run_once().await.unwrap();
    assert_eq!(settled() - before, 1, "once");
    // Later another press may have claimed.
    press().await;
    town.weather(Weather::Fair);
    town.pass(MINUTE).await;
    let before = settled();
    release.run_once().await.unwrap();
    assert_eq!(settled(), before);
}

#[tokio::test]
async fn a_claim_that_nothing_follows_lapses_within_a_minute() {
    for town in Town::on_each_store_with_routes(ROUTES) {
        let browser = town.with_user("alice").await.signed_in_on(MAC).await;
        let page = asked(&browser).await;
        pressed(&browser, &page).breaks_off().await;
        town.pass(MINUTE + SECOND).await;
        pressed(&browser, &page).send().await.arrived();
    }
}
