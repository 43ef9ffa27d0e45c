//! Several servers of one app.

use tokio::net::TcpListener;

use crate::harness::{App, Door};

#[tokio::test]
async fn servers_take_turns() {
    let (one, two) = (App::ok().await, App::ok().await);
    let door = Door::plan(&[one.address, two.address]).open().await;
    let mut client = door.client().await;
    for _ in 0..6 {
        assert_eq!(client.ask(door.as_alice("GET /x", "")).await.status, 200);
    }
    assert_eq!((one.requests(), two.requests()), (3, 3));
}

#[tokio::test]
async fn a_server_that_is_away_is_passed_over_and_nobody_notices() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let app = App::ok().await;
    let door = Door::plan(&[gone, app.address]).open().await;
    let mut client = door.client().await;
    for _ in 0..4 {
        let request = door.as_alice("POST /x", "Content-Length: 5\r\n") + "12345";
        assert_eq!(client.ask(request).await.status, 200);
    }
    assert_eq!(app.requests(), 4);
    assert_eq!(app.received().matches("12345").count(), 4);
    assert!(door.metrics.render().contains("portcullis_upstream_up{upstream=\"app\"} 1"));
}

#[tokio::test]
async fn connections_to_an_app_are_used_again() {
    let connections = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&connections);
    let app = App::serving(move |mut stream, app| {
        counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move {
            while app.record_request(&mut stream).await {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await.unwrap();
            }
        }
    })
    .await;
    let door = Door::before(&app).await;
    for _ in 0..5 {
        assert_eq!(door.client().await.ask(door.as_alice("GET /x", "")).await.status, 200);
    }
    assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 1);
}
