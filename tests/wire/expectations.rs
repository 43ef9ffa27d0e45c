//! `Expect: 100-continue`: the app is told of it and may give leave; where it is silent, we do.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{App, Client, Door};

const EXPECT: &str = "Expect: 100-continue\r\nContent-Length: 4\r\n";

/// Sends the body, and reads the answer.
async fn send_body(client: &mut Client, body: &str) -> (u16, String) {
    client.send(body).await;
    let answer = client.answer(true).await;
    (answer.status, answer.text())
}

#[tokio::test]
async fn an_app_that_is_silent_is_sent_the_body_all_the_same() {
    // It says nothing before it has the body, and knows of no expectation.
    let app = App::ok().await;
    let door = Door::before(&app).await;
    for (lines, body) in
        [(EXPECT, "body"), ("expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n", "4\r\nbody\r\n0\r\n\r\n")]
    {
        app.forget();
        let mut client = door.client().await;
        for _ in 0..2 {
            client.send(door.as_alice("POST /x", lines)).await;
            assert_eq!(client.head().await, "HTTP/1.1 100 Continue\r\n\r\n", "{lines}");
            // No second one, and the connection lives on.
            assert_eq!(send_body(&mut client, body).await, (200, "ok".into()), "{lines}");
        }
        assert_eq!(app.header("expect").len(), 2, "the app may still act on it: {}", app.received());
        assert_eq!(app.received().matches("body").count(), 2);
    }
}

#[tokio::test]
async fn an_app_that_gives_leave_is_not_spoken_for() {
    let app = App::serving(|mut stream, _| async move {
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            read.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
        // Longer than anybody would wait for its leave.
        tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
        let mut body = [0; 4];
        stream.read_exact(&mut body).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    })
    .await;
    let door = Door::before(&app).await;
    let mut client = door.client().await;
    client.send(door.as_alice("POST /x", EXPECT)).await;
    assert!(client.head().await.starts_with("HTTP/1.1 100 "));
    assert_eq!(send_body(&mut client, "body").await, (200, "ok".into()));
}

#[tokio::test]
async fn who_is_refused_or_does_not_wait_gets_no_leave() {
    let app = App::serving(|mut stream, _| async move {
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            read.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno").await.unwrap();
        let _ = stream.read_to_end(&mut read).await;
    })
    .await;
    let door = Door::before(&app).await;
    let mut client = door.client().await;
    let refused = client.ask(door.as_alice("POST /x", EXPECT)).await;
    assert_eq!((refused.status, refused.text()), (417, "no".into()));

    let app = App::ok().await;
    let door = Door::before(&app).await;
    for request in [
        door.as_alice("POST /x", EXPECT) + "body",
        door.as_alice("POST /x", "Expect: 100-continue\r\nContent-Length: 0\r\n"),
        door.as_alice("POST /x", EXPECT).replace("HTTP/1.1", "HTTP/1.0") + "body",
    ] {
        assert_eq!(door.client().await.ask(&request).await.status, 200, "{request}");
    }
    // It knows no interim answer, and would take one for the answer.
    let mut old = door.client().await;
    old.send(door.as_alice("POST /x", EXPECT).replace("HTTP/1.1", "HTTP/1.0")).await;
    let spoken_to = tokio::time::timeout(std::time::Duration::from_millis(1_500), old.head()).await;
    assert!(spoken_to.is_err(), "{spoken_to:?}");
    assert_eq!(send_body(&mut old, "body").await.0, 200);
    let anonymous = format!("POST /x HTTP/1.1\r\nHost: app.test\r\n{EXPECT}\r\n");
    assert_eq!(door.client().await.ask(anonymous).await.status, 401);
}
