//! Pages of ours inside other pages: one may be there, and it is the same for everybody.

use http::Method;

use crate::test_app::{Browser, MAC, StoreFault, TestApp, TestResponse};

async fn request_in_frame(browser: &Browser<'_>, method: Method, path: &str, place: &str) -> TestResponse {
    browser.navigation(method, path).header("sec-fetch-dest", place).send().await.response()
}

fn may_be_framed(answer: &TestResponse) -> bool {
    answer.header("x-frame-options").is_none()
}

#[tokio::test]
async fn whoever_is_not_signed_in_sees_the_same_bytes() {
    let app = TestApp::new();
    let first = request_in_frame(&app.new_browser(), Method::GET, "/reports", "iframe").await;
    assert!(first.status == 401 && may_be_framed(&first));
    let link = "href=\"/security/sign-in\" target=\"_blank\" rel=\"noopener\"";
    assert_eq!(first.text().matches(link).count(), 1, "{}", first.text());
    assert!(first.contains_text("Signed out") && first.contains_text("Sign in in a new tab"));
    assert_eq!(first.header("vary"), Some("Cookie, Sec-Fetch-Mode, Sec-Fetch-Dest, Accept"));

    let ended = app.add_user("alice").await.signed_in_on(MAC).await;
    let old = ended.clone_with_cookies();
    ended.post_form("/security/sign-out", &[]).await.response();
    let told = app.new_browser();
    told.post_form("/orders", &[("amount", "7")]).await.response();
    let idle = app.add_user("bob").await.signed_in_on(MAC).await;
    app.advance(crate::test_app::DAY * 8);
    let mut all = vec![];
    for browser in [&old, &told, &idle, &app.new_browser()] {
        for (method, path) in [(Method::GET, "/reports?x=1"), (Method::POST, "/admin/y"), (Method::GET, "/")] {
            for place in ["iframe", "frame"] {
                all.push(request_in_frame(browser, method.clone(), path, place).await);
            }
        }
    }
    let german = app.new_browser();
    let german = german.navigation(Method::GET, "/").header("sec-fetch-dest", "iframe").header("accept-language", "de");
    all.push(german.send().await.response());
    for answer in all {
        assert_eq!((answer.status, &answer.body), (401, &first.body));
        assert_eq!(answer.all_headers(), first.all_headers(), "no cookie, no way back, nothing of the visitor");
    }
    // What was to be read once is read where it can be read.
    assert!(told.get("/security/sign-in").await.response().contains_text("Your form was not sent"));
}

#[tokio::test]
async fn every_other_page_of_ours_stays_out_of_frames() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await.signed_in_on(MAC).await;
    let anonymous = app.new_browser();
    for place in ["iframe", "frame"] {
        for path in ["/security/sign-in", "/security/signed-out", "/security", "/security/sessions", "/security/none"] {
            for browser in [&alice, &anonymous] {
                let answer = request_in_frame(browser, Method::GET, path, place).await;
                assert!(!may_be_framed(&answer), "{path} {place}");
            }
        }
        let refused = request_in_frame(&alice, Method::GET, "/admin", place).await;
        assert!(refused.status == 403 && !may_be_framed(&refused));
        assert_eq!(
            alice.navigation(Method::GET, "/reports").header("sec-fetch-dest", place).send().await.response().status,
            403
        );
        alice.navigation(Method::GET, "/").header("sec-fetch-dest", place).send().await.forwarded();
    }
    app.set_fault(StoreFault::Unavailable);
    let away = request_in_frame(&alice, Method::GET, "/", "iframe").await;
    assert!(away.status == 503 && !may_be_framed(&away));
}

#[tokio::test]
async fn what_is_no_frame_is_led_to_sign_in_as_ever() {
    let app = TestApp::new();
    let browser = app.new_browser();
    for place in ["document", "object", "embed", "fencedframe", "IFRAME", "iframe, frame", "iframe\t", ""] {
        let answer = request_in_frame(&browser, Method::GET, "/reports", place).await;
        assert!(answer.status == 302 && !may_be_framed(&answer), "{place:?}");
    }
    let ask = browser.navigation(Method::GET, "/reports").append_header("sec-fetch-dest", b"iframe");
    let answer = ask.append_header("sec-fetch-dest", b"iframe").send().await.response();
    assert_eq!(answer.status, 302, "no browser says it twice");
    let ask = browser.fetch(Method::GET, "/reports").header("sec-fetch-dest", "iframe");
    assert_eq!(ask.send().await.response().problem_type(), "sign-in-required", "a program");
    assert_eq!(browser.get("/reports").await.response().status, 302);
}
