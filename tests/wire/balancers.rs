//! The balancers of the manual, as it says them, before two replicas on one Redis: each brings visitors to both, and nobody
//! notices when one is restarted or killed.

use std::{fs, net::SocketAddr, path::Path, process::Command, time::Duration};

use reqwest::Method;
use tokio::time::timeout;

use crate::harness::{App, Child, Client, Installation, LONG_PATIENCE, Person, Redis, Running, free_port, until};

/// The block of the manual that is written in this language, for these replicas: the first of two addresses stands for the first.
fn block(language: &str, front: SocketAddr, replicas: &[Installation; 2]) -> String {
    let mut block = first_block("operations.md", language);
    for (written, meant) in
        [("10.0.0.11:8080", replicas[0].public.to_string()), ("10.0.0.12:8080", replicas[1].public.to_string())]
    {
        assert_eq!(block.matches(written).count(), 1, "{written}: {block}");
        block = block.replace(written, &meant);
    }
    let swaps = match language {
        "nginx" => vec![("listen 443 ssl;", format!("listen {front};")), ("app.example.com", front.ip().to_string())],
        _ => vec![
            (":443 ssl crt /etc/haproxy/app.example.com.pem alpn h2,http/1.1", front.to_string()),
            ("port 9464", format!("port {}", replicas[0].admin.port())),
        ],
    };
    for (written, meant) in swaps {
        assert_eq!(block.matches(written).count(), 1, "{written}: {block}");
        block = block.replace(written, &meant);
    }
    block
}

