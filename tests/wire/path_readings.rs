//! Whatever is let through for anybody, no real server behind reads as a path for which somebody must be signed in.

use std::sync::{Arc, Mutex};

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use tokio::io::AsyncWriteExt as _;

use crate::harness::{Answer, App, Client, Installation, Readers, Reading, read_request};

/// Everything but `/admin` is for all; then only `/public` is.
const TABLES: [&str; 2] = [
    "- { path: /admin, access: signed_in, upstream: app }\n- { path: /, access: public, upstream: app",
    "- { path: /public, access: public, upstream: app",
];
const REST: [&str; 2] = ["", "- { path: /, access: signed_in, upstream: app }\n"];
/// Without permission for slashes, with it, and as it came.
const PERMITS: [&str; 3] =
    [" }\n", ", allow_encoded_slash: true, keep_double_slash: true }\n", ", preserve_path: true }\n"];

type Heard = Arc<Mutex<Vec<Reading>>>;

/// An app that asks each of the servers what it makes of the very bytes that arrive.
async fn asking(readers: &Readers, heard: &Heard) -> App {
    let (fresh, heard) = (readers.connections(), Arc::clone(heard));
    App::serving(move |mut stream, _| {
        let (mut servers, heard) = (fresh.afresh(), Arc::clone(&heard));
        async move {
            while let Some(request) = read_request(&mut stream).await {
                let readings = servers.ask(&request).await;
                *heard.lock().unwrap() = readings;
                if stream.write_all(b"HTTP/1.1 200 OK\r\nX-Passed: yes\r\nContent-Length: 2\r\n\r\nok").await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

/// A signed-out client that connects again where it must.
struct Stranger<'h> {
    house: &'h Installation,
    client: Option<Client>,
}

impl Stranger<'_> {
    async fn ask(&mut self, target: &[u8]) -> Answer {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => Client::connect(self.house.public).await,
        };
        let host = self.house.public.to_string();
        let request = [b"GET ", target, b" HTTP/1.1\r\nHost: ", host.as_bytes(), b"\r\n\r\n"].concat();
        let answer = client.ask(request).await;
        if answer.header("connection") != Some("close") {
            self.client = Some(client);
        }
        answer
    }
}

/// Names that some reader takes for others.
const RARE: [&str; 63] = [
    "admin",
    "public",
    "public",
    "Admin",
    "%61dmin",
    "adm%69n",
    "%2561dmin",
    "admin;x",
    "admin%3bx",
    ";admin",
    "..",
    "..",
    "%2e%2e",
    "%2e.",
    "%252e%252e",
    "..;",
    "..;x=y",
    "..%3b",
    "..%00",
    "...",
    ".",
    "",
    "x",
    "x?/../admin",
    "x#/../admin",
    "%23",
    "%3f",
    "admin%00",
    "admin%20",
    "admin.",
    "admin%09",
    "admin%0a",
    "ad%09min",
    "adm%0din",
    "%01admin",
    "admin%7f",
    "admin%3fx",
    "admin%23x",
    "..%09",
    ".%0a.",
    "..%5c",
    "..%5cadmin",
    "%5c..%5cadmin",
    "..%2500",
    "a%3bb",
    "a%5cb",
    "a%09b",
    "\"<>`|^{}",
    "x?\"<>`|^{}",
    "%c3%a9",
    "%",
    "%zz",
    "%2",
    "*",
    "@admin",
    "admin:80",
    "%u0061dmin",
    "..%c0%af",
    "%ef%bc%8f",
    "%c0%ae%c0%ae",
    "%e2%80%a5",
    "security",
    "..%ff",
];

/// What hides a path, piece by piece.
fn targets(host: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let slash = prop::sample::select(vec![
        "/",
        "/",
        "/",
        "//",
        "%2f",
        "%2F",
        "%252f",
        "\\",
        "%5c",
        "%255c",
        "/./",
        "/%2e/",
        "%c0%af",
        "%e0%80%af",
        "///",
        ";/",
        "/;/",
        "%3b/",
        "/%3B/",
        "/%5c",
        "%09/",
        "/%0a",
    ]);
    let usual = prop::sample::select(vec![
        "admin", "admin", "%61dmin", "public", "x", "..", "..", "%2e%2e", ".", "", ";x", "..;",
    ]);
    let rare = prop::sample::select(RARE.to_vec());
    let name = prop_oneof![2 => usual, 1 => rare];
    let odd = prop_oneof![
        20 => Just(Vec::new()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
        1 => any::<u8>().prop_map(|byte| format!("%{byte:02x}").into_bytes()),
        1 => "\u{e9}|\u{2025}|\u{ff0f}|\u{2216}".prop_map(String::into_bytes),
    ];
    let piece = (slash, name, odd).prop_map(|(slash, name, odd)| [slash.as_bytes(), name.as_bytes(), &odd].concat());
    let beginnings =
        vec![String::new(), String::new(), "/public".to_owned(), "/x".to_owned(), format!("http://{host}")];
    let end = prop::sample::select(vec!["", "", "/", "?", "?/../admin", "#", ";x", "%20", "/."]);
    (prop::sample::select(beginnings), prop::collection::vec(piece, 1..5), end).prop_map(|(beginning, pieces, end)| {
        let mut target = beginning.into_bytes();
        target.extend(pieces.concat());
        target.extend(end.as_bytes());
        target
    })
}

/// Plain readings, so that a run in which nobody hears anything fails.
const KNOWN: [(&str, &str); 4] =
    [("/public/a", "public"), ("/public", "public"), ("/public/./b", "public"), ("/public/../public/x", "public")];

async fn whoever_is_signed_out_reaches_nothing_guarded(table: usize, permits: &str) {
    let folder = tempfile::tempdir().unwrap();
    let readers = Readers::start(folder.path()).await;
    let heard = Heard::default();
    let app = asking(&readers, &heard).await;
    let keys = format!(
        "log: {{ access: false }}\nupstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes:\n{}{permits}{}",
        app.address, TABLES[table], REST[table]
    );
    let house = Installation::with(&keys);
    let _server = house.run().await;
    let mut stranger = Stranger { house: &house, client: None };
    // What is sent as it came has no dots.
    let known = if permits == PERMITS[2] { &KNOWN[..2] } else { &KNOWN };
    for (target, place) in known {
        assert_eq!(stranger.ask(target.as_bytes()).await.status, 200, "{target}");
        for reading in std::mem::take(&mut *heard.lock().unwrap()) {
            assert_eq!(reading.place.as_deref(), Some(*place), "{target}: {reading:?}");
        }
    }
    for target in ["/admin", "/admin/x"] {
        assert_eq!(stranger.ask(target.as_bytes()).await.status, 401, "{target}");
    }
    let mut runner = TestRunner::new(Config::default());
    let targets = targets(&house.public.to_string());
    let mut passed = 0;
    for _ in 0..Config::default().cases.max(500) {
        let target = targets.new_tree(&mut runner).unwrap().current();
        if target.is_empty() || target.iter().any(|byte| matches!(byte, b'\r' | b'\n' | b' ')) {
            continue;
        }
        heard.lock().unwrap().clear();
        let answer = stranger.ask(&target).await;
        let readings = std::mem::take(&mut *heard.lock().unwrap());
        assert_eq!(answer.header("x-passed").is_some(), !readings.is_empty());
        passed += usize::from(!readings.is_empty());
        for reading in readings {
            let shown = String::from_utf8_lossy(&target);
            match (table, reading.place.as_deref()) {
                (_, None | Some("public")) | (0, Some("other")) => {}
                _ => panic!("{shown:?} is let through, and {reading:?}"),
            }
        }
    }
    assert!(passed > 0, "nothing is let through");
}

#[tokio::test]
async fn all_but_one_place_is_open() {
    whoever_is_signed_out_reaches_nothing_guarded(0, PERMITS[0]).await;
}

#[tokio::test]
async fn all_but_one_place_is_open_and_slashes_are_kept() {
    whoever_is_signed_out_reaches_nothing_guarded(0, PERMITS[1]).await;
}

#[tokio::test]
async fn one_place_is_open() {
    whoever_is_signed_out_reaches_nothing_guarded(1, PERMITS[0]).await;
}

#[tokio::test]
async fn one_place_is_open_and_slashes_are_kept() {
    whoever_is_signed_out_reaches_nothing_guarded(1, PERMITS[1]).await;
}

#[tokio::test]
async fn all_but_one_place_is_open_and_paths_are_preserved() {
    whoever_is_signed_out_reaches_nothing_guarded(0, PERMITS[2]).await;
}

#[tokio::test]
async fn one_place_is_open_and_paths_are_preserved() {
    whoever_is_signed_out_reaches_nothing_guarded(1, PERMITS[2]).await;
}
