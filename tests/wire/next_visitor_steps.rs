//! The next person at the same browser, where one answer cannot take all cookies of an app away: step by step, within what proxies
//! in front of us read of a head.

use http::Method;

use super::{
    forwarded::nginx_before,
    next_visitor::{HELPER, keys, scene, setting_cookies},
    two_installations::Jar,
};
use crate::harness::{Http2, Installation, PASSWORD};

/// Heads that proxies in front of us have room for (nginx: 4 KiB), with what they add.
const SMALL: usize = 3_072;
/// The same, with a long way back.
const LARGEST: usize = 3_840;

/// Follows an answer that leads to more of its kind. How many there were.
async fn follow(jar: &mut Jar, to: std::net::SocketAddr) -> usize {
    let mut answers = 1;
    assert!(jar.head < SMALL, "{}", jar.head);
    while jar.location.starts_with("/security/clear-cookies") {
        assert_eq!(jar.count("portcullis-last"), 1, "who was last is not told before all is cleared: {jar:?}");
        let next = format!("GET {}", jar.location);
        assert_eq!(jar.ask(to, &next, "").await.0, 303);
        assert!(jar.head < SMALL, "{}", jar.head);
        answers += 1;
        assert!(answers < 10, "{jar:?}");
    }
    answers
}

#[tokio::test]
async fn more_cookies_than_one_answer_clears_are_gone_before_somebody_else_reaches_the_app() {
    let (house, _server, app) = scene("[sign_out, other_visitor]").await;
    for remember in ["", "&remember_me=on"] {
        let mut jar = Jar::default();
        jar.sign_in_as(house.public, "alice").await;
        for _ in 0..2 {
            assert_eq!(jar.ask(house.public, "GET /long", "").await.0, 200);
        }
        house.cli(&["sessions", "revoke", "--user", "alice", "--reason", "a test"]).ok();
        assert_eq!(jar.ask(house.public, "GET /", "").await.0, 302);
        let noted = jar.count("llll");
        let form = format!("username=bob&password={PASSWORD}&rd=/here%3Fa=1%26b=2{remember}");
        assert_eq!(jar.ask(house.public, "POST /security/sign-in", &form).await.0, 303);
        assert!(jar.location.starts_with("/security/clear-cookies"), "{}", jar.location);
        // Whoever does not wait for it is not in yet.
        let (location, head, before) = (jar.location.clone(), jar.head, app.requests());
        assert_eq!(jar.ask(house.public, "GET /here", "").await.0, 302);
        assert_eq!((app.requests(), noted), (before, 32));
        (jar.location, jar.head) = (location, head);
        assert!(follow(&mut jar, house.public).await > 1);
        assert_eq!(jar.location, "/here?a=1&b=2");
        assert_eq!((jar.count("llll"), jar.count(HELPER), jar.count("pending")), (0, 0, 0), "{jar:?}");
        let handed = jar.set.iter().find(|line| line.starts_with("portcullis=")).unwrap();
        assert_eq!(handed.contains("Max-Age"), !remember.is_empty(), "{handed}");
        assert_eq!(jar.ask(house.public, "GET /here", "").await.0, 200);
        assert_eq!(jar.ask(house.public, "GET /security/clear-cookies", "").await.0, 303);
        assert_eq!((jar.location.as_str(), jar.set.len()), ("/", 0), "nothing is left to be done there");
    }
}

#[tokio::test]
async fn a_sign_out_that_one_answer_cannot_hold_goes_on() {
    let (house, _server, _app) = scene("sign_out").await;
    let mut jar = Jar::default();
    jar.sign_in_as(house.public, "alice").await;
    assert_eq!(jar.ask(house.public, "GET /long", "").await.0, 200);
    assert_eq!(jar.ask(house.public, "POST /security/sign-out", "").await.0, 303);
    assert_eq!((jar.location.as_str(), jar.count("portcullis-pending")), ("/security/clear-cookies", 1));
    assert!(follow(&mut jar, house.public).await > 1);
    assert_eq!(jar.location, "/security/signed-out");
    assert_eq!((jar.count("llll"), jar.count(HELPER), jar.count("pending")), (0, 0, 0), "{jar:?}");
}

