//! Behind somebody who passes requests on: whose word about a visitor's address and host is taken, and by whom it is used.

use std::{fs, net::SocketAddr, process::Command};

use tokio::net::{TcpSocket, TcpStream};

use crate::harness::{App, Child, Client, Door, Installation, Person, free_port, until};

/// What stands in front is 127.0.0.1; the other addresses of this machine are those of visitors.
const PROXY: &str = "trusted_proxies: [127.0.0.1/32]\n";

/// A client at another address of this machine.
async fn client_at(ip: [u8; 4], to: SocketAddr) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((ip, 0))).unwrap();
    Client(socket.connect(to).await.unwrap())
}

fn get(path: &str, host: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n")
}

/// nginx in front, as the manual has it.
pub(super) async fn nginx_before(folder: &std::path::Path, portcullis: SocketAddr) -> (Child, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {};", folder.join(kind).display()))
        .concat();
    let text = format!(
        "daemon off; master_process off; pid {0}/front.pid; error_log stderr; events {{}}\n\
         http {{ access_log off; {temporary} server {{ listen {1}; location / {{\n\
         proxy_pass http://{portcullis}; proxy_http_version 1.1; proxy_set_header Host {portcullis};\n\
         proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }} }}\n",
        folder.display(),
        address.port()
    );
    let file = folder.join("front.conf");
    fs::write(&file, text).unwrap();
    let program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"].into_iter().find(|path| fs::exists(path).unwrap());
    let mut command = Command::new(program.unwrap_or("nginx"));
    let child = Child::start(command.arg("-p").arg(folder).arg("-c").arg(&file).arg("-e").arg("stderr"));
    until("nginx to listen", async || TcpStream::connect(address).await.ok()).await;
    (child, address)
}

#[tokio::test]
async fn h01_only_the_word_of_a_trusted_proxy_is_taken() {
    let app = App::ok().await;
    let nobody = Door::before(&app).await;
    let door = Door::plan(&[app.address]).keys(PROXY).open().await;
    let (us, visitor) = ([127, 0, 0, 1], [127, 0, 0, 9]);
    for (door, peer, lines, told) in [
        (&nobody, us, "X-Forwarded-For: 203.0.113.7\r\n", "127.0.0.1"),
        (&door, visitor, "X-Forwarded-For: 203.0.113.7\r\n", "127.0.0.9"),
        (&door, us, "", "127.0.0.1"),
        (&door, us, "X-Forwarded-For: 203.0.113.7\r\n", "203.0.113.7"),
        (&door, us, "X-Forwarded-For: 127.0.0.1, 203.0.113.7, 127.0.0.1\r\n", "203.0.113.7"),
        (&door, us, "x-forwarded-for: 198.51.100.1\r\nX-Forwarded-For: [2001:db8::7]:443\r\n", "2001:db8::7"),
        (&door, us, "X-Forwarded-For: ::ffff:203.0.113.7\r\n", "203.0.113.7"),
        (&door, us, "X-Forwarded-For: 203.0.113.7, \"\u{e9}\r\n", "127.0.0.1"),
        (&door, us, "Forwarded: for=203.0.113.7\r\nX-Real-IP: 203.0.113.7\r\n", "127.0.0.1"),
    ] {
        let before = app.header("x-forwarded-for").len();
        let answer = client_at(peer, door.address).await.ask(get("/public", "app.test", lines)).await;
        assert_eq!(answer.status, 200, "{lines:?}");
        assert_eq!(app.header("x-forwarded-for")[before..], [told], "{peer:?} {lines:?}");
    }
    let received = app.received().to_lowercase();
    assert!(!received.contains("\r\nforwarded:") && !received.contains("x-real-ip"), "{received}");
}