/// The first block of a document that is written in this language.
fn first_block(document: &str, language: &str) -> String {
    let text = fs::read_to_string(format!("{}/docs/{document}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (_, rest) = text.split_once(&format!("```{language}\n")).unwrap_or_else(|| panic!("no {language}"));
    rest.split_once("```").unwrap().0.to_owned()
}

fn start_nginx(folder: &Path, block: &str) -> Child {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {};", folder.join(kind).display()))
        .concat();
    let text = format!(
        "daemon off; master_process off; pid {}/nginx.pid; error_log stderr warn; events {{}}\n\
         http {{ access_log off; {temporary}\n{block}\n}}\n",
        folder.display()
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, text).unwrap();
    Child::start(program("nginx").arg("-p").arg(folder).arg("-c").arg(&file).args(["-e", "stderr"]))
}

fn start_haproxy(folder: &Path, block: &str) -> Child {
    let file = folder.join("haproxy.cfg");
    fs::write(&file, block).unwrap();
    let checked = program("haproxy").args(["-c", "-f"]).arg(&file).output().unwrap();
    let told = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success() && !told.contains("WARNING"), "{told}");
    Child::start(program("haproxy").args(["-db", "-f"]).arg(&file))
}

fn program(name: &str) -> Command {
    let places = ["/usr/sbin", "/usr/local/sbin"].map(|folder| format!("{folder}/{name}"));
    let found = places.into_iter().find(|path| Path::new(path).exists());
    Command::new(found.unwrap_or_else(|| name.to_owned()))
}

/// Two replicas on one Redis, at one port of two addresses each.
fn replicas(redis: &Redis, app: SocketAddr, front: SocketAddr) -> [Installation; 2] {
    let (public, admin) = (free_port(), free_port());
    [1, 2].map(|last| {
        let mut house = Installation::before(app);
        house.public = SocketAddr::from(([127, 0, 0, last], public));
        house.admin = SocketAddr::from(([127, 0, 0, last], admin));
        let text = format!(
            "public_url: http://{front}\nlisten: {}\nstore: redis://{}\nsecret_file: portcullis.secret\n\
             trusted_proxies: [127.0.0.1/32]\nadmin: {{ listen: {} }}\nupstream: http://{app}\n\
             shutdown: {{ drain: 3s, grace: 5s }}\n",
            house.public, redis.address, house.admin
        );
        fs::write(house.file(), text).unwrap();
        house
    })
}

/// An app that answers what it is asked, and speaks back on a WebSocket.
async fn app() -> App {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    App::serving(|mut stream, app| async move {
        while let Some(request) = crate::harness::read_request(&mut stream).await {
            let is_socket = String::from_utf8_lossy(&request).to_ascii_lowercase().contains("upgrade: websocket");
            app.keep(&request);
            if is_socket {
                // HAProxy compares it with the key.
                let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                            Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";
                let _ = stream.write_all(head.as_bytes()).await;
                let mut frame = [0; 7];
                while stream.read_exact(&mut frame).await.is_ok() && stream.write_all(b"\x81\x01y").await.is_ok() {}
                return;
            }
            if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.is_err() {
                return;
            }
        }
    })
    .await
}

async fn serves(server: &Running) -> f64 {
    server.metric("portcullis_auth_decisions_total{decision=\"allow\",mode=\"proxy\"}").await
}

async fn nobody_notices(language: &str, start: fn(&Path, &str) -> Child) {
    let (redis, app) = (Redis::start().await, app().await);
    let front = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let replicas = replicas(&redis, app.address, front);
    replicas[0].user("alice", &[]);
    let (first, second) = (replicas[0].run().await, replicas[1].run().await);
    let folder = tempfile::tempdir().unwrap();
    let _balancer = start(folder.path(), &block(language, front, &replicas));
    until("the balancer to bring somebody", async || {
        let answer = reqwest::get(format!("http://{front}/security/sign-in")).await.ok()?;
        (answer.status() == 200).then_some(())
    })
    .await;

    let alice = Person::from([127, 0, 0, 9].into(), front);
    alice.sign_in("alice").await;
    until("both to serve her", async || {
        assert_eq!(alice.status("/").await, 200);
        (serves(&first).await > 0.0 && serves(&second).await > 0.0).then_some(())
    })
    .await;
    let named = |server: &Running| server.log().iter().any(|line| line["path"] == "/" && line["ip"] == "127.0.0.9");
    assert!(named(&first) && named(&second), "each knows where she is");

    // A WebSocket.
    let mut socket = Client::connect(front).await;
    let ask = format!(
        "GET /socket HTTP/1.1\r\nHost: {front}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nCookie: {}\r\n\r\n",
        alice.cookie()
    );
    socket.send(ask).await;
    assert!(socket.head().await.starts_with("HTTP/1.1 101 "));
    socket.send(b"\x81\x81\0\0\0\0x").await;
    assert_eq!(timeout(LONG_PATIENCE, socket.exactly(3)).await.unwrap(), b"\x81\x01y");

    // One is restarted, and asked all the time.
    let mut restarted = first;
    restarted.child.signal("TERM");
    while restarted.child.runs() {
        assert_eq!(alice.status("/").await, 200, "a look while one stops");
        let sent = alice.request(Method::POST, "/orders").body("a=b").send().await.unwrap();
        assert_eq!(sent.status(), 200, "a form while one stops");
    }
    for _ in 0..50 {
        assert_eq!(alice.status("/").await, 200, "a look without it");
    }
    let first = replicas[0].run().await;
    let before = serves(&first).await;
    until("the one that is back to serve her", async || {
        assert_eq!(alice.status("/").await, 200);
        (serves(&first).await > before).then_some(())
    })
    .await;

    // One is killed.
    second.kill().await;
    for _ in 0..50 {
        assert_eq!(alice.status("/").await, 200, "a look after one was killed");
    }
    replicas[0].cli(&["sessions", "revoke", "--user", "alice", "--reason", "a test"]).ok();
    assert_eq!(alice.status("/").await, 401);
    // Its session has ended.
    assert!(timeout(Duration::from_secs(5), socket.rest()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx() {
    nobody_notices("nginx", start_nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_of_the_quickstart() {
    let front = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let app = App::ok().await;
    let house = Installation::before(app.address);
    let text = fs::read_to_string(house.file()).unwrap();
    let text = text.replace(&format!("public_url: http://{}", house.public), &format!("public_url: http://{front}"));
    fs::write(house.file(), format!("{text}listen: {}\ntrusted_proxies: [127.0.0.1/32]\n", house.public)).unwrap();
    house.user("alice", &[]);
    let _server = house.run().await;
    let folder = tempfile::tempdir().unwrap();
    let mut block = first_block("quickstart.md", "nginx");
    for (written, meant) in [
        ("listen 443 ssl;", format!("listen {front};")),
        ("app.example.com", front.ip().to_string()),
        ("127.0.0.1:8080", house.public.to_string()),
    ] {
        assert_eq!(block.matches(written).count(), 1, "{written}: {block}");
        block = block.replace(written, &meant);
    }
    let _nginx = start_nginx(folder.path(), &block);
    let alice = Person::from([127, 0, 0, 9].into(), front);
    until("nginx to answer", async || alice.request(Method::GET, "/security/sign-in").send().await.ok()).await;
    alice.sign_in("alice").await;
    assert_eq!(alice.status("/").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy() {
    nobody_notices("haproxy", start_haproxy).await;
}
