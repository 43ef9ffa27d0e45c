//! How many connections there may be follows from what the operating system allows.

use futures_util::future::join_all;

use crate::harness::{App, Client, Installation, until};

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
    assert_eq!(server.says("Closing new connections").await["connections"], 64);
    assert_eq!(server.admin("/readyz").await.unwrap().0, 200);
    assert_eq!(early.ask(&ask).await.status, 200, "who is in is served");
    idle.clear();
    until("room for another", async || {
        let client = reqwest::Client::builder().build().ok()?;
        let answer = client.get(format!("http://{}/x", house.public)).send().await.ok()?;
        (answer.status() == 200).then_some(())
    })
    .await;
    let told = server.log().iter().filter(|line| line["message"].to_string().contains("Closing new")).count();
    assert_eq!(told, 1, "once a minute");
    server.stop().await;
}