#[tokio::test]
async fn a_chain_as_long_as_a_head_may_be_is_read_no_further_than_its_end() {
    let app = App::ok().await;
    let door = Door::plan(&[app.address]).keys(PROXY).open().await;
    for (entry, told) in [("127.0.0.1,", "127.0.0.1"), ("203.0.113.7,", "198.51.100.1"), (",", "198.51.100.1")] {
        let invented = entry.repeat(30_000 / entry.len());
        let before = app.header("x-forwarded-for").len();
        let end = if told == "127.0.0.1" { "127.0.0.1" } else { "198.51.100.1" };
        let chain = format!("X-Forwarded-For: {invented}{end}\r\n");
        let answer = client_at([127, 0, 0, 1], door.address).await.ask(get("/public", "app.test", &chain)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(app.header("x-forwarded-for")[before..], [told], "{entry}");
    }
}

#[tokio::test]
async fn a_trusted_proxy_may_say_which_host_was_asked_for() {
    let app = App::ok().await;
    let nobody = Door::before(&app).await;
    let door = Door::plan(&[app.address]).keys(PROXY).open().await;
    let (us, visitor) = ([127, 0, 0, 1], [127, 0, 0, 9]);
    for (door, peer, host, lines, status) in [
        (&door, us, "inner:8080", "X-Forwarded-Host: app.test\r\n", 200),
        (&door, us, "inner:8080", "X-Forwarded-Host: APP.test:80\r\n", 200),
        (&door, us, "app.test", "X-Forwarded-Host: evil.test\r\n", 200),
        (&door, us, "inner:8080", "X-Forwarded-Host: evil.test\r\n", 421),
        (&door, us, "inner:8080", "X-Forwarded-Host: app.test, evil.test\r\n", 421),
        (&door, us, "inner:8080", "X-Forwarded-Host: app.test, app.test\r\n", 200),
        (&door, us, "inner:8080", "X-Forwarded-Host: app.test,\tapp.test:80 ,\r\n", 200),
        (&door, us, "inner:8080", "X-Forwarded-Host: app.test\r\nX-Forwarded-Host: app.test\r\n", 200),
        (&door, us, "inner:8080", "X-Forwarded-Host: evil.test, app.test\r\n", 200),
        (&door, us, "inner:8080", "X-Forwarded-Host: app.test\r\nX-Forwarded-Host: evil.test\r\n", 421),
        (&door, us, "inner:8080", "X-Forwarded-Host: ,\r\n", 421),
        (&door, us, "inner:8080", "", 421),
        (&door, visitor, "inner:8080", "X-Forwarded-Host: app.test\r\n", 421),
        (&nobody, us, "inner:8080", "X-Forwarded-Host: app.test\r\n", 421),
    ] {
        let answer = client_at(peer, door.address).await.ask(get("/public", host, lines)).await;
        assert_eq!(answer.status, status, "{peer:?} {host} {lines:?}");
    }
    let told: Vec<_> = app.header("host").into_iter().chain(app.header("x-forwarded-host")).collect();
    assert_eq!(told, ["app.test"; 14], "the app is told ours, whatever was written");
}

#[tokio::test]
async fn behind_nginx_everything_goes_by_the_address_of_the_visitor() {
    let app = App::ok().await;
    let house = Installation::with(&format!("upstream: http://{}\n{PROXY}log: {{ format: json }}\n", app.address));
    house.user("alice", &[]);
    let server = house.run().await;
    let folder = tempfile::tempdir().unwrap();
    let (_nginx, front) = nginx_before(folder.path(), house.public).await;

    let (sprayer, neighbour) = ([127, 0, 0, 7].into(), [127, 0, 0, 8].into());
    let alice = Person::from(neighbour, front);
    alice.sign_in("alice").await;
    let list: serde_json::Value = alice.get("/security/api/v1/sessions").await.json().await.unwrap();
    assert!(list.to_string().contains("127.0.0.8"), "{list}");
    // Whatever a visitor writes there, nginx appends whom it has it from.
    let forged = alice.request(reqwest::Method::GET, "/x").header("x-forwarded-for", "203.0.113.7, 127.0.0.1");
    assert_eq!(forged.send().await.unwrap().status(), 200);
    assert_eq!(app.header("x-forwarded-for"), ["127.0.0.8"]);
    let line = server.child.line(|line| line.contains("\"/x\"")).await;
    assert!(line.contains("127.0.0.8") && !line.contains("203.0.113.7"), "{line}");

    let mut statuses = Vec::new();
    for number in 0..51 {
        let person = Person::from(sprayer, front);
        statuses.push(person.try_to_sign_in(&format!("name{number}"), "wrong").await.status().as_u16());
    }
    assert_eq!(statuses[..50], [401; 50]);
    assert_eq!(statuses[50], 429, "who sprays is stopped");
    let other = Person::from(neighbour, front).try_to_sign_in("nobody", "wrong").await;
    assert_eq!(other.status().as_u16(), 401, "and nobody else");
    server.stop().await;
}

#[tokio::test]
async fn it_is_told_where_all_visitors_would_share_an_address() {
    let app = App::ok().await;
    let house = Installation::before(app.address);
    let text = fs::read_to_string(house.file()).unwrap();
    let https = text.replace("public_url: http://", "public_url: https://") + &format!("listen: {}\n", house.public);
    let told = "trusted_proxies: is empty, so all visitors share the address";
    for (keys, warned) in [("", true), (PROXY, false)] {
        fs::write(house.file(), format!("{https}{keys}")).unwrap();
        let said = house.cli(&["config", "check"]);
        assert_eq!((said.code, said.err.contains(told)), (0, warned), "{said:?}");
        let server = house.run().await;
        server.says("Listening on").await;
        assert_eq!(server.log().iter().any(|line| line["message"].to_string().contains(told)), warned);
        server.stop().await;
    }
}

#[tokio::test]
async fn nobody_takes_every_seat() {
    let app = App::ok().await;
    let visitor = [203, 0, 113, 7].into();
    let door = Door::plan(&[app.address]).seats_for(visitor, 2).open().await;
    let ask = get("/public", "app.test", "");
    let (mut one, mut two) = (door.client().await, door.client().await);
    assert_eq!((one.ask(&ask).await.status, two.ask(&ask).await.status), (200, 200));
    assert!(door.client().await.is_closed().await, "there is no seat for a third one");
    assert!(door.metrics.render().contains("portcullis_connections_refused_total{reason=\"address\"} 1"));
    assert_eq!(one.ask(&ask).await.status, 200, "who is in is served");
    drop(two);
    until("the seat to be free", async || (*door.open.borrow() == 1).then_some(())).await;
    assert_eq!(door.client().await.ask(&ask).await.status, 200);

    let proxy =
        Door::plan(&[app.address]).keys("trusted_proxies: [203.0.113.0/24]\n").seats_for(visitor, 2).open().await;
    for mut client in futures_util::future::join_all((0..5).map(|_| proxy.client())).await {
        assert_eq!(client.ask(&ask).await.status, 200, "it carries many visitors");
    }
}