#[tokio::test]
async fn so_it_goes_on_over_http_2() {
    let app = setting_cookies().await;
    let (house, shown) = Installation::over_tls(&keys(&app, "[sign_out, other_visitor]"));
    house.user("alice", &[]);
    let _server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    let mut jar = Jar::default();
    let set = |headers: &http::HeaderMap| -> Vec<String> {
        headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned()).collect()
    };
    let alice = client.sign_in("alice").await;
    jar.keep(alice.split("; ").map(str::to_owned).collect());
    jar.keep(set(&client.get("/long", &jar.line()).await.headers));
    let out = client.request(Method::POST, "/security/sign-out").header("cookie", jar.line());
    let mut answer = client.ask(out.header("sec-fetch-site", "same-origin"), "").await;
    for _ in 0..10 {
        jar.keep(set(&answer.headers));
        let bytes: usize = answer.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        assert!(bytes < SMALL, "{bytes}");
        if answer.header("location") == Some("/security/signed-out") {
            break;
        }
        assert_eq!(answer.header("location"), Some("/security/clear-cookies"));
        answer = client.get("/security/clear-cookies", &jar.line()).await;
    }
    assert_eq!((jar.count("llll"), jar.count(HELPER), jar.count("pending")), (0, 0, 0), "{jar:?}");
}

#[tokio::test]
async fn answers_at_once_fill_no_more_than_the_slots() {
    let (house, _server, _app) = scene("[sign_out, other_visitor]").await;
    let mut jar = Jar::default();
    jar.sign_in_as(house.public, "alice").await;
    let before = jar.line();
    let mut client = crate::harness::Client::connect(house.public).await;
    for at in 0..30 {
        let request = format!("GET /at-once/{at} HTTP/1.1\r\nHost: {}\r\nCookie: {before}\r\n\r\n", house.public);
        let answer = client.ask(request).await;
        // The app's own are left out: they are not ours to bound.
        let ours = answer.headers("set-cookie").into_iter().filter(|line| line.contains(HELPER));
        jar.keep(ours.map(str::to_owned).collect());
    }
    assert!((10..=20).contains(&jar.count(HELPER)), "{jar:?}");
    assert!(jar.line().len() < 8 * 1024, "{}", jar.line().len());
    assert_eq!(jar.ask(house.public, "GET /", "").await.0, 200);
    assert_eq!(jar.ask(house.public, "POST /security/sign-out", "").await.0, 303);
    follow(&mut jar, house.public).await;
    assert_eq!(jar.count(HELPER), 0);
}

#[tokio::test]
async fn behind_nginx_with_its_own_buffers_somebody_else_signs_in_and_out() {
    let (house, _server, _app) = scene("[sign_out, other_visitor]").await;
    let folder = tempfile::tempdir().unwrap();
    let (_nginx, front) = nginx_before(folder.path(), house.public).await;
    let mut jar = Jar::default();
    for (who, last) in [("alice", false), ("bob", true)] {
        jar.sign_in_as(front, who).await;
        let ways = follow(&mut jar, front).await;
        assert_eq!(ways > 1, last, "{ways}");
        // Past nginx: what the app sets itself, with what notes it, is larger than its buffer.
        assert_eq!(jar.ask(house.public, "GET /long", "").await.0, 200);
    }
    assert_eq!(jar.ask(front, "POST /security/sign-out", "").await.0, 303);
    follow(&mut jar, front).await;
    assert_eq!((jar.count("llll"), jar.count(HELPER)), (0, 0), "{jar:?}");
}

/// Signs in by the form, and follows every redirect to where it ends. How many answers there were.
async fn sign_in_on_the_way(jar: &mut Jar, to: std::net::SocketAddr, who: &str, rd: &str) -> usize {
    let rd: String = form_urlencoded::byte_serialize(rd.as_bytes()).collect();
    let form = format!("username={who}&password={PASSWORD}&rd={rd}");
    assert_eq!(jar.ask(to, "POST /security/sign-in", &form).await.0, 303);
    let mut answers = 1;
    while jar.location.starts_with("/security/clear-cookies") {
        assert!(jar.head < LARGEST && answers < 15, "{} {jar:?}", jar.head);
        let next = format!("GET {}", jar.location);
        assert_eq!(jar.ask(to, &next, "").await.0, 303);
        answers += 1;
    }
    assert!(jar.head < LARGEST, "{}", jar.head);
    answers
}

