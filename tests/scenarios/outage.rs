//! The store is away: never open, never a false word, and nobody loses a cookie.

use http::Method;
use serde_json::{Value, json};

use crate::town::{Browser, HOUR, IPHONE, MAC, PASSWORD, Town, Weather};

#[tokio::test]
async fn protected_routes_are_closed_and_the_cookie_is_kept() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    town.weather(Weather::Away);

    for page in ["/", "/reports", "/security", "/security/sessions"] {
        let answer = browser.get(page).await.answer();
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{page}");
        assert!(
            answer.says("We can’t check your session right now")
                && answer.says("You have not been signed out by this.")
        );
        assert!(answer.cookies().is_empty());
    }
    let session = format!("{}={}", town.cookie(), browser.key());
    let apart = browser.navigation(Method::GET, "/").with("cookie", "theme=dark").and("cookie", session.as_bytes());
    assert!(
        apart.send().await.answer().says("You have not been signed out by this."),
        "cookies may come in lines of their own"
    );
    let answer = browser.fetch(Method::GET, "/api/orders").send().await.answer();
    assert_eq!((answer.status, answer.problem().as_str()), (503, "store-unavailable"));
    assert_eq!(browser.api("GET", "/me", Value::Null).await.problem(), "store-unavailable");

    town.weather(Weather::Fair);
    assert!(browser.is_let_in().await, "and it goes on where it was");
}

#[tokio::test]
async fn public_routes_and_the_pages_own_files_go_on() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    let page = browser.get("/security").await.answer();
    let (_, behind) = page.text().split_once("stylesheet\" href=\"").unwrap();
    let sheet = behind.split('"').next().unwrap().to_owned();
    town.weather(Weather::Away);

    browser.get("/assets/app.css").await.arrived();
    assert_eq!(browser.get(&sheet).await.answer().status, 200);
}

#[tokio::test]
async fn a_stranger_is_still_asked_to_sign_in_and_told_that_it_does_not_work() {
    let town = Town::new();
    town.with_user("alice").await;
    town.weather(Weather::Away);
    let stranger = town.stranger();
    assert_eq!(stranger.get("/").await.answer().status, 302);
    assert_eq!(stranger.get("/security/sign-in").await.answer().status, 200);

    let answer = stranger.sign_in("alice", PASSWORD).await;

    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert!(answer.says("We can’t sign you in right now. Nothing is wrong with your account."));
    assert!(answer.cookies().is_empty() && answer.text().contains("value=\"alice\""));
    let body = json!({"username": "alice", "password": PASSWORD});
    assert_eq!(stranger.api("POST", "/sign-in", body).await.problem(), "store-unavailable");
}

#[tokio::test]
async fn wherever_the_store_leaves_a_sign_in_nobody_is_half_in() {
    for op in ["by_login", "attempt", "put_owner", "password", "settle", "meet_device", "open"] {
        for weather in [Weather::AwayFor(op), Weather::LosesAnswersOf(op)] {
            let town = Town::on_http();
            let alice = town.with_user("alice").await;
            town.weather(weather);

            let browser = town.stranger();
            let answer = browser.sign_in("alice", PASSWORD).await;

            assert_eq!(answer.status, 503, "{weather:?}");
            // But for the name of the browser, which the form that is shown again has.
            let cookies = answer.cookies();
            assert!(cookies.iter().all(|cookie| cookie.name == "portcullis-form"), "{weather:?}: {cookies:?}");
            town.weather(Weather::Fair);
            assert!(!browser.is_let_in().await, "{weather:?}");
            alice.signs_in(&browser).await;
        }
    }
}

/// Acts that end sessions, and the page or call that does each.
const ENDS: [(&str, &str); 5] = [
    ("POST", "/security/sign-out"),
    ("POST", "/security/sessions/sign-out-others"),
    ("POST", "/security/sessions/sign-out-all"),
    ("POST", "/security/api/v1/sessions/revoke-others"),
    ("POST", "/security/api/v1/sign-out"),
];

