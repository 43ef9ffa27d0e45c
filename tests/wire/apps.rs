//! In front of apps that others have written: nginx, Python's web server, and a WebSocket echo.

use std::{fs, path::Path, process::Command, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Method, header};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_tungstenite::tungstenite::{Error, Message, client::IntoClientRequest as _};

use crate::harness::{App, Child, Installation, PATIENCE, free_port, until};

/// nginx with the files of this folder, to which it also writes what is sent by PUT.
pub(crate) async fn nginx(folder: &Path) -> (Child, std::net::SocketAddr) {
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
    let files = folder.join("files");
    fs::create_dir_all(&files).unwrap();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {};", folder.join(kind).display()))
        .concat();
    let text = format!(
        "daemon off; master_process off; pid {0}/nginx.pid; error_log stderr; events {{}}\n\
         http {{ access_log off; types {{ text/html html; text/css css; }} {temporary}\n\
         server {{ listen {address}; root {1}; client_max_body_size 0;\n\
         location /uploads {{ dav_methods PUT; create_full_put_path on; }}\n\
         location = /who {{ default_type text/plain; return 200 \"$http_remote_user|$http_cookie\"; }} }} }}\n",
        folder.display(),
        files.display()
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, text).unwrap();
    // Where it is not in the path of a plain user.
    let program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"].into_iter().find(|path| Path::new(path).exists());
    let child = Child::start(
        Command::new(program.unwrap_or("nginx")).arg("-p").arg(folder).arg("-c").arg(&file).arg("-e").arg("stderr"),
    );
    listens(address).await;
    (child, address)
}

async fn listens(address: std::net::SocketAddr) {
    until("the app to listen", async || TcpStream::connect(address).await.ok()).await;
}

#[tokio::test]
async fn nginx_is_browsed_with_ranges_heads_and_revalidation() {
    let folder = tempfile::tempdir().unwrap();
    let (_nginx, app) = nginx(folder.path()).await;
    fs::write(folder.path().join("files/index.html"), "<h1>Hello</h1>").unwrap();
    fs::write(folder.path().join("files/style.css"), "h1 { color: teal }").unwrap();
    let house = Installation::before(app);
    house.user("alice", &[]);
    let _server = house.run().await;
    assert_eq!(house.person().status("/style.css").await, 401);
    let alice = house.signed_in("alice").await;
    let page = alice.visit("/").await;
    assert_eq!((page.status().as_u16(), &page.headers()["content-type"]), (200, &"text/html".parse().unwrap()));
    assert_eq!(page.text().await.unwrap(), "<h1>Hello</h1>");
    assert_eq!(alice.get("/who").await.text().await.unwrap(), "alice|", "our cookies stay here");

    let style = alice.get("/style.css").await;
    let tag = style.headers()[header::ETAG].clone();
    let same = alice.request(Method::GET, "/style.css").header(header::IF_NONE_MATCH, tag).send().await.unwrap();
    assert_eq!(same.status(), 304);
    assert_eq!(same.bytes().await.unwrap().len(), 0);
    let head = alice.request(Method::HEAD, "/style.css").send().await.unwrap();
    assert_eq!((head.status().as_u16(), &head.headers()["content-length"]), (200, &"18".parse().unwrap()));
    let part = alice.request(Method::GET, "/style.css").header(header::RANGE, "bytes=5-9").send().await.unwrap();
    assert_eq!((part.status().as_u16(), &part.headers()["content-range"]), (206, &"bytes 5-9/18".parse().unwrap()));
    assert_eq!(part.text().await.unwrap(), "color");
    let beyond = alice.request(Method::GET, "/style.css").header(header::RANGE, "bytes=99-").send().await.unwrap();
    assert_eq!(beyond.status(), 416);
    assert_eq!(alice.status("/nothing").await, 404);
}

