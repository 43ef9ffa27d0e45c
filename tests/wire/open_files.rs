//! How many connections there may be follows from what the operating system allows.

use futures_util::future::join_all;
use h2::Reason;
use http::Method;
use tokio::time::timeout;

use crate::harness::{App, Client, Http2, Installation, PATIENCE, Streaming, until};

#[tokio::test]
async fn the_limit_of_open_files_is_raised_as_far_as_it_may_be() {
    let app = App::ok().await;
    let house = Installation::before(app.address);
    let server = house.run_under("ulimit -Sn 100; ulimit -Hn 1000").await;
    assert_eq!(server.says("Listening on").await["open_files"], 1000);
    let mut clients = join_all((0..300).map(|_| Client::connect(house.public))).await;
    for client in &mut clients {
        let answer = client.ask(format!("GET /x HTTP/1.1\r\nHost: {}\r\n\r\n", house.public)).await;
        assert_eq!(answer.status, 401);
    }
}

#[tokio::test]
async fn idle_connections_leave_descriptors_for_the_rest() {
    let app = App::ok().await;
    let house = Installation::with(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes: [{{ path: /, access: public, upstream: app }}]\n",
        app.address
    ));
    let server = house.run_under("ulimit -n 256").await;
    let ask = format!("GET /x HTTP/1.1\r\nHost: {}\r\n\r\n", house.public);
    let mut early = Client::connect(house.public).await;
    assert_eq!(early.ask(&ask).await.status, 200);
    let mut idle = join_all((0..240).map(|_| Client::connect(house.public))).await;
    assert!(idle[239].is_closed().await, "there is no room for it");
    assert_eq!(server.says("Connection refused: as many are open").await["connections"], 64);
    assert_eq!(server.admin("/readyz").await.unwrap().0, 200);
    assert_eq!(early.ask(&ask).await.status, 200, "who is in is served");
    idle.clear();
    until("room for another", async || {
        let client = reqwest::Client::builder().build().ok()?;
        let answer = client.get(format!("http://{}/x", house.public)).send().await.ok()?;
        (answer.status() == 200).then_some(())
    })
    .await;
    let told = server.log().iter().filter(|line| line["message"].to_string().contains("Connection refused")).count();
    assert_eq!(told, 1, "once a minute");
    server.stop().await;
}

/// Where no descriptor is left at all, `accept` fails. When there are some again, whoever waits is served.
#[tokio::test]
async fn a_listener_outlives_a_want_of_descriptors() {
    let app = App::ok().await;
    let house = Installation::with(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes: [{{ path: /, access: public, upstream: app }}]\n",
        app.address
    ));
    let server = house.run_under("ulimit -n 40").await;
    let ask = format!("GET /x HTTP/1.1\r\nHost: {}\r\n\r\n", house.public);
    for _ in 0..2 {
        let crowd = join_all((0..40).map(|_| Client::connect(house.public))).await;
        let want = || server.child.printed().iter().filter(|line| line.contains("os error 24")).count();
        let before = want();
        until("accept to fail", async || {
            let _one_more = Client::connect(house.public).await;
            (want() > before).then_some(())
        })
        .await;
        drop(crowd);
        until("others to be served", async || {
            let status = timeout(PATIENCE, async { Client::connect(house.public).await.ask(&ask).await.status });
            (status.await == Ok(200)).then_some(())
        })
        .await;
        assert_eq!(server.admin("/readyz").await.unwrap().0, 200);
    }
    server.stop().await;
}

/// A connection of HTTP/2 carries many requests, and each may need another descriptor for its app.
#[tokio::test]
async fn requests_of_http2_leave_descriptors_for_the_rest() {
    let app = Streaming::open().await;
    let (house, shown) = Installation::over_tls(&format!(
        "upstreams: {{ app: {{ servers: [\"http://{}\"] }} }}\nroutes: [{{ path: /, access: public, upstream: app }}]\n",
        app.address
    ));
    let server = house.run_under("ulimit -n 200").await;
    let client = Http2::connect(house.public, &shown).await;
    let begin = async |number: usize| {
        let request = client.request(Method::GET, &format!("/{number}/events")).body(()).unwrap();
        client.begin(request, true).await.0.await.map(|answer| answer.status().as_u16())
    };
    let answers = join_all((0..90).map(begin)).await;
    let granted = answers.iter().filter(|answer| matches!(answer, Ok(200))).count();
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
    assert!(refused.map(h2::Error::reason).all(|reason| reason == Some(Reason::REFUSED_STREAM)), "{answers:?}");
    // Half of them less 64, or a quarter, is for clients.
    assert_eq!(granted, 50);
    assert_eq!(server.admin("/readyz").await.unwrap().0, 200);
    let log = server.log();
    assert!(
        !log.iter().any(|line| line["level"] == "ERROR" || line["message"] == "Upstream response failed"),
        "{log:?}"
    );
    server.stop().await;
}
