//! The next person at the same browser: an app's cookies go with whom they were set for, by name, `Domain` and `Path`.

use http::Method;
use tokio::io::AsyncWriteExt as _;

use super::two_installations::Jar;
use crate::harness::{App, Http2, Installation, PASSWORD, Running, read_request};

pub(crate) const HELPER: &str = "portcullis-app-";

/// An app that sets cookies, as the path says.
pub(crate) async fn setting_cookies() -> App {
    App::serving(|mut stream, _| async move {
        while let Some(request) = read_request(&mut stream).await {
            let request = String::from_utf8_lossy(&request).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default();
            let lines = match path {
                "/many" => (0..100).map(|at| format!("Set-Cookie: c{at}=x\r\n")).collect::<Vec<_>>().concat(),
                "/long" => {
                    (0..32).map(|at| format!("Set-Cookie: {}{at}=x\r\n", "l".repeat(60))).collect::<Vec<_>>().concat()
                }
                "/longer" => {
                    (0..20).map(|at| format!("Set-Cookie: {}{at}=x\r\n", "l".repeat(120))).collect::<Vec<_>>().concat()
                }
                "/short" => (0..32).map(|at| format!("Set-Cookie: s{at}=x; Path=/\r\n")).collect::<Vec<_>>().concat(),
                // As those of sign-ins by OpenID Connect that were begun and left.
                "/nonces" => {
                    (0..20).map(|at| format!("Set-Cookie: {}{at}=x\r\n", "lll".repeat(33))).collect::<Vec<_>>().concat()
                }
                "/kept/x" => "Set-Cookie: kept=1; Path=/\r\n".to_owned(),
                "/open/x" => "Set-Cookie: open=1; Path=/\r\n".to_owned(),
                "/early" => String::new(),
                at if at.starts_with("/at-once/") => {
                    (0..20).map(|of| format!("Set-Cookie: c{}-{of}=x\r\n", &at[9..])).collect::<Vec<_>>().concat()
                }
                _ => "Set-Cookie: app_session=alice; Path=/app; HttpOnly\r\nSet-Cookie: here=1\r\n".to_owned(),
            };
            let early =
                if path == "/early" { "HTTP/1.1 103 Early Hints\r\nSet-Cookie: early=1; Path=/\r\n\r\n" } else { "" };
            let answer = format!("{early}HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok");
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}

pub(crate) fn keys(app: &App, forget_on: &str) -> String {
    format!(
        "upstreams:\n  app: {{ servers: [\"http://{0}\"], forget_on: {forget_on} }}\n  kept: {{ servers: \
         [\"http://{0}\"], forget_on: never }}\nroutes:\n  - {{ path: /open, access: public, upstream: app }}\n  \
         - {{ path: /kept, access: signed_in, upstream: kept }}\n  - {{ path: /, access: signed_in, upstream: app }}\n",
        app.address
    )
}

pub(crate) async fn scene(forget_on: &str) -> (Installation, Running, App) {
    let app = setting_cookies().await;
    let house = Installation::with(&keys(&app, forget_on));
    for name in ["alice", "bob"] {
        house.user(name, &[]);
    }
    let server = house.run().await;
    (house, server, app)
}

/// The `Set-Cookie`s by which cookies go, without those of ours.
pub(crate) fn dropped(set: &[String]) -> Vec<&str> {
    let gone = set.iter().filter(|line| line.contains("Max-Age=0") && !line.contains("portcullis"));
    let mut gone: Vec<_> = gone.map(|line| line.split("; Max-Age").next().unwrap()).collect();
    gone.sort_unstable();
    gone
}

const ALL: [&str; 3] = ["app_session=; Path=/app", "here=; Path=/sub", "open=; Path=/"];

async fn visits(jar: &mut Jar, house: &Installation, who: &str) {
    jar.sign_in_as(house.public, who).await;
    for path in ["/sub/page?x=/y", "/kept/x", "/open/x"] {
        assert_eq!(jar.ask(house.public, &format!("GET {path}"), "").await.0, 200);
    }
}

#[tokio::test]
async fn signing_out_takes_the_apps_cookies_along() {
    let (house, _server, _app) = scene("[sign_out, other_visitor]").await;
    let mut jar = Jar::default();
    visits(&mut jar, &house, "alice").await;
    assert!((1..=2).contains(&jar.count(HELPER)), "{jar:?}");
    // What is written down already is not written again.
    jar.ask(house.public, "GET /sub/page", "").await;
    assert!(!jar.set.iter().any(|line| line.contains(HELPER)), "{:?}", jar.set);
    assert_eq!(jar.ask(house.public, "POST /security/sign-out", "").await.0, 303);
    assert_eq!(dropped(&jar.set), ALL);
    assert_eq!((jar.count(HELPER), jar.count("kept")), (0, 1), "{jar:?}");
}

#[tokio::test]
async fn somebody_else_finds_no_cookie_after_an_end_from_elsewhere() {
    for (forget_on, expected) in [("other_visitor", &ALL[..]), ("sign_out", &[]), ("never", &[])] {
        let (house, _server, _app) = scene(forget_on).await;
        let mut jar = Jar::default();
        visits(&mut jar, &house, "alice").await;
        house.cli(&["sessions", "revoke", "--user", "alice", "--reason", "a test"]).ok();
        assert_eq!(jar.ask(house.public, "GET /", "").await.0, 302);
        jar.sign_in_as(house.public, "alice").await;
        assert_eq!(dropped(&jar.set), [""; 0], "{forget_on}: the same person");
        jar.sign_in_as(house.public, "bob").await;
        assert_eq!(dropped(&jar.set), expected, "{forget_on}");
        assert_eq!(jar.count("kept"), 1);
    }
}

#[tokio::test]
async fn so_many_are_written_down_and_no_more() {
    let (house, _server, _app) = scene("sign_out").await;
    let mut jar = Jar::default();
    jar.sign_in_as(house.public, "alice").await;
    for _ in 0..3 {
        assert_eq!(jar.ask(house.public, "GET /many", "").await.0, 200);
    }
    assert!((1..=20).contains(&jar.count(HELPER)), "{jar:?}");
    jar.ask(house.public, "POST /security/sign-out", "").await;
    assert_eq!((dropped(&jar.set).len(), jar.count(HELPER)), (32, 0), "{:?}", jar.set);
}

#[tokio::test]
async fn what_was_set_before_one_signed_in_goes_too() {
    for forget_on in ["sign_out", "other_visitor"] {
        let (house, _server, _app) = scene(forget_on).await;
        let mut jar = Jar::default();
        assert_eq!(jar.ask(house.public, "GET /open/x", "").await.0, 200);
        jar.sign_in_as(house.public, "alice").await;
        assert!(!dropped(&jar.set).contains(&"open=; Path=/"), "nobody was there before her: {:?}", jar.set);
        jar.ask(house.public, "POST /security/sign-out", "").await;
        assert_eq!(jar.ask(house.public, "GET /open/x", "").await.0, 200);
        jar.sign_in_as(house.public, "alice").await;
        assert!(!dropped(&jar.set).contains(&"open=; Path=/"), "it is hers: {:?}", jar.set);
        jar.ask(house.public, "POST /security/sign-out", "").await;
        let at_sign_out = dropped(&jar.set).contains(&"open=; Path=/");
        jar.sign_in_as(house.public, "bob").await;
        let at_sign_in = dropped(&jar.set).contains(&"open=; Path=/");
        assert_eq!((at_sign_out, at_sign_in), (forget_on == "sign_out", forget_on != "sign_out"), "{forget_on}");
    }
}

#[tokio::test]
async fn so_it_is_over_http_2_and_the_app_never_sees_what_is_written_down() {
    let app = setting_cookies().await;
    let (house, shown) = Installation::over_tls(&keys(&app, "[sign_out, other_visitor]"));
    house.user("alice", &[]);
    let _server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    let alice = client.sign_in("alice").await;
    let answer = client.get("/sub/page", &alice).await;
    let noted: Vec<_> = answer.cookies().split("; ").filter(|pair| pair.contains(HELPER)).map(str::to_owned).collect();
    assert_eq!(noted.len(), 1, "{:?}", answer.headers);
    assert!(noted.iter().all(|pair| pair.starts_with("__Host-portcullis-app-")), "{noted:?}");
    let line = format!("{alice}; mine=1; {}", noted.join("; "));
    assert_eq!(client.get("/sub/page", &line).await.cookies().matches(HELPER).count(), 0);
    assert!(!app.received().contains("portcullis"), "{}", app.received());
    let out = client.request(Method::POST, "/security/sign-out").header("cookie", &line);
    let out = client.ask(out.header("sec-fetch-site", "same-origin"), "").await;
    let set: Vec<_> = out.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned()).collect();
    assert_eq!(dropped(&set), ALL[..2], "{set:?}");
    assert!(set.iter().filter(|line| line.contains("Max-Age=0")).all(|line| line.contains("Secure")), "{set:?}");
    let forged = line.replace(&noted[0], &format!("{}x", noted[0]));
    let out = client.request(Method::POST, "/security/api/v1/sign-out").header("cookie", &forged);
    let out = client.ask(out.header("sec-fetch-site", "same-origin"), "").await;
    assert!(!format!("{:?}", out.headers).contains("app_session="), "what we did not sign is nothing: {PASSWORD}");
}

#[tokio::test]
async fn a_cookie_of_an_early_hint_is_written_down_too() {
    let (house, _server, _app) = scene("sign_out").await;
    let mut jar = Jar::default();
    jar.sign_in_as(house.public, "alice").await;
    let mut client = crate::harness::Client::connect(house.public).await;
    client.send(format!("GET /early HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", house.public, jar.line())).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 103") && head.contains(HELPER), "{head}");
}
