//! Bodies that nobody wants: each answer of ours that comes before the request's body, with a body that holds requests. There is
//! one answer, the client gets to see it, and the body is never read as a request.

use std::fs;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::harness::{Answer, App, Client, Installation, LONG_PATIENCE, Running, free_port, until};

/// What is read of a body that nobody wants, and what is too much.
const LENGTHS: [usize; 2] = [64 * 1024, 10 * 1024 * 1024];

struct Scene {
    house: Installation,
    server: Running,
    alice: String,
    app: App,
}

impl Scene {
    async fn build() -> Self {
        let app = App::ok().await;
        let house = Installation::with(&format!(
            "upstreams:\n  app: {{ servers: [\"http://{}\"] }}\n  away: {{ servers: [\"http://127.0.0.1:{}\"] }}\nroutes:\n\
             - {{ path: /public, access: public, upstream: app }}\n- {{ path: /away, access: public, upstream: away }}\n\
             - {{ path: /admin, access: {{ roles: [admin] }}, upstream: app }}\n\
             - {{ path: /x, access: signed_in, upstream: app }}\n",
            app.address,
            free_port()
        ));
        house.user("alice", &[]);
        let server = house.run().await;
        let alice = house.signed_in("alice").await.cookie();
        Self { house, server, alice, app }
    }

    fn as_alice(&self, lines: &str) -> String {
        format!("Host: {}\r\nCookie: {}\r\n{lines}", self.house.public, self.alice)
    }

    fn as_nobody(&self, lines: &str) -> String {
        format!("Host: {}\r\n{lines}", self.house.public)
    }

    /// Requests that would be served if somebody took them for some.
    fn body(&self, length: usize) -> String {
        let smuggled = format!("GET /public/smuggled HTTP/1.1\r\n{}\r\n", self.as_alice(""));
        let mut body = smuggled.repeat(length / smuggled.len() + 1);
        body.truncate(length);
        body
    }

    /// Sends this request with such bodies, in one piece and in chunks, to a client that reads while it writes, and to one that
    /// only then does.
    async fn refuses(&self, request: &str, lines: &str, statuses: [u16; 2]) {
        for (length, status) in LENGTHS.into_iter().zip(statuses) {
            let body = self.body(length);
            for chunked in [false, true] {
                let sent = if chunked {
                    format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n")
                } else {
                    format!("Content-Length: {length}\r\n\r\n{body}")
                };
                let sent = format!("{request} HTTP/1.1\r\n{lines}{sent}");
                for at_once in [true, false] {
                    let shown = format!("{request}, {length} bytes, chunked: {chunked}, reads at once: {at_once}");
                    self.refuses_once(&sent, at_once, status, &shown).await;
                }
            }
        }
    }

    async fn refuses_once(&self, sent: &str, at_once: bool, status: u16, shown: &str) {
        let before = self.app.received().len();
        let stream = TcpStream::connect(self.house.public).await.unwrap();
        let (mut read, mut write) = stream.into_split();
        // It may hang up before it has all.
        let writing = async { drop(write.write_all(sent.as_bytes()).await) };
        let exchange = async {
            let head_comes = async {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(read.read_u8().await.unwrap_or_else(|why| panic!("{shown}: {why}")));
                }
                head
            };
            if at_once {
                tokio::join!(head_comes, writing).0
            } else {
                writing.await;
                head_comes.await
            }
        };
        let head = timeout(LONG_PATIENCE, exchange).await.unwrap_or_else(|_| panic!("no answer: {shown}"));
        let head = String::from_utf8(head).unwrap();
        let answer = Answer { status: head[9..12].parse().unwrap(), head, body: Vec::new() };
        assert_eq!(answer.status, status, "{shown}: {}", answer.head);
        let mut client = Client(read.reunite(write).unwrap());
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        client.exactly(length).await;
        if answer.header("connection") == Some("close") {
            assert_eq!(client.rest().await, b"", "{shown}");
            assert_eq!(self.app.received().len(), before, "{shown}");
        } else {
            let next = client.ask(format!("GET /public/next HTTP/1.1\r\n{}\r\n", self.as_nobody(""))).await;
            assert_eq!(next.text(), "ok", "{shown}");
            assert_eq!(self.app.received().matches("/public/next").count(), 1, "{shown}");
        }
        assert!(!self.app.received().contains("smuggled"), "{shown}: {}", self.app.received());
        self.app.forget();
    }
}

#[tokio::test]
async fn c05_a_body_behind_an_early_answer_is_never_a_request() {
    let house = Scene::build().await;
    let nobody = house.as_nobody("");
    house.refuses("GET /x", &house.as_nobody("Sec-Fetch-Mode: navigate\r\n"), [302; 2]).await;
    house.refuses("POST /x", &house.as_nobody("Sec-Fetch-Mode: navigate\r\n"), [303; 2]).await;
    house.refuses("POST /x", &nobody, [401; 2]).await;
    house.refuses("POST /admin", &house.as_alice(""), [403; 2]).await;
    house.refuses("POST /nowhere", &nobody, [404; 2]).await;
    house.refuses("TRACE /public", &nobody, [405; 2]).await;
    house.refuses("POST /%2f", &nobody, [400; 2]).await;
    house.refuses("POST /public", "Host: evil.test\r\n", [421; 2]).await;
    house.refuses("POST /away", &nobody, [502; 2]).await;
    // Of a stranger less is read.
    house.refuses("GET /security/sign-in", &nobody, [413; 2]).await;
    let short = house.body(8 * 1024);
    let sent = format!("GET /security/sign-in HTTP/1.1\r\n{nobody}Content-Length: {}\r\n\r\n{short}", short.len());
    house.refuses_once(&sent, true, 200, "as much as is read").await;
    house.refuses("POST /security/sessions", &house.as_alice("Sec-Fetch-Site: cross-site\r\n"), [403; 2]).await;
    house.refuses("POST /security/sessions", &house.as_alice("Sec-Fetch-Site: same-origin\r\n"), [405, 413]).await;
    house.refuses("POST /security/nowhere", &house.as_alice("Sec-Fetch-Site: same-origin\r\n"), [404, 413]).await;
    house.refuses("POST /security/api/v1/sign-in", &house.as_nobody("Sec-Fetch-Site: same-origin\r\n"), [413; 2]).await;
}

#[tokio::test]
async fn c05_nor_where_one_has_to_wait_or_the_store_is_away() {
    let house = Scene::build().await;
    let stranger = house.house.person();
    while stranger.try_to_sign_in("alice", "wrong").await.status() != 429 {}
    let credentials = r#"{"username":"alice","password":"wrong"}"#;
    let json = house.as_nobody("Content-Type: application/json\r\n");
    for chunked in [false, true] {
        let body = format!("{credentials}{}", " ".repeat(8 * 1024 - credentials.len()));
        let framed = if chunked {
            format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
        } else {
            format!("Content-Length: {}\r\n\r\n{body}", body.len())
        };
        let sent = format!("POST /security/api/v1/sign-in HTTP/1.1\r\n{json}{framed}");
        house.refuses_once(&sent, false, 429, "a closed account").await;
    }

    fs::rename(house.house.path("portcullis.db"), house.house.path("elsewhere.db")).unwrap();
    let away = async || (house.server.admin("/readyz").await?.0 == 503).then_some(());
    until("the store to be missed", away).await;
    house.refuses("POST /x", &house.as_alice(""), [503; 2]).await;
    house.refuses("GET /x", &house.as_alice("Sec-Fetch-Mode: navigate\r\n"), [503; 2]).await;
}
