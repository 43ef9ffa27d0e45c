//! Forms that other sites post to an app: carried through a page of ours, by one of two replicas, and sent on once, by another.

use std::fs;

use http::Method;
use reqwest::{Client, Response, redirect::Policy};
use tokio::io::AsyncWriteExt as _;

use crate::harness::{App, Http2, Installation, Person, Redis, Replicas, Running, StoreKind, free_port, read_request};

const FORM: &str = "order=4711&note=x+y%26%22z%22%0D%0A%E9";
const TYPE: &str = "application/x-www-form-urlencoded";

fn routes(app: &str) -> String {
    format!(
        "upstreams: {{ app: {{ servers: [\"http://{app}\"] }} }}\nroutes:\n  - path: /\n    upstream: app\n    \
         cross_site_forms: [{{ path: /payment/return, from: [\"https://pay.test\"] }}]\n"
    )
}

/// Where the form on our page leads.
fn action(page: &str) -> String {
    let (_, rest) = page.split_once("action=\"").unwrap_or_else(|| panic!("no form on {page}"));
    rest.split('"').next().unwrap().replace("&#38;", "&")
}

/// One browser before a balancer.
struct Sender<'r> {
    client: Client,
    replicas: &'r Replicas,
}

impl Sender<'_> {
    async fn post(&self, place: usize, path: &str, from: &str, site: &str, cookie: &str) -> Response {
        let request = self.client.post(format!("http://{}{path}", self.replicas.addresses()[place]));
        let request = request.header("host", self.replicas.addresses()[0].to_string()).header("cookie", cookie);
        let request = request.header("origin", from).header("sec-fetch-site", site).header("accept", "text/html");
        let request = request.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");
        request.header("content-type", TYPE).body(FORM).send().await.unwrap()
    }
}