async fn acts(browser: &Browser<'_>, (method, path): (&str, &str)) -> crate::town::Answer {
    let method: Method = method.parse().unwrap();
    if path.starts_with("/security/api") {
        browser.fetch(method, path).send().await.answer()
    } else {
        browser.navigation(method, path).with("origin", browser.town.origin()).send().await.answer()
    }
}

#[tokio::test]
async fn an_end_whose_outcome_is_unknown_is_never_reported_done() {
    for weather in [Weather::AwayFor("end"), Weather::LosesAnswersOf("end")] {
        for act in ENDS {
            let town = Town::new();
            let alice = town.with_user("alice").await;
            let (laptop, _phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
            town.weather(weather);

            let answer = acts(&laptop, act).await;

            assert_eq!(answer.status, 503, "{weather:?} {act:?}");
            // What is held is told by a page, and its cookie goes: who signed out walks away. Else it may be asked for again.
            let is_held =
                weather == Weather::AwayFor("end") && ["/sign-out", "-all"].iter().any(|end| act.1.ends_with(end));
            let goes = is_held && !act.1.starts_with("/security/api");
            let taken: Vec<_> =
                answer.cookies().iter().map(|cookie| (cookie.name.clone(), cookie.value.clone())).collect();
            let expected = if goes { vec![(town.cookie().to_owned(), String::new())] } else { vec![] };
            assert_eq!(taken, expected, "{weather:?} {act:?}");
        }
    }
}

#[tokio::test]
async fn an_unfinished_end_can_be_asked_for_again() {
    let town = Town::new();
    let alice = town.with_user("alice").await;
    let (laptop, phone) = (alice.signed_in_on(MAC).await, alice.signed_in_on(IPHONE).await);
    town.weather(Weather::AwayFor("end"));
    assert_eq!(acts(&laptop, ENDS[1]).await.status, 503);
    assert!(!phone.copy().is_let_in().await, "it holds here");
    town.weather(Weather::Fair);
    assert_eq!(acts(&laptop, ENDS[1]).await.status, 303);
    assert!(!phone.is_let_in().await);
}

#[tokio::test]
async fn a_password_change_whose_outcome_is_unknown_is_never_reported_done() {
    for op in ["attempt", "account", "password", "settle", "set_password"] {
        for weather in [Weather::AwayFor(op), Weather::LosesAnswersOf(op)] {
            let town = Town::new();
            let browser = town.with_user("alice").await.signed_in_on(MAC).await;
            town.weather(weather);

            let body = json!({"current_password": PASSWORD, "new_password": "Ferry-crossing-at-9"});
            let answer = browser.api("PUT", "/password", body).await;

            assert_eq!((answer.status, answer.problem().as_str()), (503, "store-unavailable"), "{weather:?}");
        }
    }
}

#[tokio::test]
async fn a_look_that_could_not_be_had_is_no_empty_list() {
    for (op, path) in
        [("list", "/sessions"), ("get", "/sessions/current"), ("get", "/me"), ("login_history", "/login-history")]
    {
        let town = Town::new();
        let browser = town.with_user("alice").await.signed_in_on(MAC).await;
        town.weather(Weather::AwayFor(op));
        let answer = browser.api("GET", path, Value::Null).await;
        assert_eq!((answer.status, answer.problem().as_str()), (503, "store-unavailable"), "{path}");
    }
}

#[tokio::test]
async fn hits_are_kept_until_the_store_is_back() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    town.advance(HOUR);
    browser.get("/").await.arrived();
    town.weather(Weather::Away);
    assert_eq!(town.flush().await, 0);
    town.weather(Weather::Fair);
    town.advance(HOUR);
    assert_eq!(town.flush().await, 1);
}

#[tokio::test]
async fn an_outage_is_counted() {
    let town = Town::new();
    let browser = town.with_user("alice").await.signed_in_on(MAC).await;
    town.weather(Weather::Away);
    browser.get("/").await.answer();
    assert_eq!(town.metric("auth_decisions_total{decision=\"unavailable\",mode=\"proxy\"}"), 1);
    assert_eq!(town.metric("session_lookups_total{result=\"away\"}"), 1);
}
