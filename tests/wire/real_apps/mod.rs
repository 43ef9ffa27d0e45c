//! Apps that nobody here wrote, from `PyPI` and npm, behind the program with the file of their page in docs/apps.
//! They are downloaded, so these tests are ignored: `./tests/run --apps`.

mod datasette;
mod django;
mod jupyterlab;
mod node_red;
mod radicale;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::json;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

use crate::harness::{Child, Installation, Person, Running, Socket, free_port};

/// Longest wait for an app to listen.
const START: Duration = Duration::from_mins(1);

/// An app that runs, with Portcullis before it, and two people.
struct Guarded {
    alice: Person,
    bob: Person,
    installation: Installation,
    _app: Child,
    _server: Running,
    _folder: tempfile::TempDir,
}

impl Guarded {
    /// Starts the app by what `command` makes of a folder of its own and a port, and Portcullis as the page `page` says.
    async fn start(page: &str, command: impl FnOnce(&Path, u16) -> Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut app = Child::start(command(folder.path(), address.port()).current_dir(folder.path()));
        let listening = async {
            while TcpStream::connect(address).await.is_err() {
                assert!(app.runs(), "{page} has ended: {}", app.printed().join("\n"));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(START, listening).await.unwrap_or_else(|_| panic!("{page} does not listen: {:?}", app.printed()));
        let installation = Installation::with(&keys(page, address));
        for name in ["alice", "bob"] {
            installation.user(name, &["--role", "staff", "--role", "maker"]);
        }
        let server = installation.run().await;
        let (alice, bob) = (installation.signed_in("alice").await, installation.signed_in("bob").await);
        Self { alice, bob, installation, _app: app, _server: server, _folder: folder }
    }

    /// Ends Alice's session from another browser of hers.
    async fn end_alice(&self) {
        let elsewhere = self.installation.signed_in("alice").await;
        let id = self.alice.session().await;
        assert_eq!(elsewhere.call(Method::DELETE, &format!("/sessions/{id}"), &json!({})).await.status(), 204);
    }

    /// Sees that a stranger gets to none of these paths, whatever name they claim.
    async fn strangers_get_nowhere(&self, paths: &[&str]) {
        let stranger = self.installation.person();
        for path in paths {
            let request = stranger.request(Method::GET, path).header("Remote-User", "alice");
            assert_eq!(request.header("X-Remote-User", "alice").send().await.unwrap().status(), 401, "{path}");
        }
    }
}

/// The keys of a page's file but those that each installation has of its own, with the app at `address`.
fn keys(page: &str, address: SocketAddr) -> String {
    let path = repository(&format!("docs/apps/{page}.md"));
    let text = fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let (_, rest) = text.split_once("```yaml\n").unwrap();
    let (file, _) = rest.split_once("```").unwrap();
    let own = ["public_url:", "listen:", "trusted_proxies:", "store:", "secret_file:"];
    let kept = file.lines().filter(|line| !own.iter().any(|key| line.starts_with(key)));
    let placed = kept.map(|line| match line.split_once("servers: [http://") {
        Some((before, _)) => format!("{before}servers: [\"http://{address}\"]\n"),
        None => format!("{line}\n"),
    });
    placed.collect()
}

/// A folder into which this package of `PyPI` is installed, with its programs in `bin`.
fn from_pypi(package: &str) -> PathBuf {
    let folder = target(package);
    if !folder.join("installed").exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        run(Command::new(folder.join("bin/pip")).args(["install", "--quiet", "--disable-pip-version-check", package]));
        fs::write(folder.join("installed"), "").unwrap();
    }
    folder
}

/// A folder into which this package of npm is installed.
fn from_npm(package: &str) -> PathBuf {
    let folder = target(package);
    if !folder.join("installed").exists() {
        fs::create_dir_all(&folder).unwrap();
        run(Command::new("npm").args(["install", "--silent", "--no-fund", "--prefix"]).arg(&folder).arg(package));
        fs::write(folder.join("installed"), "").unwrap();
    }
    folder
}

fn target(package: &str) -> PathBuf {
    repository("target/apps").join(package)
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|why| panic!("{command:?}: {why}; ./tests/run --apps installs it"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Waits until a WebSocket is closed, and says with which code.
async fn closed(mut socket: Socket) -> Option<u16> {
    let hearing = async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(frame) = message {
                return frame.map(|frame| CloseCode::into(frame.code));
            }
        }
        None
    };
    timeout(Duration::from_secs(3), hearing).await.expect("the WebSocket stays open")
}