#[tokio::test]
async fn pythons_web_server_is_browsed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "three words here").unwrap();
    let port = free_port();
    let mut command = Command::new("python3");
    command.args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string()]).current_dir(folder.path());
    let _python = Child::start(&mut command);
    let app = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    listens(app).await;
    let house = Installation::before(app);
    house.user("alice", &[]);
    let _server = house.run().await;
    let alice = house.signed_in("alice").await;
    assert!(alice.visit("/").await.text().await.unwrap().contains("notes.txt"));
    let notes = alice.get("/notes.txt").await;
    let changed = notes.headers()[header::LAST_MODIFIED].clone();
    assert_eq!(notes.text().await.unwrap(), "three words here");
    let same =
        alice.request(Method::GET, "/notes.txt").header(header::IF_MODIFIED_SINCE, changed).send().await.unwrap();
    assert_eq!(same.status(), 304);
    let head = alice.request(Method::HEAD, "/notes.txt").send().await.unwrap();
    assert_eq!(head.headers()["content-length"], "16");
    assert_eq!(alice.request(Method::POST, "/notes.txt").body("x").send().await.unwrap().status(), 501);
    assert_eq!(alice.status("/notes.txt").await, 200);
}

#[tokio::test]
async fn a_websocket_talks_to_who_is_signed_in_and_to_nobody_else() {
    let app = App::serving(|stream, _| async move {
        // Pingora 0.9.1 may close a WebSocket whose app answers before Pingora has looked at the end of the request (its
        // issue 946, a limit that the README names). Nothing that could be waited for tells when it has.
        sleep(Duration::from_millis(50)).await;
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() {
                socket.send(message).await.unwrap();
            }
        }
    })
    .await;
    let house = Installation::before(app.address);
    house.user("alice", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    let mut request = format!("ws://{}/socket", house.public).into_client_request().unwrap();
    let stream = TcpStream::connect(house.public).await.unwrap();
    let Err(Error::Http(refused)) = tokio_tungstenite::client_async(request.clone(), stream).await else {
        panic!("it has let nobody in");
    };
    assert_eq!(refused.status(), 401);
    request.headers_mut().insert("cookie", alice.cookie().parse().unwrap());
    let stream = TcpStream::connect(house.public).await.unwrap();
    let (mut socket, answer) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    assert_eq!(answer.status(), 101);
    for said in ["one", "two"] {
        socket.send(Message::text(said)).await.unwrap();
        let heard = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(heard.into_text().unwrap(), said);
    }
    server.metric_becomes("portcullis_open_streams{kind=\"websocket\"}", 1.0).await;
    drop(socket);
    server.metric_becomes("portcullis_open_streams{kind=\"websocket\"}", 0.0).await;
}

#[tokio::test]
async fn events_arrive_one_by_one() {
    let (send, next) = tokio::sync::mpsc::unbounded_channel::<()>();
    let next = std::sync::Arc::new(tokio::sync::Mutex::new(next));
    let app = App::serving(move |mut stream, app| {
        let next = std::sync::Arc::clone(&next);
        async move {
            app.record_request(&mut stream).await;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
            let mut next = next.lock().await;
            let mut part = head;
            while tokio::io::AsyncWriteExt::write_all(&mut stream, part.as_bytes()).await.is_ok() {
                if next.recv().await.is_none() {
                    return;
                }
                part = "data: x\n\n";
            }
        }
    })
    .await;
    let house = Installation::before(app.address);
    house.user("alice", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    let answer = alice.request(Method::GET, "/events").header("accept", "text/event-stream").send().await.unwrap();
    let mut events = answer.bytes_stream();
    for _ in 0..3 {
        send.send(()).unwrap();
        let event = timeout(PATIENCE, events.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(event, "data: x\n\n");
        server.metric_becomes("portcullis_open_streams{kind=\"sse\"}", 1.0).await;
    }
    drop(events);
    server.metric_becomes("portcullis_open_streams{kind=\"sse\"}", 0.0).await;
}
