//! From nobody to a session.

use serde_json::{Value, json};

use crate::test_app::{CURL, IPHONE, MAC, PASSWORD, TestApp, WINDOWS};

#[tokio::test]
async fn the_right_password_opens_a_session_and_the_app() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let browser = app.new_browser();
        browser.get("/").await.response();

        let answer = browser.sign_in("alice", PASSWORD).await;

        assert_eq!((answer.status, answer.location()), (303, "/"));
        let arrived = browser.get("/").await.forwarded();
        assert_eq!((arrived.user_name(), arrived.session.unwrap().owner()), (Some("alice"), alice.id()));
        assert_eq!(arrived.session.unwrap().to_string(), browser.session_id());
    }
}

#[tokio::test]
async fn a_wrong_password_opens_nothing() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let browser = app.new_browser();

    let answer = browser.sign_in("alice", "Tr0ub4dor&3-lanterm").await;

    assert_eq!(answer.status, 401);
    assert!(answer.contains_text("This name and password do not match."));
    assert!(answer.cookie(app.cookie_name()).is_none());
    assert!(!browser.reaches_app().await);
}

#[tokio::test]
async fn the_form_says_whom_to_ask_for_a_forgotten_password() {
    let app = TestApp::new();
    let answer = app.new_browser().get("/security/sign-in").await.response();
    assert!(answer.contains_text("Forgot your password? Ask the administrator of"), "{}", answer.text());
}

#[tokio::test]
async fn the_name_is_kept_in_the_form_and_the_password_is_not() {
    let app = TestApp::new();
    app.add_user("alice").await;
    app.add_secret("not-the-password");

    let answer = app.new_browser().sign_in("alice", "not-the-password").await;

    assert!(answer.text().contains("value=\"alice\""));
}

#[tokio::test]
async fn the_name_is_folded_and_the_address_signs_in_too() {
    let app = TestApp::new();
    app.add_user("Ana María").await;
    for login in ["Ana María", "ANA MARÍA", "  ana maría ", "ana.maría@example.com", "Ana.María@EXAMPLE.com"] {
        let browser = app.new_browser();
        assert_eq!(browser.sign_in(login, PASSWORD).await.status, 303, "{login}");
        assert_eq!(browser.get("/").await.forwarded().user_name(), Some("Ana María"));
    }
}

#[tokio::test]
async fn a_password_is_taken_as_it_is_typed() {
    let app = TestApp::new();
    app.add_user("alice").await;
    for password in [&PASSWORD.to_lowercase(), &format!(" {PASSWORD}"), &format!("{PASSWORD} "), ""] {
        assert_ne!(app.new_browser().sign_in("alice", password).await.status, 303, "{password:?}");
    }
}

#[tokio::test]
async fn an_account_without_a_password_lets_nobody_in() {
    let app = TestApp::new();
    app.add_user_without_password("alice", &[]).await;
    for password in ["nobody", "x", PASSWORD] {
        assert_eq!(app.new_browser().sign_in("alice", password).await.status, 401, "{password}");
    }
}

#[tokio::test]
async fn empty_fields_are_named_and_nothing_is_counted() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let browser = app.new_browser();

    let answer = browser.sign_in(" ", "").await;

    assert_eq!(answer.status, 422);
    assert!(answer.contains_text("Enter your name or e-mail address.") && answer.contains_text("Enter your password."));
    assert_eq!(
        (app.store_calls("attempt"), app.audit_events().len()),
        (0, 2),
        "only alice's own beginnings are in the journal"
    );
}

#[tokio::test]
async fn signing_in_again_opens_a_new_session_and_ends_the_one_before() {
    for app in TestApp::on_each_store() {
        let alice = app.add_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        let before = browser.clone_with_cookies();

        alice.sign_in(&browser).await;

        assert_ne!(browser.session_id(), before.session_id());
        assert!(browser.reaches_app().await && !before.reaches_app().await);
    }
}

