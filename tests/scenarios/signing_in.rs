//! From nobody to a session.

use serde_json::{Value, json};

use crate::town::{CURL, IPHONE, MAC, PASSWORD, Town, WINDOWS};

#[tokio::test]
async fn the_right_password_opens_a_session_and_the_app() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let browser = town.stranger();
        browser.get("/").await.answer();

        let answer = browser.sign_in("alice", PASSWORD).await;

        assert_eq!((answer.status, answer.location()), (303, "/"));
        let arrived = browser.get("/").await.arrived();
        assert_eq!((arrived.name(), arrived.session.unwrap().owner()), (Some("alice"), alice.id()));
        assert_eq!(arrived.session.unwrap().to_string(), browser.session());
    }
}

#[tokio::test]
async fn a_wrong_password_opens_nothing() {
    let town = Town::new();
    town.with_user("alice").await;
    let browser = town.stranger();

    let answer = browser.sign_in("alice", "Tr0ub4dor&3-lanterm").await;

    assert_eq!(answer.status, 401);
    assert!(answer.says("This name and password do not match."));
    assert!(answer.cookie(town.cookie()).is_none());
    assert!(!browser.is_let_in().await);
}

#[tokio::test]
async fn the_form_says_whom_to_ask_for_a_forgotten_password() {
    let town = Town::new();
    let answer = town.stranger().get("/security/sign-in").await.answer();
    assert!(answer.says("Forgot your password? Ask the administrator of"), "{}", answer.text());
}

#[tokio::test]
async fn the_name_is_kept_in_the_form_and_the_password_is_not() {
    let town = Town::new();
    town.with_user("alice").await;
    town.keep_secret("not-the-password");

    let answer = town.stranger().sign_in("alice", "not-the-password").await;

    assert!(answer.text().contains("value=\"alice\""));
}

#[tokio::test]
async fn the_name_is_folded_and_the_address_signs_in_too() {
    let town = Town::new();
    town.with_user("Ana María").await;
    for login in ["Ana María", "ANA MARÍA", "  ana maría ", "ana.maría@example.com", "Ana.María@EXAMPLE.com"] {
        let browser = town.stranger();
        assert_eq!(browser.sign_in(login, PASSWORD).await.status, 303, "{login}");
        assert_eq!(browser.get("/").await.arrived().name(), Some("Ana María"));
    }
}

#[tokio::test]
async fn a_password_is_taken_as_it_is_typed() {
    let town = Town::new();
    town.with_user("alice").await;
    for password in [&PASSWORD.to_lowercase(), &format!(" {PASSWORD}"), &format!("{PASSWORD} "), ""] {
        assert_ne!(town.stranger().sign_in("alice", password).await.status, 303, "{password:?}");
    }
}

#[tokio::test]
async fn an_account_without_a_password_lets_nobody_in() {
    let town = Town::new();
    town.with_user_without_password("alice", &[]).await;
    for password in ["nobody", "x", PASSWORD] {
        assert_eq!(town.stranger().sign_in("alice", password).await.status, 401, "{password}");
    }
}

#[tokio::test]
async fn empty_fields_are_named_and_nothing_is_counted() {
    let town = Town::new();
    town.with_user("alice").await;
    let browser = town.stranger();

    let answer = browser.sign_in(" ", "").await;

    assert_eq!(answer.status, 422);
    assert!(answer.says("Enter your name or e-mail address.") && answer.says("Enter your password."));
    assert_eq!((town.asked("attempt"), town.told().len()), (0, 2), "only alice's own beginnings are in the journal");
}

#[tokio::test]
async fn signing_in_again_opens_a_new_session_and_ends_the_one_before() {
    for town in Town::on_each_store() {
        let alice = town.with_user("alice").await;
        let browser = alice.signed_in_on(MAC).await;
        let before = browser.copy();

        alice.signs_in(&browser).await;

        assert_ne!(browser.session(), before.session());
        assert!(browser.is_let_in().await && !before.is_let_in().await);
    }
}

#[tokio::test]
async fn somebody_else_on_the_same_browser_gets_a_session_of_their_own() {
    let town = Town::new();
    let (alice, bob) = (town.with_user("alice").await, town.with_user("bob").await);
    let browser = alice.signed_in_on(MAC).await;
    let before = browser.copy();

    bob.signs_in(&browser).await;

    assert_eq!(browser.get("/").await.arrived().name(), Some("bob"));
    assert!(!before.is_let_in().await);
}

#[tokio::test]
async fn each_browser_has_a_session_of_its_own() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);

    assert_ne!(laptop.session(), phone.session());
    assert!(laptop.is_let_in().await && phone.is_let_in().await);
}

#[tokio::test]
async fn whoever_is_signed_in_goes_on_from_the_sign_in_page() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;

    let answer = browser.get("/security/sign-in?rd=%2Freports").await.answer();

    assert_eq!((answer.status, answer.location()), (303, "/reports"));
}

#[tokio::test]
async fn the_landing_is_the_operators() {
    let town = Town::with("sign_in: { landing: /start }");
    town.with_user("alice").await;

    assert_eq!(town.stranger().sign_in("alice", PASSWORD).await.location(), "/start");
}

#[tokio::test]
async fn the_box_is_there_only_where_it_is_allowed() {
    let town = Town::new();
    let page = town.stranger().get("/security/sign-in").await.answer();
    assert!(page.says("Keep me signed in on this device for 30 days"));
    assert!(!page.text().contains("checked"));

    town.rule("sessions: { remember_me: { allowed: false } }");
    let page = town.stranger().get("/security/sign-in").await.answer();
    assert!(!page.text().contains("remember_me"));
}

#[tokio::test]
async fn a_tool_signs_in_with_json_and_nothing_else() {
    let town = Town::new();
    town.with_user("alice").await;
    let curl = crate::town::Browser::new(&town, CURL);
    let body = json!({"username": "alice", "password": PASSWORD}).to_string();
    let ask = |kind: &str| {
        curl.bare(http::Method::POST, "/security/api/v1/sign-in").with("content-type", kind).body(body.clone())
    };

    let refused = ask("application/x-www-form-urlencoded").send().await.answer();
    assert_eq!((refused.status, refused.problem().as_str()), (403, "cross-site"));

    let answer = ask("application/json; charset=utf-8").send().await.answer();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["session"]["device"]["label"], "curl 8.5");
    assert_eq!(curl.bare(http::Method::GET, "/").send().await.arrived().name(), Some("alice"));
}

#[tokio::test]
async fn what_signs_in_is_told_by_the_api() {
    let town = Town::new();
    town.with_user("alice").await;
    let body = json!({"username": "alice@example.com", "password": PASSWORD, "remember_me": true, "client": "cookie"});

    let answer = town.stranger().api("POST", "/sign-in", body).await;

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
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let browser = alice.signed_in_on(MAC).await;
    for _ in 0..2 {
        browser.post_form("/security/sign-out", &[]).await.answer();
        alice.signs_in(&browser).await;
    }
    let other = alice.signed_in_on(WINDOWS).await;

    let sign_ins = |session: Value| session["activity"]["sign_ins"].as_u64().unwrap();
    assert_eq!(sign_ins(browser.api("GET", "/sessions/current", Value::Null).await.json()), 3);
    assert_eq!(sign_ins(other.api("GET", "/sessions/current", Value::Null).await.json()), 1);
}
