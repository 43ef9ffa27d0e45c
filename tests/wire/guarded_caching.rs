//! What a shared cache in front may keep of an app's answers: nothing that somebody had to be signed in for.

use http::{HeaderMap, Method};
use tokio::io::AsyncWriteExt as _;

use crate::harness::{App, Client, Door, Http2, Installation, read_request};

/// An app that says of caching what the path after `/case/` names, under every route.
async fn saying_what_is_asked() -> App {
    App::serving(|mut stream, _| async move {
        while let Some(request) = read_request(&mut stream).await {
            let request = String::from_utf8_lossy(&request).into_owned();
            let case = request.split(' ').nth(1).unwrap_or_default().rsplit('/').next().unwrap_or_default();
            let lines = match case {
                "public" => "Content-Type: text/css\r\nCache-Control: public, s-maxage=600, max-age=60\r\n",
                "aged" => "Content-Type: text/html\r\nCache-Control: max-age=60\r\n",
                "expires" => "Content-Type: text/html\r\nExpires: Wed, 21 Oct 2099 07:28:00 GMT\r\n",
                "cdn" => {
                    "Content-Type: text/css\r\nCache-Control: private\r\nCDN-Cache-Control: max-age=60\r\nSurrogate-Control: \
                     max-age=60\r\nX-Accel-Expires: 60\r\n"
                }
                "asset" => "Content-Type: text/css\r\n",
                _ => "Content-Type: text/html\r\n",
            };
            let answer = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok");
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}

const ROUTES: &str = "routes:
  - { path: /public, access: public, upstream: app }
  - { path: /shared, access: signed_in, upstream: app, allow_shared_cache: true }
  - { path: /kept, access: { roles: [admin] }, upstream: app, no_store_documents: false }
  - { path: /, access: signed_in, upstream: app }
";

/// Path, its `Cache-Control`, and whether the headers for shared caches alone are there.
const CASES: [(&str, &str, bool); 17] = [
    ("/x/public", "private, max-age=60", false),
    ("/aged", "private, max-age=60", false),
    ("/expires", "private", false),
    ("/cdn", "private", false),
    ("/asset", "private, no-cache", false),
    ("/page", "no-store", false),
    ("/kept/page", "private, no-cache", false),
    ("/kept/public", "private, max-age=60", false),
    ("/shared/public", "public, s-maxage=600, max-age=60", false),
    ("/shared/aged", "max-age=60", false),
    ("/shared/cdn", "private", true),
    ("/shared/page", "no-store", false),
    ("/shared/asset", "private, no-cache", false),
    ("/public/public", "public, s-maxage=600, max-age=60", false),
    ("/public/cdn", "private", true),
    ("/public/page", "", false),
    ("/public/asset", "", false),
];

fn check(path: &str, told: &HeaderMap, expected: &str, targeted: bool) {
    let told_to = |name| told.get_all(name).iter().map(|line| line.to_str().unwrap()).collect::<Vec<_>>().join(" | ");
    assert_eq!(told_to("cache-control"), expected, "{path}");
    for name in ["cdn-cache-control", "surrogate-control", "x-accel-expires"] {
        assert_eq!(told.contains_key(name), targeted, "{path}: {name}");
    }
    assert_eq!(told.contains_key("expires"), path.ends_with("/expires"), "{path}");
}

#[tokio::test]
async fn no_shared_cache_may_keep_a_guarded_answer() {
    let app = saying_what_is_asked().await;
    let door = Door::plan(&[app.address]).routes(ROUTES).open().await;
    let mut client = door.client().await;
    for (path, expected, targeted) in CASES {
        let answer = client.ask(door.as_alice(&format!("GET {path}"), "")).await;
        assert_eq!(answer.status, 200, "{path}");
        let mut told = HeaderMap::new();
        for (name, value) in answer.head.lines().filter_map(|line| line.split_once(": ")) {
            told.append(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        check(path, &told, expected, targeted);
    }
    let mut stranger = Client::connect(door.address).await;
    let answer = stranger.ask("GET /x/public HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert_eq!((answer.status, answer.header("cache-control")), (401, Some("no-store")));
}

#[tokio::test]
async fn nor_over_http_2() {
    let app = saying_what_is_asked().await;
    let upstream = format!("upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\n", app.address);
    let (house, shown) = Installation::over_tls(&format!("{upstream}{ROUTES}"));
    house.user("alice", &["--role", "admin"]);
    let _server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    let alice = client.sign_in("alice").await;
    for (path, expected, targeted) in CASES {
        let answer = client.get(path, &alice).await;
        assert_eq!(answer.status, 200, "{path}");
        check(path, &answer.headers, expected, targeted);
    }
    let opened = client.request(Method::GET, "/asset").header("cookie", &alice).header("sec-fetch-dest", "document");
    assert_eq!(client.ask(opened, "").await.header("cache-control"), Some("no-store"), "what is opened is a document");
}
