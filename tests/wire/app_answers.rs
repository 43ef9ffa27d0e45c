//! Answers of an app that is broken, or in somebody else's hands: its visitor gets a clean 502 or a closed connection, and the
//! next one, over the same pool of connections, the answer to their own request.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::Notify,
};

use crate::harness::{App, Door, read_request};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody";
const EVIL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Evil: yes\r\n\r\nevil";

/// An app that gives this answer under `/public/case`, and anywhere else says what was asked for. It keeps its connections.
async fn saying(answer: impl Into<Vec<u8>>) -> App {
    let answer: Arc<[u8]> = answer.into().into();
    App::serving(move |mut stream, app| {
        let answer = Arc::clone(&answer);
        async move {
            while let Some(request) = read_request(&mut stream).await {
                app.keep(&request);
                let text = String::from_utf8_lossy(&request).into_owned();
                let target = text.split(' ').nth(1).unwrap_or_default();
                let own = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}", target.len());
                let said = if target == "/public/case" { &answer } else { own.as_bytes() };
                if stream.write_all(said).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

async fn before(app: &App) -> Door {
    Door::plan(&[app.address]).read(Duration::from_millis(500)).open().await
}

fn asking(method: &str) -> String {
    format!("{method} /public/case HTTP/1.1\r\nHost: app.test\r\n\r\n")
}

/// Other visitors get their own answers, whatever has been left in the pool.
async fn others_get_their_own(door: &Door, shown: &str) {
    let mut client = door.client().await;
    for turn in 0..3 {
        let target = format!("/public/own/{turn}");
        let answer = client.ask(format!("GET {target} HTTP/1.1\r\nHost: app.test\r\n\r\n")).await;
        assert_eq!((answer.status, answer.text()), (200, target), "after {shown:?}");
        assert_eq!(answer.header("x-evil"), None, "after {shown:?}");
    }
}

fn shown(answer: &[u8]) -> String {
    String::from_utf8_lossy(&answer[..answer.len().min(120)]).into_owned()
}

#[tokio::test]
async fn an_answer_with_two_readings_or_none_is_a_502() {
    let line = |line: &str| format!("HTTP/1.1 200 OK\r\n{line}\r\nContent-Length: 4\r\n\r\nbody").into_bytes();
    let framed = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n4\r\nbody\r\n0\r\n\r\n").into_bytes();
    let begun = |begin: &str| format!("{begin}\r\nContent-Length: 4\r\n\r\nbody").into_bytes();
    for answer in [
        framed("Content-Length: 4\r\nContent-Length: 4"),
        framed("Content-Length: 4\r\nContent-Length: 5"),
        framed("Content-Length: 4, 4"),
        framed("Content-Length: +4"),
        framed("Content-Length: -4"),
        framed("Content-Length: 0x4"),
        framed("Content-Length: "),
        framed("Content-Length: 99999999999999999999"),
        framed("Transfer-Encoding: identity\r\nContent-Length: 4"),
        framed("Transfer-Encoding: identity"),
        framed("Transfer-Encoding: xchunked"),
        framed("Transfer-Encoding: chunked, identity"),
        framed("Transfer-Encoding: gzip, chunked"),
        framed("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        line("no colon"),
        line("X: a\0b"),
        line("X: a\rb"),
        line("X: a\rSet-Cookie: portcullis=evil"),
        line("X: a\x01b"),
        line("X Y: a"),
        line(": a"),
        line(" folded"),
        line(&"X: y\r\n".repeat(300)),
        line(&format!("X: {}", "y".repeat(1_100_000))),
        begun("HTTP/1.1 200 O\x01K"),
        begun("HTTP/1.1 099 Odd"),
        begun("HTTP/1.1 20 OK"),
        begun("HTTP/1.1 2000 OK"),
        begun("HTTP/1.2 200 OK"),
        begun("HTTP/2.0 200 OK"),
        begun("HTTP/0.9 200 OK"),
        b"body\r\n\r\n".to_vec(),
        format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n{OK}").into(),
    ] {
        let app = saying(answer.clone()).await;
        let door = before(&app).await;
        let mut client = door.client().await;
        let got = client.ask(asking("GET")).await;
        let shown = shown(&answer);
        assert_eq!((got.status, got.header("connection")), (502, Some("close")), "{shown:?}: {}", got.head);
        assert!(got.header("content-security-policy").is_some() && !got.text().contains("body"), "{}", got.text());
        assert_eq!(client.rest().await, b"", "{shown:?}");
        others_get_their_own(&door, &shown).await;
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_is_no_body_closes_the_connection_without_its_end() {
    for body in [
        "zz\r\nbody\r\n0\r\n\r\n",
        "4\r\nbodyX\r\n0\r\n\r\n",
        "4\nbody\n0\n\n",
        "-4\r\nbody\r\n0\r\n\r\n",
        "ffffffffffffffff\r\nbody\r\n0\r\n\r\n",
        "11111111111111111\r\nbody\r\n0\r\n\r\n",
        "4\r\nbo",
    ] {
        let app = saying(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}")).await;
        let door = before(&app).await;
        let mut client = door.client().await;
        client.send(asking("GET")).await;
        let all = String::from_utf8(client.rest().await).unwrap();
        assert!(!all.ends_with("0\r\n\r\n"), "nobody takes a part for the whole: {body:?}: {all}");
        assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{body:?}: {all}");
        others_get_their_own(&door, body).await;
    }
}

#[tokio::test]
async fn what_follows_an_answer_is_nobodys() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
    let both = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
    let trailers = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Evil: yes\r\nContent-Length: 9\r\n\r\n";
    let empty_size = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n\r\n";
    for (method, answer, status, body) in [
        ("GET", OK, 200, "body"),
        ("GET", chunked, 200, "body"),
        ("GET", both, 200, "body"),
        ("GET", trailers, 200, "body"),
        ("GET", empty_size, 200, ""),
        ("HEAD", OK, 200, ""),
        ("HEAD", chunked, 200, ""),
        ("HEAD", "HTTP/1.1 200 OK\r\n\r\n", 200, ""),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n", 204, ""),
        ("GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", 204, ""),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n", 304, ""),
        ("GET", "HTTP/1.1 304 Not Modified\r\n\r\n", 304, ""),
    ] {
        let app = saying(format!("{answer}{EVIL}")).await;
        let door = before(&app).await;
        let mut client = door.client().await;
        client.send(asking(method)).await;
        let got = client.answer(method != "HEAD" && status == 200).await;
        assert_eq!((got.status, got.text().as_str()), (status, body), "{answer:?}");
        assert_eq!(got.header("x-evil"), None, "{answer:?}");
        if status == 204 {
            assert_eq!((got.header("content-length"), got.header("transfer-encoding")), (None, None), "{answer:?}");
        }
        // On this connection, too.
        let next = client.ask("GET /public/next HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        assert_eq!((next.status, next.text().as_str()), (200, "/public/next"), "{answer:?}");
        others_get_their_own(&door, answer).await;
    }
}

#[tokio::test]
async fn what_an_app_says_into_a_silent_connection_is_nobodys() {
    // It says it once its answer has been read to its end, and the next visitor comes once it has.
    let (read, said) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (was_read, says) = (Arc::clone(&read), Arc::clone(&said));
    let app = App::serving(move |mut stream, app| {
        let (was_read, says) = (Arc::clone(&was_read), Arc::clone(&says));
        async move {
            while app.record_request(&mut stream).await {
                stream.write_all(OK.as_bytes()).await.unwrap();
                was_read.notified().await;
                let heard = stream.write_all(EVIL.as_bytes()).await;
                says.notify_one();
                if heard.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    let door = before(&app).await;
    for _ in 0..5 {
        let answer = door.client().await.ask(asking("GET")).await;
        assert_eq!((answer.status, answer.text().as_str(), answer.header("x-evil")), (200, "body", None));
        read.notify_one();
        said.notified().await;
    }
}

#[tokio::test]
async fn answers_before_the_answer_are_bounded_and_have_no_length() {
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n";
    let app = saying(format!("{}{OK}", hint.repeat(3))).await;
    let door = before(&app).await;
    let mut client = door.client().await;
    client.send(asking("GET")).await;
    for _ in 0..3 {
        let head = client.head().await.to_lowercase();
        assert!(head.starts_with("http/1.1 103") && head.contains("link: </x>"), "{head}");
        assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
    }
    assert_eq!(client.answer(true).await.text(), "body");
    // A client of HTTP/1.0 knows none.
    let mut old = door.client().await;
    let answer = old.ask("GET /public/case HTTP/1.0\r\nHost: app.test\r\n\r\n").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "body"));

    let app = saying(format!("{}{OK}", hint.repeat(5_000))).await;
    let door = before(&app).await;
    let mut client = door.client().await;
    client.send(asking("GET")).await;
    let all = String::from_utf8(client.rest().await).unwrap();
    assert!(all.matches(" 103 ").count() <= 100, "{}", all.matches(" 103 ").count());
    assert!(all.contains("HTTP/1.1 502 "), "{all}");
    others_get_their_own(&door, "a flood").await;
}

#[tokio::test]
async fn a_head_without_end_is_given_up() {
    // By its size where it comes fast, and by the silence of the app where it stops.
    let app = saying(format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(4_000_000))).await;
    let door = before(&app).await;
    assert_eq!(door.client().await.ask(asking("GET")).await.status, 502);
    others_get_their_own(&door, "an endless head").await;
    let app = saying("HTTP/1.1 200 OK\r\nX: y").await;
    let door = before(&app).await;
    assert_eq!(door.client().await.ask(asking("GET")).await.status, 504);
    others_get_their_own(&door, "half a head").await;
}

#[tokio::test]
async fn a_folded_cookie_of_ours_is_ours() {
    for line in
        ["Set-Cookie:\r\n portcullis=evil", "Set-Cookie:\r\n\t portcullis=evil; Path=/", "Set-Cookie : portcullis=evil"]
    {
        let app = saying(format!("HTTP/1.1 200 OK\r\n{line}\r\nContent-Length: 4\r\n\r\nbody")).await;
        let got = before(&app).await.client().await.ask(asking("GET")).await;
        assert_eq!((got.status, got.header("set-cookie")), (200, None), "{}", got.head);
    }
}

/// An app that answers at the end of a request's head, and keeps each of its connections by itself.
async fn hasty(answer: &'static str) -> (App, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let kept = Arc::clone(&seen);
    let app = App::serving(move |mut stream, _| {
        let kept = Arc::clone(&kept);
        async move {
            let place = {
                let mut kept = kept.lock().unwrap();
                kept.push(String::new());
                kept.len() - 1
            };
            let mut read = vec![0; 64 * 1024];
            while let Ok(length @ 1..) = stream.read(&mut read).await {
                let come = String::from_utf8_lossy(&read[..length]).into_owned();
                let heads = come.matches("HTTP/1.1\r\nHost").count();
                kept.lock().unwrap()[place].push_str(&come);
                if stream.write_all(answer.repeat(heads).as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    (app, seen)
}

#[tokio::test]
async fn a_connection_of_the_app_on_which_a_body_is_unfinished_serves_nobody_else() {
    let smuggled = "GET /public/smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n";
    for answer in [OK, "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nbody"] {
        for (lines, part) in [("Content-Length: 10000", "half"), ("Transfer-Encoding: chunked", "4\r\nhalf\r\n")] {
            for stays in [true, false] {
                let (app, seen) = hasty(answer).await;
                let door = before(&app).await;
                let mut client = door.client().await;
                client.send(format!("POST /public/half HTTP/1.1\r\nHost: app.test\r\n{lines}\r\n\r\n{part}")).await;
                let answered = client.answer(!answer.contains(" 204 ")).await;
                assert!(answered.status < 500, "{}", answered.head);
                let mut client = stays.then_some(client);
                for _ in 0..3 {
                    let other = "GET /public/other HTTP/1.1\r\nHost: app.test\r\n\r\n";
                    let mut visitor = door.client().await;
                    visitor.send(other).await;
                    let head = visitor.head().await;
                    assert_eq!(head.split(' ').nth(1), answer.split(' ').nth(1), "{head}");
                }
                if let Some(client) = &mut client {
                    client.send(smuggled).await;
                }
                for connection in seen.lock().unwrap().iter().filter(|it| it.contains("/public/half")) {
                    let behind = connection.split_once("/public/half").unwrap().1;
                    assert!(!behind.contains("/public/other"), "{answer:?}, {lines}: {connection}");
                }
                assert!(
                    !seen.lock().unwrap().concat().contains("GET /public/smuggled HTTP/1.1\r\nHost: app.test\r\nX-")
                );
            }
        }
    }
}