async fn one_press_acts_once(stores: &[StoreKind]) {
    let app = App::ok().await;
    let mut replicas = Replicas::before(app.address, stores, "shutdown: { drain: 0s }\n");
    for house in replicas.houses.iter() {
        let text = fs::read_to_string(house.file()).unwrap();
        let short = format!("upstream: http://{}\n", app.address);
        assert!(text.contains(&short), "{text}");
        fs::write(house.file(), text.replace(&short, &routes(&app.address.to_string()))).unwrap();
    }
    replicas.user("alice");
    replicas.start().await;
    let cookie = {
        let person = replicas.houses[0].signed_in("alice").await;
        person.cookie()
    };
    let client = Client::builder().redirect(Policy::none()).user_agent("Mozilla/5.0").build().unwrap();
    let sender = Sender { client, replicas: &replicas };
    let origin = format!("http://{}", replicas.addresses()[0]);

    let evil = sender.post(0, "/payment/return", "https://evil.test", "cross-site", "").await;
    assert_eq!((evil.status().as_u16(), evil.headers()["location"].to_str().unwrap()), (303, "/security/sign-in"));
    let page = sender.post(0, "/payment/return?a=b", "https://pay.test", "cross-site", "").await;
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["cache-control"], "no-store");
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"));
    assert!(!page.headers().contains_key("set-cookie"));
    let page = page.text().await.unwrap();
    assert!(page.contains("accept-charset=\"windows-1252\""), "{page}");
    let action = action(&page);
    let out = sender.post(1, &action, &origin, "same-origin", "").await;
    assert_eq!(out.status(), 401);
    assert!(out.text().await.unwrap().contains("name=\"order\" value=\"4711\""));
    assert_eq!(app.requests(), 0, "{}", app.received());

    let (one, other) = tokio::join!(
        sender.post(0, &action, &origin, "same-origin", &cookie),
        sender.post(1, &action, &origin, "same-origin", &cookie)
    );
    let (one, other) = (one.text().await.unwrap(), other.text().await.unwrap());
    assert_eq!(
        [&one, &other].iter().filter(|text| text.contains("It is not sent a second time")).count(),
        1,
        "{one} {other}"
    );
    let received = app.received();
    assert_eq!(app.requests(), 1, "{received}");
    assert!(received.starts_with("POST /payment/return?a=b HTTP/1.1\r\n"), "{received}");
    assert!(received.ends_with(&format!("\r\n\r\n{FORM}")), "{received}");
    assert_eq!(app.header("origin"), [origin]);
    assert_eq!(app.header("remote-user"), ["alice"]);

    for place in 0..2 {
        for line in replicas.running(place).log() {
            assert!(!line.to_string().contains("4711"), "{line}");
            assert_ne!(line["path"], "", "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_one_redis() {
    one_press_acts_once(&Redis::start().await.stores(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_one_file() {
    one_press_acts_once(&[StoreKind::File, StoreKind::File]).await;
}

#[tokio::test]
async fn over_http_2_and_only_up_to_64_kib() {
    let app = App::ok().await;
    let (house, shown) = Installation::over_tls(&routes(&app.address.to_string()));
    house.user("alice", &[]);
    let _server = house.run().await;
    let http2 = Http2::connect(house.public, &shown).await;
    let cookie = http2.sign_in("alice").await;
    let ask = |path: &str, from: &str, site: &str| {
        let request = http2.request(Method::POST, path).header("origin", from).header("sec-fetch-site", site);
        let request = request.header("accept", "text/html").header("sec-fetch-mode", "navigate");
        request.header("content-type", TYPE)
    };
    let post = ask("/payment/return", "https://pay.test", "cross-site");
    let page = http2.ask(post, FORM).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let origin = format!("https://{}", house.public);
    let action = action(&page.text());
    let pressed = ask(&action, &origin, "same-origin").header("referer", format!("{origin}/"));
    let pressed = http2.ask(pressed.header("cookie", &cookie), FORM).await;
    assert_eq!(pressed.status, 200);
    assert!(app.received().starts_with("POST /payment/return HTTP/1.1\r\n"), "{}", app.received());
    assert_eq!(app.header("referer"), [format!("{origin}/")]);
    let again = http2.ask(ask(&action, &origin, "same-origin").header("cookie", &cookie), FORM).await;
    assert!(again.text().contains("It is not sent a second time"), "{}", again.text());
    assert_eq!(app.requests(), 1);

    // No length is said: it turns out while it comes.
    let large = format!("a={}", "x".repeat(64 * 1024));
    for (body, status) in [(&large[..64 * 1024], 200), (&large[..=64 * 1024], 303)] {
        let post = ask("/payment/return", "https://pay.test", "cross-site");
        assert_eq!(http2.ask(post, body).await.status, status, "{}", body.len());
    }
}

/// An app that closes each idle connection just when a request is sent into it.
async fn closing() -> App {
    App::serving(|mut stream, app| async move {
        app.keep(b"[open]");
        if app.record_request(&mut stream).await {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            read_request(&mut stream).await;
        }
    })
    .await
}

/// An installation before this app, and alice, who is signed in there.
async fn before(app: &str) -> (Installation, Running, Person) {
    let house = Installation::with(&routes(app));
    house.user("alice", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    (house, server, alice)
}

/// A browser of alice, and the address to which our page posts the form.
async fn asked(house: &Installation) -> (Client, String) {
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    let page = client.post(format!("http://{}/payment/return", house.public)).header("origin", "https://pay.test");
    let page = page.header("accept", "text/html").header("content-type", TYPE).body(FORM).send().await.unwrap();
    (client, action(&page.text().await.unwrap()))
}

async fn press(house: &Installation, client: &Client, action: &str, cookie: &str) -> Response {
    let request = client.post(format!("http://{}{action}", house.public));
    let request = request.header("origin", format!("http://{}", house.public)).header("sec-fetch-site", "same-origin");
    let request = request.header("accept", "text/html").header("cookie", cookie).header("content-type", TYPE);
    request.body(FORM).send().await.unwrap()
}

#[tokio::test]
async fn an_idle_connection_that_the_app_closes_loses_none() {
    let app = closing().await;
    let (house, _server, alice) = before(&app.address.to_string()).await;
    let (client, action) = asked(&house).await;
    let first = client.get(format!("http://{}/", house.public)).header("cookie", alice.cookie()).send().await.unwrap();
    assert_eq!(first.status(), 200);
    let pressed = press(&house, &client, &action, &alice.cookie()).await;
    let received = app.received();
    assert_eq!((pressed.status().as_u16(), received.matches("[open]").count()), (200, 2), "{received}");
    assert!(received.ends_with(&format!("\r\n\r\n{FORM}")), "{received}");
}

#[tokio::test]
async fn the_parameter_does_not_reach_the_app_in_a_referer() {
    let app = App::ok().await;
    let (house, _server, alice) = before(&app.address.to_string()).await;
    let (client, action) = asked(&house).await;
    let origin = format!("http://{}", house.public);
    // As browsers send it: with a form of the app's page of the answer, and with what that page loads.
    for (at, target, referer, told) in [
        (0, &*action, &*action, "/payment/return"),
        (1, "/style.css", &*action, "/payment/return"),
        (2, "/style.css", "/other?portcullis-form=x&y", "/other?portcullis-form=x&y"),
    ] {
        let request = client.request(if at == 0 { Method::POST } else { Method::GET }, format!("{origin}{target}"));
        let request = request.header("origin", &origin).header("accept", "text/html").header("content-type", TYPE);
        let request = request.header("referer", format!("{origin}{referer}")).header("cookie", alice.cookie());
        assert_eq!(request.body(if at == 0 { FORM } else { "" }).send().await.unwrap().status(), 200);
        let received = app.received();
        assert_eq!(app.header("referer").last(), Some(&format!("{origin}{told}")), "{received}");
    }
    assert!(!app.received().contains("https://pay.test"), "{}", app.received());
}

#[tokio::test]
async fn a_form_or_link_of_the_page_that_answers_reaches_the_app_without_the_parameter() {
    let app = App::ok().await;
    let (house, _server, alice) = before(&app.address.to_string()).await;
    let (client, action) = asked(&house).await;
    assert_eq!(press(&house, &client, &action, &alice.cookie()).await.status(), 200);
    let origin = format!("http://{}", house.public);
    for method in [Method::POST, Method::GET, Method::POST] {
        app.forget();
        let request = client.request(method.clone(), format!("{origin}{action}")).header("origin", &origin);
        let request = request.header("referer", format!("{origin}{action}")).header("cookie", alice.cookie());
        let request = request.header("accept", "text/html").header("content-type", TYPE).body("step=confirm");
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), "ok");
        assert!(app.received().starts_with(&format!("{method} /payment/return HTTP/1.1\r\n")), "{}", app.received());
        assert!(!app.received().contains("portcullis-form"), "{}", app.received());
    }
    app.forget();
    let spelled = action.replace("portcullis-form=", "portcullis-form=+");
    for (action, told) in [(&action, "It is not sent a second time"), (&spelled, "nothing was sent yet")] {
        let again = press(&house, &client, action, &alice.cookie()).await.text().await.unwrap();
        assert!(again.contains(told) && app.requests() == 0, "{action}: {again}");
    }
    let out = press(&house, &client, &action, "").await;
    assert_eq!(out.headers()["referrer-policy"], "strict-origin", "told from the app's pages by its Referer");
}

#[tokio::test]
async fn what_reached_nobody_can_be_sent_again() {
    let nobody = free_port();
    let (house, _server, alice) = before(&format!("127.0.0.1:{nobody}")).await;
    let (client, action) = asked(&house).await;
    for _ in 0..2 {
        let pressed = press(&house, &client, &action, &alice.cookie()).await;
        assert_eq!(pressed.status(), 502, "it is not said to be sent");
    }
}
