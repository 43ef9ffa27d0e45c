//! How many connections there may be is the operating system's affair, up to what it allows.

use futures_util::future::join_all;

use crate::harness::{App, Client, Installation};

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
