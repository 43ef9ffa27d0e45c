//! A page with an open WebSocket whose session is ended from somewhere else.

use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    browser::Browser,
    harness::{App, Installation, accept, read_request},
};

/// A page as many are: it connects again when its WebSocket closes, and loads itself again where it is refused.
const PAGE: &str = "<!doctype html><title>Chat</title><h1 id=state>Connecting</h1><script>
function connect() {
  let opened = false;
  const socket = new WebSocket(`ws://${location.host}/chat/ws`);
  socket.onopen = () => { opened = true; socket.send('hello'); };
  socket.onmessage = said => { state.textContent = `Heard ${said.data}`; };
  socket.onclose = why => {
    sessionStorage.closed = (sessionStorage.closed || '') + `${why.code} ${why.reason} ${why.wasClean};`;
    if (opened) connect(); else location.reload();
  };
}
connect();
</script>";

/// The page, and a WebSocket that says back what it hears.
async fn chat(mut stream: TcpStream, app: App) {
    let mut begin = [0; 16];
    while matches!(stream.peek(&mut begin).await, Ok(read) if (1..begin.len()).contains(&read)) {
        tokio::task::yield_now().await;
    }
    if begin.starts_with(b"GET /chat/ws ") {
        use futures_util::{SinkExt as _, StreamExt as _};
        let Some(mut socket) = accept(stream).await else { return };
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() && socket.send(message).await.is_err() {
                break;
            }
        }
        app.keep(b"the WebSocket is closed");
        return;
    }
    read_request(&mut stream).await;
    // Closed, so that no WebSocket is asked for on it.
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n";
    let _ = stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{PAGE}", PAGE.len()).as_bytes()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_closed_comes_back_and_lands_where_one_signs_in() {
    let app = App::serving(chat).await;
    let house = Installation::before(app.address);
    house.user("alice", &[]);
    let server = house.run().await;
    let browser = Browser::open(&house).await;
    browser.goto("/chat").await;
    browser.sign_in("alice").await;
    browser.arrives("/chat").await;
    browser.reads("Heard hello").await;
    let other = house.signed_in("alice").await;

    other.call(reqwest::Method::POST, "/sessions/revoke-others", &serde_json::json!({})).await;

    browser.arrives("/security/sign-in?rd=/chat").await;
    browser.reads("You were signed out because this session was ended from Chrome on macOS").await;
    let closed = browser.driver.execute("return sessionStorage.closed", vec![]).await.unwrap();
    assert_eq!(closed.json(), "1008 signed out true;1006  false;", "told why, then refused");
    assert_eq!(app.received(), "the WebSocket is closed");
    server.metric_becomes("portcullis_open_streams{kind=\"websocket\"}", 0.0).await;
    // Signed in again, it is there again.
    browser.sign_in("alice").await;
    browser.arrives("/chat").await;
    browser.reads("Heard hello").await;
}
