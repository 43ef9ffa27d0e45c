//! The store is away: never open, never a false word, and nobody loses a cookie.

use http::Method;
use serde_json::{Value, json};

use crate::test_app::{Browser, HOUR, IPHONE, MAC, PASSWORD, StoreFault, TestApp};

#[tokio::test]
async fn protected_routes_are_closed_and_the_cookie_is_kept() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    app.set_fault(StoreFault::Unavailable);

    for page in ["/", "/reports", "/security", "/security/sessions"] {
        let answer = browser.get(page).await.response();
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{page}");
        assert!(
            answer.contains_text("We can’t check your session right now")
                && answer.contains_text("You have not been signed out by this.")
        );
        assert!(answer.cookies().is_empty());
    }
    let session = format!("{}={}", app.cookie_name(), browser.session_cookie());
    let split_store =
        browser.navigation(Method::GET, "/").header("cookie", "theme=dark").append_header("cookie", session.as_bytes());
    assert!(
        split_store.send().await.response().contains_text("You have not been signed out by this."),
        "cookies may come in lines of their own"
    );
    let answer = browser.fetch(Method::GET, "/api/orders").send().await.response();
    assert_eq!((answer.status, answer.problem_type().as_str()), (503, "store-unavailable"));
    assert_eq!(browser.api("GET", "/me", Value::Null).await.problem_type(), "store-unavailable");

    app.set_fault(StoreFault::None);
    assert!(browser.reaches_app().await, "and it goes on where it was");
}

#[tokio::test]
async fn public_routes_and_the_pages_own_files_go_on() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    let page = browser.get("/security").await.response();
    let (_, behind) = page.text().split_once("stylesheet\" href=\"").unwrap();
    let sheet = behind.split('"').next().unwrap().to_owned();
    app.set_fault(StoreFault::Unavailable);

    browser.get("/assets/app.css").await.forwarded();
    assert_eq!(browser.get(&sheet).await.response().status, 200);
}

#[tokio::test]
async fn a_stranger_is_still_asked_to_sign_in_and_told_that_it_does_not_work() {
    let app = TestApp::new();
    app.add_user("alice").await;
    app.set_fault(StoreFault::Unavailable);
    let anonymous = app.new_browser();
    assert_eq!(anonymous.get("/").await.response().status, 302);
    assert_eq!(anonymous.get("/security/sign-in").await.response().status, 200);

    let answer = anonymous.sign_in("alice", PASSWORD).await;

    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert!(answer.contains_text("We can’t sign you in right now. Nothing is wrong with your account."));
    assert!(answer.cookies().is_empty() && answer.text().contains("value=\"alice\""));
    let body = json!({"username": "alice", "password": PASSWORD});
    assert_eq!(anonymous.api("POST", "/sign-in", body).await.problem_type(), "store-unavailable");
}

#[tokio::test]
async fn wherever_the_store_leaves_a_sign_in_nobody_is_half_in() {
    for op in ["by_login", "attempt", "put_owner", "password", "settle", "meet_device", "open"] {
        for fault in [StoreFault::UnavailableFor(op), StoreFault::LosesReplyOf(op)] {
            let app = TestApp::over_http();
            let alice = app.add_user("alice").await;
            app.set_fault(fault);

            let browser = app.new_browser();
            let answer = browser.sign_in("alice", PASSWORD).await;

            assert_eq!(answer.status, 503, "{fault:?}");
            // But for the name of the browser, which the form that is shown again has.
            let cookies = answer.cookies();
            assert!(cookies.iter().all(|cookie| cookie.name == "portcullis-form"), "{fault:?}: {cookies:?}");
            app.set_fault(StoreFault::None);
            assert!(!browser.reaches_app().await, "{fault:?}");
            alice.sign_in(&browser).await;
        }
    }
}

/// Acts that end sessions, and the page or call that does each.
const END_REQUESTS: [(&str, &str); 5] = [
    ("POST", "/security/sign-out"),
    ("POST", "/security/sessions/sign-out-others"),
    ("POST", "/security/sessions/sign-out-all"),
    ("POST", "/security/api/v1/sessions/revoke-others"),
    ("POST", "/security/api/v1/sign-out"),
];

