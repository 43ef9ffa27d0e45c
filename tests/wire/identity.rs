//! P3: no identity that a client sent reaches an app.

use crate::harness::{App, Door};

#[tokio::test]
async fn a01_the_app_is_told_who_is_signed_in_and_not_who_says_so() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let request = door.as_alice("GET /x", "Remote-User: root\r\nRemote-Groups: wheel\r\n");
    assert_eq!(door.client().await.ask(request).await.status, 200);
    assert_eq!(app.header("remote-user"), ["alice"]);
    assert_eq!(app.header("remote-name"), ["Alice \u{c5}ngstr\u{f6}m"]);
    assert_eq!(app.header("remote-email"), ["alice@example.com"]);
    assert_eq!(app.header("remote-groups"), ["admin,staff"]);
    assert!(door.metrics.render().contains("portcullis_spoofed_identity_headers_total 2"));
}

#[tokio::test]
async fn a03_no_alias_reaches_the_app_on_any_route() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let lies =
        "Remote_User: root\r\nREMOTE.USER: root\r\nX-WEBAUTH-USER: root\r\nx_forwarded_email: root\r\nProxy: root\r\n";
    for request in [
        door.as_alice("GET /x", lies),
        door.as_alice("OPTIONS /x", lies),
        door.as_alice(
            "GET /ws",
            &format!("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n{lies}"),
        ),
        format!("GET /public HTTP/1.1\r\nHost: app.test\r\n{lies}\r\n"),
        format!("OPTIONS /public HTTP/1.1\r\nHost: app.test\r\n{lies}\r\n"),
    ] {
        assert_eq!(door.client().await.ask(request).await.status, 200);
    }
    assert_eq!(app.requests(), 5);
    assert!(!app.received().contains("root"), "{}", app.received());
    assert_eq!(app.header("remote-user").len(), 3, "nobody on public routes");
}

#[tokio::test]
async fn a06_identity_cannot_be_nominated_away() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let request = door.as_alice("GET /x", "Connection: close, Remote-User, X-Request-Id\r\nRemote-User: root\r\n");
    assert_eq!(door.client().await.ask(request).await.status, 200);
    assert_eq!(app.header("remote-user"), ["alice"]);
    assert_eq!(app.header("x-request-id").len(), 1);
    assert!(app.header("connection").is_empty() && app.header("keep-alive").is_empty());
}

#[tokio::test]
async fn a08_our_cookie_stays_and_the_apps_arrive_byte_for_byte() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let mut request = b"GET /x HTTP/1.1\r\nHost: app.test\r\nCookie: a=1;  b=".to_vec();
    request.extend(b"\xff\xfe; ");
    request.extend(door.alice.as_bytes());
    request.extend(b"; portcullis-device=d;c={\"x\": 1}\r\n\r\n");
    assert_eq!(door.client().await.ask(request).await.status, 200);
    let received = app.received_bytes();
    let expected = b"Cookie: a=1;  b=\xff\xfe;c={\"x\": 1}\r\n";
    assert!(received.windows(expected.len()).any(|part| part == expected), "{}", app.received());
    assert!(!app.received().contains("portcullis"));
}

