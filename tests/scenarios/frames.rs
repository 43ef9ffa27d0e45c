//! Pages of ours inside other pages: one may be there, and it is the same for everybody.

use http::Method;

use crate::town::{Answer, Browser, MAC, Town, Weather};

async fn framed(browser: &Browser<'_>, method: Method, path: &str, place: &str) -> Answer {
    browser.navigation(method, path).with("sec-fetch-dest", place).send().await.answer()
}

fn may_be_framed(answer: &Answer) -> bool {
    answer.header("x-frame-options").is_none()
}

#[tokio::test]
async fn whoever_is_not_signed_in_sees_the_same_bytes() {
    let town = Town::new();
    let first = framed(&town.stranger(), Method::GET, "/reports", "iframe").await;
    assert!(first.status == 401 && may_be_framed(&first));
    let link = "href=\"/security/sign-in\" target=\"_blank\" rel=\"noopener\"";
    assert_eq!(first.text().matches(link).count(), 1, "{}", first.text());
    assert!(first.says("Signed out") && first.says("Sign in in a new tab"));
    assert_eq!(first.header("vary"), Some("Cookie, Sec-Fetch-Mode, Sec-Fetch-Dest, Accept"));

    let ended = town.with_user("alice").await.signed_in_on(MAC).await;
    let old = ended.copy();
    ended.post_form("/security/sign-out", &[]).await.answer();
    let told = town.stranger();
    told.post_form("/orders", &[("amount", "7")]).await.answer();
    let idle = town.with_user("bob").await.signed_in_on(MAC).await;
    town.advance(crate::town::DAY * 8);
    let mut all = vec![];
    for browser in [&old, &told, &idle, &town.stranger()] {
        for (method, path) in [(Method::GET, "/reports?x=1"), (Method::POST, "/admin/y"), (Method::GET, "/")] {
            for place in ["iframe", "frame"] {
                all.push(framed(browser, method.clone(), path, place).await);
            }
        }
    }
    let german = town.stranger();
    let german = german.navigation(Method::GET, "/").with("sec-fetch-dest", "iframe").with("accept-language", "de");
    all.push(german.send().await.answer());
    for answer in all {
        assert_eq!((answer.status, &answer.body), (401, &first.body));
        assert_eq!(answer.all_headers(), first.all_headers(), "no cookie, no way back, nothing of the visitor");
    }
    // What was to be read once is read where it can be read.
    assert!(told.get("/security/sign-in").await.answer().says("Your form was not sent"));
}

#[tokio::test]
async fn every_other_page_of_ours_stays_out_of_frames() {
    let town = Town::new();
    let alice = town.with_user("alice").await.signed_in_on(MAC).await;
    let stranger = town.stranger();
    for place in ["iframe", "frame"] {
        for path in ["/security/sign-in", "/security/signed-out", "/security", "/security/sessions", "/security/none"] {
            for browser in [&alice, &stranger] {
                let answer = framed(browser, Method::GET, path, place).await;
                assert!(!may_be_framed(&answer), "{path} {place}");
            }
        }
        let refused = framed(&alice, Method::GET, "/admin", place).await;
        assert!(refused.status == 403 && !may_be_framed(&refused));
        assert_eq!(
            alice.navigation(Method::GET, "/reports").with("sec-fetch-dest", place).send().await.answer().status,
            403
        );
        alice.navigation(Method::GET, "/").with("sec-fetch-dest", place).send().await.arrived();
    }
    town.weather(Weather::Away);
    let away = framed(&alice, Method::GET, "/", "iframe").await;
    assert!(away.status == 503 && !may_be_framed(&away));
}

#[tokio::test]
async fn what_is_no_frame_is_led_to_sign_in_as_ever() {
    let town = Town::new();
    let browser = town.stranger();
    for place in ["document", "object", "embed", "fencedframe", "IFRAME", "iframe, frame", "iframe\t", ""] {
        let answer = framed(&browser, Method::GET, "/reports", place).await;
        assert!(answer.status == 302 && !may_be_framed(&answer), "{place:?}");
    }
    let ask = browser.navigation(Method::GET, "/reports").and("sec-fetch-dest", b"iframe");
    let answer = ask.and("sec-fetch-dest", b"iframe").send().await.answer();
    assert_eq!(answer.status, 302, "no browser says it twice");
    let ask = browser.fetch(Method::GET, "/reports").with("sec-fetch-dest", "iframe");
    assert_eq!(ask.send().await.answer().problem(), "sign-in-required", "a program");
    assert_eq!(browser.get("/reports").await.answer().status, 302);
}
