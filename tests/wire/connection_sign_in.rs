//! Sign-ins of an app that hold for a connection (NTLM, Negotiate, Kerberos): the connection is lent to nobody else, and ends
//! with its client's connection and with its session.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use http::Method;
use tokio::io::AsyncWriteExt as _;

use crate::harness::{App, Client, Http2, Installation, Running, Shown, read_request, until};

/// An app that knows its visitors by their connections, after three steps, as NTLM has them. It answers with the number of
/// the connection and who is signed in on it.
struct Signing {
    app: App,
    closed: Arc<Mutex<Vec<usize>>>,
}

impl Signing {
    async fn open() -> Self {
        let (next, closed) = (Arc::new(AtomicUsize::new(1)), Arc::<Mutex<Vec<usize>>>::default());
        let gone = Arc::clone(&closed);
        let app = App::serving(move |mut stream, _| {
            let (number, closed) = (next.fetch_add(1, SeqCst), Arc::clone(&gone));
            async move {
                let mut who = "nobody".to_owned();
                while let Some(request) = read_request(&mut stream).await {
                    let text = String::from_utf8_lossy(&request).into_owned();
                    let (status, more) = step(&text, &mut who);
                    let body = format!("{number} {who}");
                    let answer = format!("HTTP/1.1 {status}\r\n{more}Content-Length: {}\r\n\r\n{body}", body.len());
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        break;
                    }
                }
                closed.lock().unwrap().push(number);
            }
        })
        .await;
        Self { app, closed }
    }

    async fn has_lost(&self, connection: usize) {
        until(&format!("connection {connection} to be closed"), async || {
            self.closed.lock().unwrap().contains(&connection).then_some(())
        })
        .await;
    }

    fn has_closed(&self, connection: usize) -> bool {
        self.closed.lock().unwrap().contains(&connection)
    }
}

/// The status and more lines of the answer.
fn step(request: &str, who: &mut String) -> (&'static str, String) {
    let line = |name: &str| {
        let lines = request.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next_back()
    };
    if let Some(offer) = line("x-offer") {
        return ("401 Unauthorized", format!("{}\r\n", offer.replace(" | ", "\r\n")));
    }
    match line("authorization").unwrap_or_default().rsplit_once(' ') {
        Some((_, "hello")) => ("401 Unauthorized", "WWW-Authenticate: NTLM challenge\r\n".to_owned()),
        Some((_, name)) if name.starts_with("i-am-") => {
            name["i-am-".len()..].clone_into(who);
            ("200 OK", "Persistent-Auth: true\r\n".to_owned())
        }
        _ => ("200 OK", String::new()),
    }
}

/// What the answer says: which connection, and who.
fn told(body: &str) -> (usize, String) {
    let (number, who) = body.split_once(' ').unwrap_or_else(|| panic!("{body}"));
    (number.parse().unwrap(), who.to_owned())
}

struct Visitor {
    client: Client,
    cookie: String,
}

impl Visitor {
    async fn of(house: &Installation, cookie: &str) -> Self {
        Self { client: Client::connect(house.public).await, cookie: cookie.to_owned() }
    }

    async fn ask(&mut self, path: &str, lines: &str) -> (usize, String) {
        let at = self.client.0.peer_addr().unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {at}\r\nCookie: {}\r\n{lines}\r\n", self.cookie);
        told(&self.client.ask(request).await.text())
    }

    /// Three steps; the connection of the last.
    async fn sign_in(&mut self, scheme: &str, name: &str) -> usize {
        self.ask("/", &format!("X-Offer: WWW-Authenticate: {scheme}\r\n")).await;
        let second = self.ask("/", &format!("Authorization: {scheme} hello\r\n")).await;
        let third = self.ask("/", &format!("Authorization: {scheme} i-am-{name}\r\n")).await;
        assert_eq!(third, (second.0, name.to_owned()), "one connection for all steps");
        third.0
    }
}

async fn town(signing: &Signing, more: &str) -> (Installation, Running) {
    let house = Installation::with(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes:\n\
         - {{ path: /public, access: public, upstream: app }}\n- {{ path: /, access: signed_in, upstream: app }}\n{more}",
        signing.app.address
    ));
    for name in ["alice", "bob"] {
        house.user(name, &[]);
    }
    let server = house.run().await;
    (house, server)
}

