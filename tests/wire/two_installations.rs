//! Two installations on one host: cookies know no ports.

use std::net::SocketAddr;

use crate::harness::{App, Client, Installation, Running, Said, free_port, portcullis};

/// A jar, as a browser keeps one for a host with all of its ports. Paths are not looked at.
#[derive(Debug, Default)]
pub(super) struct Jar {
    kept: Vec<(String, String)>,
    /// The `Set-Cookie`s of the last answer.
    pub(super) set: Vec<String>,
    /// Where the last answer leads.
    pub(super) location: String,
    /// Bytes of its head.
    pub(super) head: usize,
}

impl Jar {
    pub(super) fn line(&self) -> String {
        let pairs: Vec<_> = self.kept.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    /// How many cookies have this in their name.
    pub(super) fn count(&self, part: &str) -> usize {
        self.kept.iter().filter(|(name, _)| name.contains(part)).count()
    }

    pub(super) async fn ask(&mut self, to: SocketAddr, request: &str, body: &str) -> (u16, String) {
        let mut client = Client::connect(to).await;
        let answer = client
            .ask(format!(
                "{request} HTTP/1.1\r\nHost: {to}\r\nCookie: {}\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
                self.line(),
                body.len()
            ))
            .await;
        self.keep(answer.headers("set-cookie").into_iter().map(str::to_owned).collect());
        answer.header("location").unwrap_or_default().clone_into(&mut self.location);
        self.head = answer.head.len();
        (answer.status, answer.text())
    }

    /// Keeps and drops what an answer sets.
    pub(super) fn keep(&mut self, set: Vec<String>) {
        self.set = set;
        for set in &self.set {
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            self.kept.retain(|(kept, _)| kept != name);
            if !set.contains("Max-Age=0") {
                self.kept.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    pub(super) async fn sign_in_as(&mut self, to: SocketAddr, who: &str) {
        let form = format!("username={who}&password={}", crate::harness::PASSWORD);
        assert_eq!(self.ask(to, "POST /security/sign-in", &form).await.0, 303);
    }

    async fn sign_in(&mut self, to: SocketAddr) {
        self.sign_in_as(to, "alice").await;
    }
}

async fn run(name: &str) -> (Installation, Running, App) {
    let app = App::ok().await;
    let house = Installation::with(&format!("upstream: http://{}\nsessions: {{ cookie_name: {name} }}\n", app.address));
    house.user("alice", &[]);
    let server = house.run().await;
    (house, server, app)
}

#[tokio::test]
async fn with_names_of_their_own_they_leave_each_other_alone() {
    let ((one, _one, app), (two, _two, other)) = (run("portcullis-1").await, run("acme").await);
    let mut jar = Jar::default();
    jar.sign_in(one.public).await;
    jar.sign_in(two.public).await;
    assert_eq!(jar.ask(one.public, "GET /", "").await.0, 200, "{jar:?}");
    assert_eq!(jar.ask(two.public, "GET /", "").await.0, 200, "{jar:?}");
    assert!(!app.received().contains("portcullis") && !other.received().contains("acme"), "cookies stay at home");
    assert!(!other.received().contains("portcullis-1"), "those of another installation do not reach an app");
}

#[tokio::test]
async fn with_one_name_the_sign_in_page_says_what_happened() {
    let ((one, _one, _app), (two, _two, _other)) = (run("portcullis").await, run("portcullis").await);
    let mut jar = Jar::default();
    jar.sign_in(one.public).await;
    assert_eq!(jar.ask(two.public, "GET /", "").await.0, 302);
    let (status, page) = jar.ask(two.public, "GET /security/sign-in", "").await;
    assert_eq!(status, 200);
    assert!(page.contains("shows is not known here"), "{page}");
    assert_eq!(jar.ask(one.public, "GET /", "").await.0, 200, "and looking there ends nothing");
}

#[tokio::test]
async fn a_sign_out_at_one_leaves_what_the_other_has_noted() {
    let run = async |name: &str| {
        let app = App::answering(b"HTTP/1.1 200 OK\r\nSet-Cookie: theme=dark\r\nContent-Length: 2\r\n\r\nok").await;
        let keys = format!("upstream: http://{}\nsessions: {{ cookie_name: {name} }}\n", app.address);
        let house = Installation::with(&keys);
        house.user("alice", &[]);
        let server = house.run().await;
        (house, server, app)
    };
    let ((one, _one, _app), (two, _two, _other)) = (run("portcullis").await, run("portcullis-2").await);
    let mut jar = Jar::default();
    for house in [&one, &two] {
        jar.sign_in(house.public).await;
        assert_eq!(jar.ask(house.public, "GET /", "").await.0, 200);
    }
    let theirs = jar.count("portcullis-2");
    assert!(jar.count("portcullis-app-") == 1 && jar.count("portcullis-2-app-") == 1, "{jar:?}");
    assert_eq!(jar.ask(one.public, "POST /security/sign-out", "").await.0, 303);
    assert_eq!((jar.count("portcullis-app-"), jar.count("portcullis-2")), (0, theirs), "{jar:?}");
}

#[test]
fn init_chooses_a_name_apart_for_a_port_of_its_own() {
    for (url, name) in [
        ("http://localhost:8081".to_owned(), "portcullis-8081"),
        ("https://app.example.com:8443".to_owned(), "portcullis-8443"),
        ("https://app.example.com:443".to_owned(), "portcullis"),
        ("https://app.example.com".to_owned(), "portcullis"),
        ("http://localhost".to_owned(), "portcullis"),
        (format!("http://127.0.0.1:{}", free_port()), ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let cli = |words: &[&str]| Said::by(portcullis(folder.path()).args(words), "").ok();
        cli(&["init", "--public-url", &url]);
        let shown = cli(&["config", "show"]);
        let name =
            if name.is_empty() { format!("portcullis-{}", url.rsplit(':').next().unwrap()) } else { name.to_owned() };
        assert!(shown.lines().any(|line| line.trim() == format!("cookie_name: {name}")), "{url}: {shown}");
    }
}
