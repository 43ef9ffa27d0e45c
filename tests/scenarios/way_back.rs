//! `rd`: after signing in one is where one was going, and never anywhere else.

use crate::test_app::{PASSWORD, TestApp};

async fn redirect_after_sign_in(app: &TestApp, rd: &str) -> String {
    let form = [("username", "alice"), ("password", PASSWORD), ("rd", rd)];
    let answer = app.new_browser().post_form("/security/sign-in", &form).await.response();
    assert_eq!(answer.status, 303, "{rd:?}");
    answer.location().to_owned()
}

#[tokio::test]
async fn the_whole_way_there_and_back() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let browser = app.new_browser();
    let asked = browser.get("/orders/7?tab=items&sort=%2Bname").await.response();

    let page = browser.get(asked.location()).await.response();
    let hidden = "name=\"rd\" value=\"/orders/7?tab=items&#38;sort=%2Bname\"";
    assert!(page.text().contains(hidden), "{}", page.text());
    let form = [("username", "alice"), ("password", PASSWORD), ("rd", "/orders/7?tab=items&sort=%2Bname")];
    let answer = browser.post_form("/security/sign-in", &form).await.response();

    assert_eq!(answer.location(), "/orders/7?tab=items&sort=%2Bname");
    assert_eq!(browser.get(answer.location()).await.forwarded().path, "/orders/7?tab=items&sort=%2Bname");
}

#[tokio::test]
async fn a_wrong_password_does_not_lose_the_way() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let form = [("username", "alice"), ("password", "wrong"), ("rd", "/orders")];

    let page = app.new_browser().post_form("/security/sign-in", &form).await.response();

    assert!(page.text().contains("name=\"rd\" value=\"/orders\""));
}

#[tokio::test]
async fn nothing_leads_to_another_origin() {
    let app = TestApp::new();
    app.add_user("alice").await;
    for rd in [
        "https://evil.test",
        "HTTPS://evil.test/",
        "//evil.test",
        "///evil.test",
        "/\\evil.test",
        "\\/evil.test",
        "/\t/evil.test",
        "/\n/evil.test",
        " //evil.test",
        "javascript:alert(1)",
        "data:text/html,x",
        "evil.test",
        "@evil.test",
        "/%2f%2fevil.test",
        "/%5cevil.test",
        "/..//evil.test",
        "/a\r\nSet-Cookie: x=y",
        "",
    ] {
        assert_eq!(redirect_after_sign_in(&app, rd).await, "/", "{rd:?}");
    }
    assert_eq!(redirect_after_sign_in(&app, "/.//evil.test").await, "/evil.test", "a path of this origin");
}

#[tokio::test]
async fn the_form_does_not_carry_what_leads_elsewhere() {
    let app = TestApp::new();
    for rd in ["https:%2f%2fevil.test", "%2f%2fevil.test", "%2f%5cevil.test", "%22%3e%3cscript%3e"] {
        let page = app.new_browser().get(&format!("/security/sign-in?rd={rd}")).await.response();
        assert!(!page.text().contains("name=\"rd\"") && !page.text().contains("evil.test"), "{rd}");
    }
}

#[tokio::test]
async fn two_ways_back_are_refused_in_our_own_words() {
    let app = TestApp::new();
    let answer = app.new_browser().get("/security/sign-in?rd=%2Fa&rd=%2Fb").await.response();
    assert_eq!(answer.status, 400);
}