#[tokio::test]
async fn a_connection_that_somebody_signed_in_on_is_theirs_alone() {
    let signing = Signing::open().await;
    let (house, _server) = town(&signing, "").await;
    let (alice, bob) = (house.signed_in("alice").await.cookie(), house.signed_in("bob").await.cookie());
    for scheme in ["NTLM", "negotiate", "Kerberos"] {
        let (mut one, mut two) = (Visitor::of(&house, &alice).await, Visitor::of(&house, &bob).await);
        let (hers, his) = (one.sign_in(scheme, "alice").await, two.sign_in(scheme, "bob").await);
        assert_ne!(hers, his);
        let mut third = Visitor::of(&house, &alice).await;
        for _ in 0..5 {
            assert_eq!(one.ask("/x", "").await, (hers, "alice".to_owned()), "{scheme}");
            assert_eq!(two.ask("/x", "").await, (his, "bob".to_owned()), "{scheme}");
            assert_eq!(third.ask("/x", "").await.1, "nobody", "{scheme}: her own other connection is another");
            assert_eq!(third.ask("/public/x", "").await.1, "nobody", "{scheme}");
        }
        drop(one);
        signing.has_lost(hers).await;
        assert!(!signing.has_closed(his));
    }
}

#[tokio::test]
async fn what_offers_such_a_sign_in_is_not_lent_again_in_any_spelling() {
    let signing = Signing::open().await;
    let (house, _server) = town(&signing, "").await;
    let alice = house.signed_in("alice").await.cookie();
    for offer in [
        "WWW-Authenticate: NTLM",
        "www-authenticate: Basic realm=\"a\", nTlM",
        "WWW-Authenticate: Basic realm=\"a\" | WWW-Authenticate: Negotiate",
        "WWW-Authenticate: Kerberos abc",
        "Persistent-Auth: true",
    ] {
        let mut one = Visitor::of(&house, &alice).await;
        let (offered, _) = one.ask("/", &format!("X-Offer: {offer}\r\n")).await;
        let (next, _) = one.ask("/", "").await;
        assert_ne!(offered, next, "{offer}");
        let mut two = Visitor::of(&house, &alice).await;
        for _ in 0..3 {
            let (other, _) = two.ask("/", "").await;
            assert!(other != offered && other != next, "{offer}");
        }
        assert_eq!(one.ask("/", "").await.0, next, "{offer}: its own private one");
    }
    for authorization in ["Basic x, NTLM hello", "Basic x\r\nAuthorization: nEGOTIATE hello"] {
        let (mut one, mut two) = (Visitor::of(&house, &alice).await, Visitor::of(&house, &alice).await);
        let (first, _) = one.ask("/", &format!("Authorization: {authorization}\r\n")).await;
        assert_ne!(two.ask("/", "").await.0, first, "{authorization}");
        assert_eq!(one.ask("/", "").await.0, first, "{authorization}");
    }
    // A body goes, too, where the pool lends a connection that must not be used.
    let mut one = Visitor::of(&house, &alice).await;
    let (offered, _) = one.ask("/", "X-Offer: WWW-Authenticate: NTLM\r\n").await;
    let mut two = Visitor::of(&house, &alice).await;
    let request =
        format!("POST / HTTP/1.1\r\nHost: {}\r\nCookie: {alice}\r\nContent-Length: 4\r\n\r\nbody", house.public);
    let posted = two.client.ask(request).await;
    assert_eq!(posted.status, 200);
    assert_ne!(told(&posted.text()).0, offered);
}

#[tokio::test]
async fn what_signs_each_request_in_keeps_the_pool() {
    let signing = Signing::open().await;
    let (house, _server) = town(&signing, "").await;
    let alice = house.signed_in("alice").await.cookie();
    let mut numbers = Vec::new();
    for lines in [
        "",
        "Authorization: Basic YTpi\r\n",
        "Authorization: Bearer ntlm\r\n",
        "Authorization: Digest username=\"ntlm\", realm=\"negotiate\"\r\n",
        "X-Offer: WWW-Authenticate: Basic realm=\"NTLM\"\r\n",
        "X-Offer: WWW-Authenticate: Digest realm=\"a\", nonce=\"b\"\r\n",
        "",
    ]
    .repeat(3)
    {
        numbers.push(Visitor::of(&house, &alice).await.ask("/", lines).await.0);
    }
    // A connection may come back to the pool a moment after its answer; one that is private would never.
    let distinct: std::collections::BTreeSet<_> = numbers.iter().collect();
    assert!(distinct.len() <= 3, "{numbers:?}");
}