#[tokio::test]
async fn the_app_is_told_where_the_request_came_from_by_us_alone() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let lies = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Real-IP: 6.6.6.6\r\n\
                Forwarded: for=6.6.6.6\r\nX-Request-Id: mine\r\nX-Original-URL: /admin\r\n";
    let answer = door.client().await.ask(door.as_alice("GET //a/./b?q=%2F", lies)).await;
    assert_eq!(app.header("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(app.header("x-forwarded-proto"), ["http"]);
    assert_eq!(app.header("x-forwarded-host"), ["app.test"]);
    assert_eq!(app.header("host"), ["app.test"]);
    let id = app.header("x-request-id");
    assert!(id.len() == 1 && id[0].len() == 32 && answer.header("x-request-id") == Some(&id[0]));
    for lie in ["6.6.6.6", "evil", "mine", "/admin"] {
        assert!(!app.received().contains(lie), "{lie}");
    }
    assert!(app.received().starts_with("GET /a/b?q=%2F HTTP/1.1\r\n"), "{}", app.received());
}

#[tokio::test]
async fn nothing_by_which_apps_find_out_address_host_scheme_or_path_comes_from_the_client() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let names = [
        // The address.
        "Client-IP",
        "X-Client-IP",
        "X-Originating-IP",
        "X-Cluster-Client-IP",
        "X-Cluster-IP",
        "X-Real-IP",
        "X-RealIP",
        "X-Remote-IP",
        "X-Remote-Addr",
        "X-ProxyUser-Ip",
        "True-Client-IP",
        "CF-Connecting-IP",
        "CF-Connecting-IPv6",
        "CF-Pseudo-IPv4",
        "Fastly-Client-IP",
        "Fly-Client-IP",
        "DO-Connecting-IP",
        "X-Azure-ClientIP",
        "X-Azure-SocketIP",
        "X-AppEngine-User-IP",
        "X-Envoy-External-Address",
        "X-NF-Client-Connection-IP",
        "CloudFront-Viewer-Address",
        "X-Vercel-Forwarded-For",
        "X-Forwarded-For",
        "X-Forwarded",
        "Forwarded-For",
        "Forwarded",
        "Via-IP",
        "WL-Proxy-Client-IP",
        "Proxy-Client-IP",
        "X-Coming-From",
        "X-Custom-IP-Authorization",
        // The host and the port.
        "X-Host",
        "X-HTTP-Host-Override",
        "X-Forwarded-Host",
        "X-Forwarded-Server",
        "X-Forwarded-Port",
        "X-Original-Host",
        "X-Backend-Host",
        // The scheme.
        "X-Scheme",
        "X-URL-Scheme",
        "X-Forwarded-Proto",
        "X-Forwarded-Scheme",
        "X-Forwarded-Ssl",
        "X-Forwarded-Protocol",
        "Front-End-Https",
        "CF-Visitor",
        "CloudFront-Forwarded-Proto",
        "X-ARR-SSL",
        // The path.
        "X-Original-URL",
        "X-Original-URI",
        "X-Rewrite-URL",
        "X-Rewrite-URI",
        "X-Forwarded-Uri",
        "X-Forwarded-Prefix",
        "X-Forwarded-Path",
        "X-Script-Name",
        "X-Request-URI",
        "X-Envoy-Original-Path",
        "X-Override-URL",
    ];
    for name in names {
        for name in [name.to_owned(), name.replace('-', "_").to_ascii_uppercase()] {
            let request = format!("GET /public HTTP/1.1\r\nHost: app.test\r\n{name}: planted\r\n\r\n");
            assert_eq!(door.client().await.ask(request).await.status, 200);
            assert!(!app.received().contains("planted"), "{name} reaches the app");
        }
    }
    for name in ["X-HTTP-Method-Override", "X-Requested-With", "X-Client-Version", "Via", "Hosting", "X-Hostess"] {
        let request = format!("GET /public HTTP/1.1\r\nHost: app.test\r\n{name}: theirs\r\n\r\n");
        assert_eq!(door.client().await.ask(request).await.status, 200);
        assert_eq!(app.header(name), ["theirs"], "{name} is the app's affair");
    }
}

#[tokio::test]
async fn the_app_is_told_the_scheme_that_visitors_see() {
    for (public_url, scheme, lie) in [("https://app.test", "https", "http"), ("http://app.test", "http", "https")] {
        let app = App::ok().await;
        let door = Door::plan(&[app.address]).public_url(public_url).open().await;
        let request = door.as_alice("GET /x", &format!("X-Forwarded-Proto: {lie}\r\n"));
        assert_eq!(door.client().await.ask(request).await.status, 200);
        assert_eq!(app.header("x-forwarded-proto"), [scheme], "{public_url}");
    }
}

#[tokio::test]
async fn a_trailer_carries_nothing() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let head = door.as_alice("POST /x", "Transfer-Encoding: chunked\r\nTrailer: Remote-User\r\n");
    let answer = door.client().await.ask(format!("{head}3\r\nabc\r\n0\r\nRemote-User: root\r\n\r\n")).await;
    assert_eq!(answer.status, 200);
    assert!(!app.received().contains("root") && app.received().contains("3\r\nabc\r\n0\r\n\r\n"), "{}", app.received());
}

#[tokio::test]
async fn an_app_cannot_set_our_cookies() {
    let app = App::answering(
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: __Host-portcullis=x\r\nSet-Cookie: portcullis=y\r\n\
          Set-Cookie: b=2\r\nPortcullis-Session: start; user=\"root\"\r\nServer: app/1\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let door = Door::before(&app).await;
    let answer = door.client().await.ask(door.as_alice("GET /x", "")).await;
    let cookies = answer.headers("set-cookie");
    // Besides, those of the app are remembered for the day when somebody signs out.
    let (remembered, apps): (Vec<&str>, Vec<&str>) =
        cookies.iter().copied().partition(|cookie| cookie.starts_with("portcullis-app-"));
    assert_eq!(apps, ["a=1; Path=/", "b=2"]);
    assert_eq!(remembered.len(), 1, "{cookies:?}");
    assert!(answer.header("portcullis-session").is_none());
    assert_eq!(answer.header("server"), Some("app/1"));
}

#[tokio::test]
async fn an_app_cannot_set_our_cookie_in_early_hints_either() {
    let app = App::answering(
        b"HTTP/1.1 103 Early Hints\r\nSet-Cookie: portcullis=hint\r\nLink: </a.css>\r\n\r\n\
          HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    let door = Door::before(&app).await;
    let mut client = door.client().await;
    client.send(door.as_alice("GET /x", "")).await;
    let early = client.head().await;
    assert!(early.starts_with("HTTP/1.1 103") && early.contains("a.css"), "{early}");
    assert!(!early.contains("portcullis=hint"), "{early}");
    assert_eq!(client.answer(true).await.status, 200);
}
