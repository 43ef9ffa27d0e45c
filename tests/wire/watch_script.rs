//! The script that watches a session, behind documents of guarded routes (`branding.watch`): nothing of an answer is broken by it.

use http::Method;

use crate::harness::{App, Client, Door, Http2, Installation};

const LINE: &str = "\n<script src=\"/security/assets/watch.js\" defer></script>\n\n";

/// What a browser says that opens a page.
const OPENS: &str = "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n";

async fn asked(answer: &'static str, request: &str, lines: &str) -> crate::harness::Answer {
    let app = App::answering(answer.as_bytes()).await;
    let door = Door::plan(&[app.address]).keys("branding: { watch: true }\n").open().await;
    let mut client: Client = door.client().await;
    let first = client.ask(door.as_alice(request, lines)).await;
    // The connection goes on: no byte is missing, and none is left over.
    assert_eq!(client.ask(door.as_alice("GET /security/api/v1/me", "")).await.status, 200);
    first
}

#[tokio::test]
async fn a_document_with_a_length_and_one_in_chunks_get_it() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"a\"\r\nContent-Length: 9\r\n\r\n<p>Tea</p",
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"a\"\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<p>T\r\n5\r\nea</p\r\n0\r\n\r\n",
    ] {
        let answer = asked(answer, "GET /page", OPENS).await;
        assert_eq!(answer.text(), format!("<p>Tea</p{LINE}"));
        assert_eq!(answer.header("etag"), Some("W/\"a-portcullis-watch\""));
    }
}

#[tokio::test]
async fn what_is_no_whole_document_of_a_guarded_route_is_as_it_was() {
    const PAGE: &str =
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"a\"\r\nContent-Length: 9\r\n\r\n<p>Tea</p";
    const GZIP: &str =
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n<p>Tea</p";
    const STRICT: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Security-Policy: script-src 'none'\r\nContent-Length: 9\r\n\r\n<p>Tea</p";
    const REPORTED: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Security-Policy-Report-Only: script-src 'none'\r\nContent-Length: 9\r\n\r\n<p>Tea</p";
    const UTF_16: &str =
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=UTF-16LE\r\nContent-Length: 9\r\n\r\n<p>Tea</p";
    const LOST: &str = "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n<p>Tea</p";
    for (answer, request, lines) in [
        (PAGE, "GET /public/page", OPENS),
        (PAGE, "GET /page", "Sec-Fetch-Dest: iframe\r\n"),
        (PAGE, "GET /page", "Sec-Fetch-Dest: empty\r\n"),
        (PAGE, "POST /page", "Sec-Fetch-Dest: document\r\nContent-Length: 0\r\n"),
        (GZIP, "GET /page", OPENS),
        (STRICT, "GET /page", OPENS),
        (REPORTED, "GET /page", OPENS),
        (UTF_16, "GET /page", OPENS),
        (LOST, "GET /page", OPENS),
    ] {
        let answer = asked(answer, request, lines).await;
        assert_eq!(answer.text(), "<p>Tea</p", "{request} {lines}");
        assert!(answer.header("etag").is_none_or(|tag| tag == "\"a\""), "{request} {lines}");
    }
}

#[tokio::test]
async fn the_app_hears_its_own_tag_and_the_browser_keeps_its_page() {
    let app = App::answering(b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n").await;
    let door = Door::plan(&[app.address]).keys("branding: { watch: true }\n").open().await;
    let lines = format!("{OPENS}If-None-Match: W/\"a-portcullis-watch\"\r\n");
    let answer = door.client().await.ask(door.as_alice("GET /page", &lines)).await;
    assert_eq!((answer.status, answer.header("etag")), (304, Some("W/\"a-portcullis-watch\"")));
    assert_eq!(app.header("if-none-match"), ["\"a\""]);
}

#[tokio::test]
async fn a_page_is_changed_under_the_condition_that_the_app_compares() {
    for (own, shown) in [("\"v1\"", "W/\"v1-portcullis-watch\""), ("W/\"v1\"", "W/\"v1-portcullis-watch-weak\"")] {
        let answer =
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: {own}\r\nContent-Length: 3\r\n\r\n<p>");
        let app = App::answering(answer.leak().as_bytes()).await;
        let door = Door::plan(&[app.address]).keys("branding: { watch: true }\n").open().await;
        let mut client = door.client().await;
        let page = client.ask(door.as_alice("GET /page", OPENS)).await;
        assert_eq!(page.header("etag"), Some(shown));
        app.forget();
        let lines = format!("If-Match: {shown}\r\nContent-Length: 0\r\nSec-Fetch-Site: same-origin\r\n");
        client.ask(door.as_alice("PUT /page", &lines)).await;
        assert_eq!(app.header("if-match"), [own]);
    }
}

#[tokio::test]
async fn a_length_that_no_sum_can_hold_leaves_the_answer_alone() {
    let app = App::answering(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 18446744073709551615\r\n\r\n<p>Tea</p",
    )
    .await;
    let door = Door::plan(&[app.address]).keys("branding: { watch: true }\n").open().await;
    let mut client = door.client().await;
    client.send(door.as_alice("GET /page", OPENS)).await;
    let head = client.head().await;
    assert!(head.contains("18446744073709551615") || head.starts_with("HTTP/1.1 502"), "{head}");
    assert_eq!(door.client().await.ask(door.as_alice("GET /security/api/v1/me", "")).await.status, 200);
}

#[tokio::test]
async fn a_document_that_begins_in_utf_16_gets_blanks_of_its_own() {
    let answer = asked(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n\u{0}\u{0}<p",
        "GET /page",
        OPENS,
    )
    .await;
    assert!(answer.text().ends_with(LINE), "no byte order mark");
    let app =
        App::answering(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n\xFF\xFEa\0").await;
    let door = Door::plan(&[app.address]).keys("branding: { watch: true }\n").open().await;
    let answer = door.client().await.ask(door.as_alice("GET /page", OPENS)).await;
    assert_eq!(answer.body, [b"\xFF\xFEa\0".to_vec(), b" \0".repeat(LINE.len() / 2)].concat());
}

#[tokio::test]
async fn over_http2_it_is_the_same_and_without_the_key_there_is_none() {
    let app = App::answering(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n<p>Tea</p").await;
    for (key, page) in [("branding: { watch: true }\n", format!("<p>Tea</p{LINE}")), ("", "<p>Tea</p".to_owned())] {
        let (house, shown) = Installation::over_tls(&format!("upstream: http://{}\n{key}", app.address));
        house.user("alice", &[]);
        let _server = house.run().await;
        let client = Http2::connect(house.public, &shown).await;
        let alice = client.sign_in("alice").await;
        let request = client.request(Method::GET, "/page").header("cookie", alice).header("sec-fetch-dest", "document");
        assert_eq!(client.ask(request, "").await.text(), page);
    }
}