#[tokio::test]
async fn on_a_public_route_it_is_good_for_one_request() {
    let signing = Signing::open().await;
    let (house, _server) = town(&signing, "").await;
    let mut one = Visitor::of(&house, "").await;
    let first = one.ask("/public/x", "Authorization: NTLM i-am-alice\r\n").await;
    assert_eq!(first.1, "alice");
    // Whoever comes next on the connection of a client, as behind a balancer, may be somebody else.
    let next = one.ask("/public/x", "").await;
    assert_eq!(next.1, "nobody");
    assert_ne!(next.0, first.0);
    let again = one.ask("/public/x", "Authorization: NTLM hello\r\n").await;
    assert_ne!(again.0, first.0, "and none is kept for who asks again");
}

#[tokio::test]
async fn it_ends_with_its_session_and_with_a_change_of_it() {
    let signing = Signing::open().await;
    let (house, _server) = town(&signing, "").await;
    let (person, bob) = (house.signed_in("alice").await, house.signed_in("bob").await.cookie());
    let mut one = Visitor::of(&house, &person.cookie()).await;
    let hers = one.sign_in("NTLM", "alice").await;
    // What is public shows nobody, and changes nothing.
    assert_eq!(one.ask("/public/x", "").await.1, "nobody");
    assert_eq!(one.ask("/x", "").await, (hers, "alice".to_owned()));
    // The same connection of a client, somebody else's cookie.
    let alice = std::mem::replace(&mut one.cookie, bob);
    assert_eq!(one.ask("/x", "").await.1, "nobody");
    signing.has_lost(hers).await;
    one.cookie = alice;
    assert_eq!(one.ask("/x", "").await.1, "nobody", "and it does not come back");

    // Idle when its session ends: it is closed all the same.
    let mut two = Visitor::of(&house, &person.cookie()).await;
    let hers = two.sign_in("Negotiate", "alice").await;
    let id = person.session().await;
    let ended = house.signed_in("alice").await;
    let answer = ended.call(Method::DELETE, &format!("/sessions/{id}"), &serde_json::Value::Null).await;
    assert!(answer.status().is_success(), "{answer:?}");
    signing.has_lost(hers).await;
}

#[tokio::test]
async fn behind_a_proxy_it_is_for_one_request() {
    let signing = Signing::open().await;
    let (house, _server) = town(&signing, "trusted_proxies: [127.0.0.1/32]\n").await;
    let alice = house.signed_in("alice").await.cookie();
    let mut balancer = Visitor::of(&house, &alice).await;
    let (first, who) = balancer.ask("/", "Authorization: NTLM i-am-alice\r\nX-Forwarded-For: 192.0.2.1\r\n").await;
    assert_eq!(who, "alice");
    signing.has_lost(first).await;
    assert_eq!(balancer.ask("/", "X-Forwarded-For: 192.0.2.2\r\n").await.1, "nobody");
}

#[tokio::test]
async fn over_http2_it_is_for_one_stream() {
    let signing = Signing::open().await;
    let (house, shown): (Installation, Shown) =
        Installation::over_tls(&format!("upstream: http://{}\n", signing.app.address));
    house.user("alice", &[]);
    let _server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    let alice = client.sign_in("alice").await;
    let request = client.request(Method::GET, "/").header("cookie", &alice);
    let (first, who) = told(&client.ask(request.header("authorization", "Negotiate i-am-alice"), "").await.text());
    assert_eq!(who, "alice");
    signing.has_lost(first).await;
    let offer = client.request(Method::GET, "/").header("cookie", &alice).header("x-offer", "WWW-Authenticate: NTLM");
    let (offered, _) = told(&client.ask(offer, "").await.text());
    for _ in 0..3 {
        let (number, who) = told(&client.get("/", &alice).await.text());
        assert_eq!(who, "nobody");
        assert_ne!(number, offered);
    }
}
