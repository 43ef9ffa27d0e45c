//! A balancer that says whom it brings: believed where it is listed, and nobody else is served.

use crate::harness::{App, Client, Http2, Installation, PASSWORD, Running, Shown, Streaming, until};

async fn town(app: &App, more: &str) -> (Installation, Shown, Running) {
    let (house, shown) = Installation::over_tls("upstream: http://127.0.0.1:9\n");
    house.configure(&format!("upstream: http://{}\nproxy_protocol: true\n{more}", app.address));
    house.user("alice", &[]);
    let server = house.run().await;
    (house, shown, server)
}

/// Version 2, of this address.
fn binary(address: [u8; 4]) -> Vec<u8> {
    [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", &address[..], &[127, 0, 0, 1, 0x10, 0, 1, 187]].concat()
}

fn sign_in(at: std::net::SocketAddr, name: &str, password: &str) -> String {
    let body = format!(r#"{{"username":"{name}","password":"{password}"}}"#);
    format!(
        "POST /security/api/v1/sign-in HTTP/1.1\r\nHost: {at}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         X-Forwarded-For: 192.0.2.99\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn the_visitor_is_who_was_introduced() {
    let app = App::ok().await;
    let (house, _, server) = town(&app, "trusted_proxies: [127.0.0.1/32]\n").await;
    for (header, ip) in [
        (&b"PROXY TCP4 203.0.113.7 10.0.0.1 4096 443\r\n"[..], "203.0.113.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 4096 443\r\n", "2001:db8::7"),
        (b"PROXY TCP6 ::ffff:203.0.113.9 ::1 4096 443\r\n", "203.0.113.9"),
        (&binary([203, 0, 113, 8]), "203.0.113.8"),
        // A balancer that names nobody: what comes may be a visitor's, and is not believed.
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    ] {
        let mut client = Client::connect(house.public).await;
        client.send(header).await;
        let answer = client.ask(sign_in(house.public, "alice", PASSWORD)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains(&format!(r#""ip":"{ip}""#)), "{ip}: {}", answer.text());
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        client.ask(format!("GET /app HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n", house.public)).await;
        assert_eq!(app.header("x-forwarded-for").last().map(String::as_str), Some(ip));
        server.says(&format!(r#""ip":"{ip}""#)).await;
    }
}

#[tokio::test]
async fn who_is_not_introduced_is_not_served() {
    let app = App::ok().await;
    let (house, _, server) = town(&app, "trusted_proxies: [127.0.0.1/32]\n").await;
    for sent in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 4096\r\n",
        "\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0",
    ] {
        let mut client = Client::connect(house.public).await;
        client.send(sent).await;
        assert!(client.is_closed().await, "{sent:?}");
    }
    server.metric_becomes("portcullis_connections_refused_total{reason=\"proxy_header\"}", 3.0).await;
    // Whoever only looks whether the port is open is not worth a word: the harness did.
    server.says("Connection refused: it begins with no PROXY header").await;
    server.stop().await;

    // From where it is not listed it is not believed, whatever it says.
    let (house, _, _server) = town(&app, "trusted_proxies: [192.0.2.0/24]\n").await;
    let mut client = Client::connect(house.public).await;
    client.send("PROXY TCP4 192.0.2.1 10.0.0.1 4096 443\r\n").await;
    client.send(sign_in(house.public, "alice", PASSWORD)).await;
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn each_visitor_behind_a_balancer_has_an_address_of_their_own() {
    let app = App::ok().await;
    let more = "trusted_proxies: [127.0.0.1/32]\nlimits: { connections_per_address: 2 }\n";
    let (house, _, server) = town(&app, more).await;
    let connect = async |last: u8| {
        let mut client = Client::connect(house.public).await;
        client.send(binary([203, 0, 113, last])).await;
        client
    };
    let look = format!("GET /security/sign-in HTTP/1.1\r\nHost: {}\r\n\r\n", house.public);
    let mut open = [connect(1).await, connect(1).await, connect(2).await, connect(2).await, connect(3).await];
    for client in &mut open {
        assert_eq!(client.ask(&look).await.status, 200);
    }
    assert!(connect(1).await.is_closed().await);
    server.metric_becomes("portcullis_connections_refused_total{reason=\"address\"}", 1.0).await;
    drop(open);

    // Tries at many names are counted by visitor, and not against the others.
    let mut spraying = connect(4).await;
    let mut statuses = Vec::new();
    // As many as one address has, and one more.
    for number in 0..51 {
        statuses.push(spraying.ask(sign_in(house.public, &format!("nobody-{number}"), "wrong")).await.status);
    }
    assert_eq!((statuses[49], statuses[50]), (401, 429), "{statuses:?}");
    let mut other = connect(5).await;
    assert_eq!(other.ask(sign_in(house.public, "alice", PASSWORD)).await.status, 200);
}

#[tokio::test]
async fn tls_comes_after_the_introduction() {
    let app = App::ok().await;
    let (house, shown) = Installation::over_tls("upstream: http://127.0.0.1:9\n");
    house.configure(&format!(
        "upstream: http://{}\nproxy_protocol: true\ntrusted_proxies: [127.0.0.1/32]\n\
         tls: {{ certificate_file: tls.crt, key_file: tls.key }}\n",
        app.address
    ));
    house.user("alice", &[]);
    let server = house.run().await;
    for header in [&b"PROXY TCP4 203.0.113.7 10.0.0.1 4096 443\r\n"[..], &binary([203, 0, 113, 7])] {
        let client = Http2::connect_behind(house.public, &shown, header).await;
        let cookie = client.sign_in("alice").await;
        assert_eq!(client.get("/app", &cookie).await.text(), "ok");
        assert_eq!(app.header("x-forwarded-for").last().map(String::as_str), Some("203.0.113.7"));
    }
    assert!(shown.connect(house.public, &["h2"]).await.is_err());
    server.metric_becomes("portcullis_connections_refused_total{reason=\"proxy_header\"}", 1.0).await;
}

/// Else one connection of HTTP/2 could need as many connections to apps as all visitors have.
#[tokio::test]
async fn requests_of_http2_beside_each_other_take_seats_like_connections() {
    let app = Streaming::open().await;
    let (house, shown) = Installation::over_tls("upstream: http://127.0.0.1:9\n");
    house.configure(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes: [{{ path: /, access: public, upstream: app }}]\n\
         proxy_protocol: true\ntrusted_proxies: [127.0.0.1/32]\nlimits: {{ connections_per_address: 3 }}\n\
         tls: {{ certificate_file: tls.crt, key_file: tls.key }}\n",
        app.address
    ));
    let server = house.run().await;
    let client = Http2::connect_behind(house.public, &shown, &binary([203, 0, 113, 9])).await;
    let other = Http2::connect_behind(house.public, &shown, &binary([203, 0, 113, 10])).await;
    let begin = async |client: &Http2, path: &str| {
        client.begin(client.request(http::Method::GET, path).body(()).unwrap(), true).await.0.await
    };
    let mut open = Vec::new();
    for number in 0..3 {
        open.push(begin(&client, &format!("/{number}/events")).await.unwrap());
    }
    let refused = begin(&client, "/more/events").await.unwrap_err();
    assert_eq!(refused.reason(), Some(h2::Reason::REFUSED_STREAM));
    server.metric_becomes("portcullis_connections_refused_total{reason=\"address\"}", 1.0).await;
    assert_eq!(begin(&other, "/other/events").await.unwrap().status(), 200, "each has seats of their own");
    drop(open.pop());
    app.has_lost("/2/events").await;
    until("a seat to be free", async || begin(&client, "/again/events").await.ok()).await;
}