#[tokio::test]
async fn however_long_the_way_back_no_head_is_too_large_for_nginx() {
    let app = setting_cookies().await;
    let long_names = format!("sessions: {{ cookie_name: {} }}\n", "n".repeat(64));
    for (names, cookies) in
        [("", "/long"), ("", "/longer"), ("", "/nonces"), (&long_names, "/short"), (&long_names, "/long")]
    {
        let house = Installation::with(&(keys(&app, "[sign_out, other_visitor]") + names));
        for name in ["alice", "bob"] {
            house.user(name, &[]);
        }
        let _server = house.run().await;
        let folder = tempfile::tempdir().unwrap();
        let (_nginx, front) = nginx_before(folder.path(), house.public).await;
        for (rd, leads_to) in [
            (format!("/{}", "a".repeat(852)), None),
            (format!("/here?{}", "a".repeat(1_850)), None),
            (format!("/here?{}", "a".repeat(1_900)), None),
            (format!("/here?{}", "a".repeat(1_976)), None),
            (format!("/{}", "a".repeat(2_040)), None),
            (format!("/here?{}", "a=%C3%A9&".repeat(95)), None),
            (format!("/here?{}", "a=%C3%A9&".repeat(150)), Some("/here")),
        ] {
            let mut jar = Jar::default();
            jar.sign_in_as(house.public, "alice").await;
            jar.ask(house.public, &format!("GET {cookies}"), "").await;
            house.cli(&["sessions", "revoke", "--user", "alice", "--reason", "a test"]).ok();
            assert_eq!(jar.ask(front, &format!("GET {rd}"), "").await.0, 302, "not 502");
            assert!(jar.head < LARGEST && jar.location.starts_with("/security/sign-in?rd=/"), "{} {jar:?}", jar.head);
            sign_in_on_the_way(&mut jar, front, "bob", &rd).await;
            assert_eq!(jar.location, leads_to.unwrap_or(&rd));
            assert_eq!((jar.count("lll"), jar.count("-app-"), jar.count("pending")), (0, 0, 0), "{jar:?}");
        }
    }
}

/// Opens the sign-in page until nothing is left to be cleared.
async fn open_sign_in(jar: &mut Jar, to: std::net::SocketAddr) {
    for _ in 0..10 {
        assert_eq!(jar.ask(to, "GET /security/sign-in", "").await.0, 200);
        assert!(jar.head < SMALL, "{}", jar.head);
        if jar.count("pending") == 0 {
            break;
        }
    }
}

#[tokio::test]
async fn a_sign_out_that_leads_nowhere_goes_on_with_the_next_page_or_sign_in() {
    let (house, _server, _app) = scene("sign_out").await;
    let mut jar = Jar::default();
    for next in ["open", "alice", "bob"] {
        jar.sign_in_as(house.public, "alice").await;
        assert_eq!(jar.ask(house.public, "GET /longer", "").await.0, 200);
        assert_eq!(jar.ask(house.public, "POST /security/api/v1/sign-out", "").await.0, 204);
        assert!(jar.head < SMALL, "{}", jar.head);
        assert!(jar.count("llll") > 0 && jar.count(HELPER) > 0 && jar.count("pending") == 1, "{jar:?}");
        if next == "open" {
            open_sign_in(&mut jar, house.public).await;
        } else {
            assert!(sign_in_on_the_way(&mut jar, house.public, next, "/here").await > 1);
            assert!(jar.set.iter().any(|line| line.starts_with("portcullis=")) && jar.location == "/here", "{jar:?}");
        }
        assert_eq!((jar.count("llll"), jar.count(HELPER), jar.count("pending")), (0, 0, 0), "{next}: {jar:?}");
    }
}

#[tokio::test]
async fn the_page_of_an_end_that_is_not_written_clears_what_it_has_room_for() {
    let (house, _server, _app) = scene("sign_out").await;
    let mut jar = Jar::default();
    jar.sign_in_as(house.public, "alice").await;
    assert_eq!(jar.ask(house.public, "GET /long", "").await.0, 200);
    let held = super::store_away::held(&house);
    assert_eq!(jar.ask(house.public, "POST /security/sign-out", "").await.0, 503);
    assert!(jar.head < SMALL && jar.location.is_empty(), "{} {}", jar.head, jar.location);
    assert!((1..32).contains(&jar.count("llll")), "some are gone: {jar:?}");
    drop(held);
    open_sign_in(&mut jar, house.public).await;
    assert_eq!((jar.count("llll"), jar.count(HELPER), jar.count("pending")), (0, 0, 0), "{jar:?}");
}