async fn send_end_request(browser: &Browser<'_>, (method, path): (&str, &str)) -> crate::test_app::TestResponse {
    let method: Method = method.parse().unwrap();
    if path.starts_with("/security/api") {
        browser.fetch(method, path).send().await.response()
    } else {
        browser.navigation(method, path).header("origin", browser.app.origin()).send().await.response()
    }
}

#[tokio::test]
async fn an_end_whose_outcome_is_unknown_is_never_reported_done() {
    for fault in [StoreFault::UnavailableFor("end"), StoreFault::LosesReplyOf("end")] {
        for act in END_REQUESTS {
            let app = TestApp::new();
            let alice = app.add_user("alice").await;
            let (laptop, _phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
            app.set_fault(fault);

            let answer = send_end_request(&laptop, act).await;

            assert_eq!(answer.status, 503, "{fault:?} {act:?}");
            // What is held is told by a page, and its cookie goes: who signed out walks away. Else it may be asked for again.
            let is_held = fault == StoreFault::UnavailableFor("end")
                && ["/sign-out", "-all"].iter().any(|end| act.1.ends_with(end));
            let goes = is_held && !act.1.starts_with("/security/api");
            let taken: Vec<_> =
                answer.cookies().iter().map(|cookie| (cookie.name.clone(), cookie.value.clone())).collect();
            let expected = if goes { vec![(app.cookie_name().to_owned(), String::new())] } else { vec![] };
            assert_eq!(taken, expected, "{fault:?} {act:?}");
        }
    }
}

#[tokio::test]
async fn an_unfinished_end_can_be_asked_for_again() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    app.set_fault(StoreFault::UnavailableFor("end"));
    assert_eq!(send_end_request(&laptop, END_REQUESTS[1]).await.status, 503);
    assert!(!phone.clone_with_cookies().reaches_app().await, "it holds here");
    app.set_fault(StoreFault::None);
    assert_eq!(send_end_request(&laptop, END_REQUESTS[1]).await.status, 303);
    assert!(!phone.reaches_app().await);
}

#[tokio::test]
async fn a_password_change_whose_outcome_is_unknown_is_never_reported_done() {
    for op in ["attempt", "account", "password", "settle", "set_password"] {
        for fault in [StoreFault::UnavailableFor(op), StoreFault::LosesReplyOf(op)] {
            let app = TestApp::new();
            let browser = app.add_user("alice").await.signed_in_on(MAC).await;
            app.set_fault(fault);

            let body = json!({"current_password": PASSWORD, "new_password": "Ferry-crossing-at-9"});
            let answer = browser.api("PUT", "/password", body).await;

            assert_eq!((answer.status, answer.problem_type().as_str()), (503, "store-unavailable"), "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a_look_that_could_not_be_had_is_no_empty_list() {
    for (op, path) in
        [("list", "/sessions"), ("get", "/sessions/current"), ("get", "/me"), ("login_history", "/login-history")]
    {
        let app = TestApp::new();
        let browser = app.add_user("alice").await.signed_in_on(MAC).await;
        app.set_fault(StoreFault::UnavailableFor(op));
        let answer = browser.api("GET", path, Value::Null).await;
        assert_eq!((answer.status, answer.problem_type().as_str()), (503, "store-unavailable"), "{path}");
    }
}

#[tokio::test]
async fn hits_are_kept_until_the_store_is_back() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    app.advance(HOUR);
    browser.get("/").await.forwarded();
    app.set_fault(StoreFault::Unavailable);
    assert_eq!(app.flush().await, 0);
    app.set_fault(StoreFault::None);
    app.advance(HOUR);
    assert_eq!(app.flush().await, 1);
}

#[tokio::test]
async fn an_outage_is_counted() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;
    app.set_fault(StoreFault::Unavailable);
    browser.get("/").await.response();
    assert_eq!(app.metric("auth_decisions_total{decision=\"unavailable\",mode=\"proxy\"}"), 1);
    assert_eq!(app.metric("session_lookups_total{result=\"away\"}"), 1);
}