#[tokio::test]
async fn somebody_else_on_the_same_browser_gets_a_session_of_their_own() {
    let app = TestApp::new();
    let (alice, bob) = (app.add_user("alice").await, app.add_user("bob").await);
    let browser = alice.signed_in_on(MAC).await;
    let before = browser.clone_with_cookies();

    bob.sign_in(&browser).await;

    assert_eq!(browser.get("/").await.forwarded().user_name(), Some("bob"));
    assert!(!before.reaches_app().await);
}

#[tokio::test]
async fn each_browser_has_a_session_of_its_own() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);

    assert_ne!(laptop.session_id(), phone.session_id());
    assert!(laptop.reaches_app().await && phone.reaches_app().await);
}

#[tokio::test]
async fn whoever_is_signed_in_goes_on_from_the_sign_in_page() {
    let app = TestApp::new();
    let browser = app.add_user("alice").await.signed_in_on(MAC).await;

    let answer = browser.get("/security/sign-in?rd=%2Freports").await.response();

    assert_eq!((answer.status, answer.location()), (303, "/reports"));
}

#[tokio::test]
async fn the_landing_is_the_operators() {
    let app = TestApp::with_settings("sign_in: { landing: /start }");
    app.add_user("alice").await;

    assert_eq!(app.new_browser().sign_in("alice", PASSWORD).await.location(), "/start");
}

#[tokio::test]
async fn the_box_is_there_only_where_it_is_allowed() {
    let app = TestApp::new();
    let page = app.new_browser().get("/security/sign-in").await.response();
    assert!(page.contains_text("Keep me signed in on this device for 30 days"));
    assert!(!page.text().contains("checked"));

    app.reload("sessions: { remember_me: { allowed: false } }");
    let page = app.new_browser().get("/security/sign-in").await.response();
    assert!(!page.text().contains("remember_me"));
}

#[tokio::test]
async fn a_tool_signs_in_with_json_and_nothing_else() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let curl = crate::test_app::Browser::new(&app, CURL);
    let body = json!({"username": "alice", "password": PASSWORD}).to_string();
    let ask = |kind: &str| {
        curl.bare_request(http::Method::POST, "/security/api/v1/sign-in")
            .header("content-type", kind)
            .body(body.clone())
    };

    let refused = ask("application/x-www-form-urlencoded").send().await.response();
    assert_eq!((refused.status, refused.problem_type().as_str()), (403, "cross-site"));

    let answer = ask("application/json; charset=utf-8").send().await.response();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["session"]["device"]["label"], "curl 8.5");
    assert_eq!(curl.bare_request(http::Method::GET, "/").send().await.forwarded().user_name(), Some("alice"));
}

#[tokio::test]
async fn what_signs_in_is_told_by_the_api() {
    let app = TestApp::new();
    app.add_user("alice").await;
    let body = json!({"username": "alice@example.com", "password": PASSWORD, "remember_me": true, "client": "cookie"});

    let answer = app.new_browser().api("POST", "/sign-in", body).await;

    assert_eq!((answer.status, &answer.json()["state"]), (200, &json!("complete")));
    let session = &answer.json()["session"];
    assert_eq!(
        (&session["current"], &session["remembered"], &session["kind"]),
        (&json!(true), &json!(true), &json!("web"))
    );
    assert_eq!(session["auth"], json!({"assurance": 1, "methods": ["password"]}));
    assert_eq!(session["created_at"], "2026-11-21T12:00:00Z");
    assert_eq!(session["idle_expires_at"], "2026-11-28T12:00:00Z");
    assert_eq!(session["expires_at"], "2026-12-21T12:00:00Z");
}

#[tokio::test]
async fn sign_ins_from_one_browser_are_counted_together() {
    let app = TestApp::new();
    let alice = app.add_user("alice").await;
    let browser = alice.signed_in_on(MAC).await;
    for _ in 0..2 {
        browser.post_form("/security/sign-out", &[]).await.response();
        alice.sign_in(&browser).await;
    }
    let other = alice.signed_in_on(WINDOWS).await;

    let sign_ins = |session: Value| session["activity"]["sign_ins"].as_u64().unwrap();
    assert_eq!(sign_ins(browser.api("GET", "/sessions/current", Value::Null).await.json()), 3);
    assert_eq!(sign_ins(other.api("GET", "/sessions/current", Value::Null).await.json()), 1);
}
