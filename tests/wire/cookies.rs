//! Cookies in bytes: ours is found by one spelling, the app's arrive as they were sent, and no app sets ours.

use crate::harness::{Answer, App, Door};

/// A request with these bytes as its `Cookie` lines.
async fn ask(door: &Door, path: &str, cookies: &[&[u8]]) -> Answer {
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: app.test\r\n").into_bytes();
    for cookie in cookies {
        request.extend([b"Cookie: ", *cookie, b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    door.client().await.ask(request).await
}

#[tokio::test]
async fn k01_what_only_looks_like_our_cookie_opens_nothing() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let value = door.alice.strip_prefix("portcullis=").unwrap();
    let (id, secret) = value.split_once('.').unwrap();
    let values = [
        String::new(),
        "*".to_owned(),
        "{}".to_owned(),
        ":".to_owned(),
        "%00".to_owned(),
        "..".to_owned(),
        id.to_owned(),
        format!("{id}."),
        format!(".{secret}"),
        format!("{id}.*"),
        format!("*.{secret}"),
        format!("{{{id}}}.{secret}"),
        format!("{id}:{secret}"),
        format!("\"{value}\""),
        format!("{value}\""),
        format!("{value}="),
        format!("={value}"),
        format!("{value},"),
        format!("{value}, portcullis={value}"),
        format!("{value}\u{a0}"),
        format!("\u{3000}{value}"),
        value.replace('.', "%2E"),
        value.to_ascii_uppercase(),
        value.repeat(2),
        "a".repeat(4_096),
        "a".repeat(30_000),
        format!("{id}.{}", "a".repeat(30_000)),
    ];
    for value in &values {
        let cookie = format!("portcullis={value}");
        assert_eq!(ask(&door, "/x", &[cookie.as_bytes()]).await.status, 401, "{value:.80}");
    }
    let ours = door.alice.as_str();
    for line in [
        format!("{ours}; {ours}"),
        format!("{ours}; portcullis=x"),
        format!("portcullis; {ours}"),
        format!("\"{ours}\""),
        format!("\u{a0}{ours}"),
        format!("\u{2003}{ours}"),
        format!("x{ours}"),
        format!("${ours}"),
        format!("={ours}"),
        format!("a=1, {ours}"),
        format!("a=1,{ours}"),
        format!("__Host-{ours}"),
        ours.replacen("portcullis", "PORTCULLIS", 1),
        ours.replacen("portcullis", "%70ortcullis", 1),
        ours.replacen("portcullis", "portcullis[]", 1),
        ours.replacen('=', "%3D", 1),
    ] {
        assert_eq!(ask(&door, "/x", &[line.as_bytes()]).await.status, 401, "{line}");
    }
    assert_eq!(ask(&door, "/x", &[ours.as_bytes(), ours.as_bytes()]).await.status, 401, "in two lines");
    for broken in [&b"a=1\r\n b=2"[..], b"a=1\nb=2", b"a=1\rb=2", b"a=\0"] {
        assert_eq!(ask(&door, "/x", &[&[broken, b"; ", ours.as_bytes()].concat()]).await.status, 400, "{broken:?}");
    }
    assert_eq!(app.received(), "");
    assert!(
        door.metrics.render().contains("portcullis_session_lookups_total{result=\"away\"} 0"),
        "{}",
        door.metrics.render()
    );
}

#[tokio::test]
async fn the_apps_cookies_arrive_byte_for_byte_around_ours() {
    let ours = b"portcullis-flash=x";
    for (sent, arrives) in [
        (vec![&b"$Version=1; @; $Path=/"[..]], vec![&b"$Version=1; $Path=/"[..]]),
        (vec![b"$Version=\"1\"; a=\"x; @; y\""], vec![b"$Version=\"1\"; a=\"x; y\""]),
        (vec![b"a=\"1; @"], vec![b"a=\"1"]),
        (vec![b"@; a=%00%0d%0a; a=1, b=2;;  ;c"], vec![b"a=%00%0d%0a; a=1, b=2;;  ;c"]),
        (vec![b"a=\xff\xfe", b"@", b"\xc2\xa0b=\xe2\x80\x83"], vec![b"a=\xff\xfe", b"\xc2\xa0b=\xe2\x80\x83"]),
        (vec![b"@;@; @ ;  @"], vec![]),
        (vec![b"*={}; :=:; @; =x; x"], vec![b"*={}; :=:; =x; x"]),
    ] {
        let app = App::ok().await;
        let door = Door::before(&app).await;
        let filled: Vec<Vec<u8>> = sent
            .iter()
            .enumerate()
            .map(|(line, sent)| {
                let mut parts = sent.split(|byte| *byte == b'@').map(<[u8]>::to_vec);
                let mut filled = parts.next().unwrap();
                for (place, part) in parts.enumerate() {
                    filled.extend(if (line, place) == (0, 0) { door.alice.as_bytes() } else { ours });
                    filled.extend(part);
                }
                filled
            })
            .collect();
        let mut lines: Vec<&[u8]> = filled.iter().map(Vec::as_slice).collect();
        if !sent[0].contains(&b'@') {
            lines.push(door.alice.as_bytes());
        }
        assert_eq!(ask(&door, "/x", &lines).await.status, 200, "{sent:?}");
        let received = app.received_bytes();
        assert!(!app.received().contains("portcullis"), "{}", app.received());
        let expected: Vec<u8> = arrives.iter().flat_map(|line| [b"Cookie: ", *line, b"\r\n"].concat()).collect();
        assert!(
            received.windows(expected.len().max(1)).any(|part| part == expected || expected.is_empty()),
            "{}",
            app.received()
        );
        assert_eq!(app.header("cookie").len(), arrives.len());
    }
}

#[tokio::test]
async fn a_long_cookie_of_the_app_arrives_whole_or_not_at_all() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    let long = format!("a={}", "x".repeat(30_000));
    assert_eq!(ask(&door, "/x", &[format!("{long}; {}", door.alice).as_bytes()]).await.status, 200);
    assert_eq!(app.header("cookie"), [long]);
    let longer = format!("a={}; {}", "x".repeat(33_000), door.alice);
    assert_eq!(ask(&door, "/x", &[longer.as_bytes()]).await.status, 431);
    assert_eq!(app.requests(), 1);
}

#[tokio::test]
async fn no_spelling_of_an_app_sets_our_cookie() {
    let app = App::answering(
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: ok=1; Path=/\r\nset-cookie:portcullis=x\r\nSET-COOKIE:\t portcullis\t=x; \
          Path=/\r\nSet-Cookie: =portcullis=x\r\nSet-Cookie: = portcullis=x\r\nSet-Cookie: portcullis\r\nSet-Cookie: =portcullis\r\n\
          Set-Cookie: __Host-portcullis=x; Secure; Path=/\r\nSet-Cookie: __Secure-portcullis=x; Secure\r\n\
          Set-Cookie: portcullis-device=x\r\nSet-Cookie: portcullis-pending=\r\nSet-Cookie: portcullis=; Max-Age=0\r\n\
          Set-Cookie: a=1; Path=/, portcullis=x; Path=/\r\nSet-Cookie: a=1,__Host-portcullis=x\r\nSet-Cookie: b=portcullis=x\r\n\
          Set-Cookie: d=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT\r\n\r\n",
    )
    .await;
    let door = Door::before(&app).await;
    for path in ["/x", "/public"] {
        let answer = door.client().await.ask(door.as_alice(&format!("GET {path}"), "")).await;
        let expected = ["ok=1; Path=/", "b=portcullis=x", "d=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT"];
        let (ours, its): (Vec<_>, Vec<_>) =
            answer.headers("set-cookie").into_iter().partition(|line| line.starts_with("portcullis"));
        assert_eq!(its, expected);
        assert!(ours.len() == 1 && ours.iter().all(|line| line.starts_with("portcullis-app-")), "{ours:?}");
    }
}
