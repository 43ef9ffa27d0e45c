//! Letters that no URL may hold, and that clients send: over both versions of HTTP they arrive, encoded.

use http::Method;

use crate::harness::{App, Door, Http2, Installation};

const ROUTES: &str = "routes:
- { path: /signed, access: public, upstream: app, preserve_path: true }
- { path: /, access: public, upstream: app }
";

/// Targets as bytes, and what arrives.
const OVER_HTTP_1: [(&[u8], &[u8]); 13] = [
    (b"/a\"<b>`|^{}[]", b"/a%22%3Cb%3E%60%7C%5E%7B%7D%5B%5D"),
    (b"/?a=\"<b>`|^{}[]\\'", b"/?a=%22%3Cb%3E%60%7C%5E%7B%7D[]%5C'"),
    (b"/caf\xe9?x=\xe9", b"/caf%E9?x=%E9"),
    (b"/caf\xc3\xa9?x=\xc3\xa9", b"/caf%C3%A9?x=%C3%A9"),
    (b"http://app.test/a<b>\xff?`\"", b"/a%3Cb%3E%FF?%60%22"),
    (b"/files/a%3bb;c%5cd%09e%0af", b"/files/a%3Bb;c%5Cd%09e%0Af"),
    (b"/signed/%7e%3b\"|^{}[]?`|^{}[]\\%7e", b"/signed/%7e%3b\"|^{}[]?`|^{}[]\\%7e"),
    (b"/signed/caf\xc3\xa9//%2f?\xc3\xbf", b"/signed/caf\xc3\xa9//%2f?\xc3\xbf"),
    (b"/signed/caf\xe9//%2f?\xff", b"/signed/caf%E9//%2f?%FF"),
    (b"/signed/<`?\"<>", b"/signed/%3C%60?%22%3C%3E"),
    (b"http://app.test/signed/%7e", b"/signed/%7e"),
    (b"/signed", b"/signed"),
    (b"/signed?", b"/signed?"),
];

#[tokio::test]
async fn odd_bytes_arrive_over_http_1() {
    let app = App::ok().await;
    let door = Door::plan(&[app.address]).routes(ROUTES).open().await;
    let mut client = door.client().await;
    for (target, arrives) in OVER_HTTP_1 {
        for (method, body) in [("GET", &b""[..]), ("POST", b"<`\">")] {
            app.forget();
            let length = format!("Content-Length: {}\r\n", body.len());
            let head =
                [method.as_bytes(), b" ", target, b" HTTP/1.1\r\nHost: app.test\r\nX: <`\">\r\n", length.as_bytes()];
            let request = [&head.concat(), &b"\r\n"[..], body].concat();
            let shown = String::from_utf8_lossy(target).into_owned();
            assert_eq!(client.ask(request).await.status, 200, "{shown}");
            let received = app.received_bytes();
            let line = received.split(|byte| *byte == b'\r').next().unwrap();
            let expected = [method.as_bytes(), b" ", arrives, b" HTTP/1.1"].concat();
            assert_eq!(String::from_utf8_lossy(line), String::from_utf8_lossy(&expected), "{shown}");
            assert!(line == expected && received.ends_with(body));
        }
    }
    for target in ["/a#b", "/a?b#c", "/signed/#", "/a\tb", "/a b", "/a\u{7f}"] {
        let mut client = door.client().await;
        let answer = client.ask(format!("GET {target} HTTP/1.1\r\nHost: app.test\r\n\r\n")).await;
        assert_eq!(answer.status, 400, "{target:?}");
    }
}

#[tokio::test]
async fn odd_bytes_arrive_over_http_2() {
    let app = App::ok().await;
    let (house, shown) =
        Installation::over_tls(&format!("upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\n{ROUTES}", app.address));
    let _server = house.run().await;
    let client = Http2::connect(house.public, &shown).await;
    for (target, arrives) in [
        ("/a\"|^{}[]?`|^{}[]'\\", "/a%22%7C%5E%7B%7D%5B%5D?%60%7C%5E%7B%7D[]'%5C"),
        ("/caf\u{e9}?x=\u{e9}", "/caf%C3%A9?x=%C3%A9"),
        ("/files/a%3bb;c%5cd%09e%0af", "/files/a%3Bb;c%5Cd%09e%0Af"),
        ("/signed/%7e%3b\"|^{}[]\u{e9}?`|^{}[]\\%7e", "/signed/%7e%3b\"|^{}[]\u{e9}?`|^{}[]\\%7e"),
        ("/signed//a%2fb", "/signed//a%2fb"),
    ] {
        app.forget();
        assert_eq!(client.ask(client.request(Method::GET, target), "").await.status, 200, "{target}");
        assert_eq!(app.received().split(' ').nth(1), Some(arrives), "{target}");
    }
    for (target, says) in [
        ("/signed/a/../x", "which no key allows"),
        ("/signed/a%00", "a null byte (%00)"),
        ("/security%3bx", "an encoded semicolon (%3b)"),
        ("/x%2fy", "routes[].allow_encoded_slash"),
    ] {
        let came = client.ask(client.request(Method::GET, target), "").await;
        assert!(came.status == 400 && came.text().contains(says), "{target}: {}", came.text());
    }
}
