//! Chunked bodies: one grammar, read strictly. What another program in front of us or behind us could read as two bodies
//! ends the connection.

use crate::harness::{App, Client, Door, until};

const HEAD: &str = "POST /public HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n";
const SMUGGLED: &str = "GET /admin HTTP/1.1\r\nHost: app.test\r\n\r\n";

/// Bodies that some programs read, and others read differently.
const MALFORMED: [&[u8]; 26] = [
    b"5 \r\nhello\r\n0\r\n\r\n",
    b"5 ;x\r\nhello\r\n0\r\n\r\n",
    b"5\t\r\nhello\r\n0\r\n\r\n",
    b" 5\r\nhello\r\n0\r\n\r\n",
    b"+5\r\nhello\r\n0\r\n\r\n",
    b"-5\r\nhello\r\n0\r\n\r\n",
    b"0x5\r\nhello\r\n0\r\n\r\n",
    b"5_0\r\nhello\r\n0\r\n\r\n",
    b"\r\n\r\n",
    b";x\r\n\r\n",
    b"5\nhello\r\n0\r\n\r\n",
    b"5;x\nhello\r\n0\r\n\r\n",
    b"5;\x00\r\nhello\r\n0\r\n\r\n",
    b"5;x\ry\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello0\r\n\r\n",
    b"5\r\nhello\n0\r\n\r\n",
    b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    b"00000000000000000000005\r\nhello\r\n0\r\n\r\n",
    b"0\r\nA: b\n\r\n",
    b"0\r\nA: b\0\r\n\r\n",
    b"0\r\nA: b\rc\r\n\r\n",
    b"0\r\nA: b\r\n folded\r\n\r\n",
    b"0\r\nA : b\r\n\r\n",
    b"0\r\nno colon\r\n\r\n",
    b"0\r\n: b\r\n\r\n",
];

async fn is_refused(mut client: Client, shown: &[u8]) {
    let shown = String::from_utf8_lossy(shown);
    let answer = client.answer(true).await;
    assert_eq!((answer.status, answer.header("connection")), (400, Some("close")), "{shown:?}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{shown:?}");
    assert!(!answer.head.to_ascii_lowercase().contains("pingora"), "{}", answer.head);
    assert_eq!(client.rest().await, b"", "{shown:?}");
}

#[tokio::test]
async fn a_body_that_could_be_read_in_two_ways_is_refused() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    for body in MALFORMED {
        let mut client = door.client().await;
        client.send([HEAD.as_bytes(), body, SMUGGLED.as_bytes()].concat()).await;
        is_refused(client, body).await;
        assert!(!app.received().contains("hello") && !app.received().contains("/admin"), "{}", app.received());
    }
}

#[tokio::test]
async fn so_is_one_of_which_the_app_has_a_part_already() {
    let app = App::serving(|mut stream, app| async move {
        let mut part = [0; 4096];
        while let Ok(read @ 1..) = tokio::io::AsyncReadExt::read(&mut stream, &mut part).await {
            app.keep(&part[..read]);
        }
    })
    .await;
    let door = Door::before(&app).await;
    for (place, body) in MALFORMED.into_iter().enumerate() {
        let mut client = door.client().await;
        client.send(format!("{HEAD}4\r\npart\r\n")).await;
        let has_it = async || (app.received().matches("part").count() == place + 1).then_some(());
        until("the app to have the first part", has_it).await;
        client.send([body, SMUGGLED.as_bytes()].concat()).await;
        is_refused(client, body).await;
        assert!(!app.received().contains("\r\n0\r\n"), "nobody takes a part for the whole: {}", app.received());
        assert!(!app.received().contains("/admin"), "{}", app.received());
    }
}

#[tokio::test]
async fn our_own_pages_read_no_other_grammar() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    for body in MALFORMED {
        let mut client = door.client().await;
        let head = "POST /security/x HTTP/1.1\r\nHost: app.test\r\nSec-Fetch-Site: same-origin\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        client.send([head.as_bytes(), body, SMUGGLED.as_bytes()].concat()).await;
        is_refused(client, body).await;
        assert_eq!(app.received(), "");
    }
}

#[tokio::test]
async fn an_answer_that_was_given_before_the_body_came_is_the_last_one() {
    let app = App::ok().await;
    let door = Door::before(&app).await;
    for body in MALFORMED {
        let mut client = door.client().await;
        let head = "POST /x HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n";
        client.send([head.as_bytes(), body, SMUGGLED.as_bytes()].concat()).await;
        let answer = client.answer(true).await;
        assert!(matches!(answer.status, 400 | 401), "{}", answer.head);
        assert_eq!(client.rest().await, b"", "{:?}", String::from_utf8_lossy(body));
        assert_eq!(app.received(), "");
    }
}

#[tokio::test]
async fn a_well_formed_body_arrives_however_it_is_cut() {
    let body = b"5\r\nhello\r\n00A;name=value; other=\"quoted\"\r\n, wide wor\r\n2\r\nld\r\n0\r\n\r\n";
    let app = App::ok().await;
    let door = Door::before(&app).await;
    for cut in 0..body.len() {
        let before = app.received().len();
        let mut client = door.client().await;
        client.send([HEAD.as_bytes(), &body[..cut]].concat()).await;
        tokio::task::yield_now().await;
        client.send(&body[cut..]).await;
        assert_eq!(client.answer(true).await.status, 200, "cut at {cut}");
        let received = app.received().split_off(before);
        let text: String = received.lines().filter(|line| "hello, wide world".contains(line)).collect();
        assert_eq!(text, "hello, wide world", "cut at {cut}: {received}");
        assert_eq!(client.ask("GET /public HTTP/1.1\r\nHost: app.test\r\n\r\n").await.status, 200);
    }
}
