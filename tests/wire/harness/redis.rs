//! A real Redis of a test, on a free port and in a folder of its own, and everything that can happen to one.

use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    process::Command,
    sync::{Arc, Mutex},
};

use super::resp::{Resp, Said};
use super::{Child, Faults, StoreKind, beside, free_port, until};

/// What is done to the data between two runs.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Data {
    Kept,
    Lost,
}

/// A Redis that runs, or does not.
pub(crate) struct Redis {
    folder: tempfile::TempDir,
    pub(crate) address: SocketAddr,
    /// Where it speaks TLS, if it does.
    pub(crate) tls: Option<SocketAddr>,
    /// What is said before anything else on a new connection, where it wants a password.
    greeting: Vec<String>,
    child: Option<Child>,
}

/// How a test wants its Redis.
#[derive(Default)]
pub(crate) struct RedisPlan {
    lines: String,
    greeting: Vec<String>,
    tls: bool,
}

impl RedisPlan {
    /// What it is told survives its end: the AOF is written before each answer. With `everysec` it is not, while the disk is busy:
    /// Redis puts a write off for up to two seconds while it waits for a sync, and answers meanwhile. What it answered then is
    /// gone when it is killed.
    pub(crate) fn lasting(self) -> Self {
        self.line("appendonly yes").line("appendfsync always")
    }

    /// A line of its configuration.
    pub(crate) fn line(mut self, line: &str) -> Self {
        self.lines += line;
        self.lines += "\n";
        self
    }

    /// It wants this password.
    pub(crate) fn password(mut self, password: &str) -> Self {
        self.greeting = ["AUTH", password].map(str::to_owned).to_vec();
        self.line(&format!("requirepass {password}"))
    }

    /// It speaks TLS as well, with a certificate of a CA that nobody knows: [`Redis::ca`].
    pub(crate) fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    pub(crate) async fn start(self) -> Redis {
        let folder = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let tls = self.tls.then(|| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let place = folder.path().display();
        let mut text = format!(
            "bind 127.0.0.1\nport {}\ndir {place}\nsave \"\"\nmaxmemory-policy noeviction\nenable-debug-command yes\n\
             repl-diskless-sync-delay 0\n",
            address.port()
        );
        if let Some(tls) = tls {
            make_certificates(folder.path());
            write!(
                text,
                "tls-port {}\ntls-cert-file {place}/redis.crt\ntls-key-file {place}/redis.key\n\
                 tls-ca-cert-file {place}/ca.crt\ntls-auth-clients no\n",
                tls.port()
            )
            .unwrap();
        }
        fs::write(folder.path().join("redis.conf"), format!("{text}{}", self.lines)).unwrap();
        let mut redis = Redis { folder, address, tls, greeting: self.greeting, child: None };
        redis.start_again(Data::Kept).await;
        redis
    }
}

impl Redis {
    /// One that forgets everything when it ends.
    pub(crate) async fn start() -> Self {
        RedisPlan::default().start().await
    }

    pub(crate) fn plan() -> RedisPlan {
        RedisPlan::default()
    }

    /// As a store, on a road of its own for each of so many replicas.
    pub(crate) fn roads(&self, count: usize) -> (Vec<Faults>, Vec<StoreKind>) {
        let roads: Vec<Faults> = (0..count).map(|_| Faults::toward(self.address)).collect();
        let stores = roads.iter().map(|road| StoreKind::Redis { url: format!("redis://{}/0", road.address) }).collect();
        (roads, stores)
    }

    /// As a store, straight, of so many replicas.
    pub(crate) fn stores(&self, count: usize) -> Vec<StoreKind> {
        vec![StoreKind::Redis { url: format!("redis://{}/0", self.address) }; count]
    }

    /// The certificate of its CA.
    pub(crate) fn ca(&self) -> std::path::PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// Sends one command on a connection of its own.
    pub(crate) async fn ask(&self, words: &[&str]) -> Said {
        self.try_to_ask(words).await.unwrap_or_else(|| panic!("no answer to {words:?}"))
    }

    /// The same, where it may not answer.
    pub(crate) async fn try_to_ask(&self, words: &[&str]) -> Option<Said> {
        self.connect().await?.ask(words).await
    }

    /// A connection on which everything may be asked for.
    async fn connect(&self) -> Option<Resp> {
        let mut connection = Resp::connect(self.address).await?;
        if !self.greeting.is_empty() {
            let words: Vec<&str> = self.greeting.iter().map(String::as_str).collect();
            connection.ask(&words).await?;
        }
        Some(connection)
    }

    /// A value of `INFO`.
    pub(crate) async fn info(&self, section: &str, name: &str) -> String {
        let info = self.ask(&["INFO", section]).await.text();
        let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("there is no {name} in\n{info}")).to_owned()
    }

    /// It answers nobody any more, and keeps every connection open.
    pub(crate) fn stop(&self) {
        self.child.as_ref().unwrap().signal("STOP");
    }

    /// It answers again, also what was asked meanwhile.
    pub(crate) fn go_on(&self) {
        self.child.as_ref().unwrap().signal("CONT");
    }

    /// `kill -9`.
    pub(crate) async fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.signal("KILL");
        child.end().await;
    }

    /// Starts it on the same port, and waits until it answers.
    pub(crate) async fn start_again(&mut self, data: Data) {
        self.begin(data);
        until("Redis to answer", async || {
            self.try_to_ask(&["PING"]).await.filter(|said| *said == Said::Text("PONG".to_owned()))
        })
        .await;
    }

    /// Starts it on the same port, and does not wait.
    pub(crate) fn begin(&mut self, data: Data) {
        if data == Data::Lost {
            let _ = fs::remove_dir_all(self.folder.path().join("appendonlydir"));
            let _ = fs::remove_file(self.folder.path().join("dump.rdb"));
        }
        let mut command = Command::new("redis-server");
        self.child = Some(Child::start(command.arg(self.folder.path().join("redis.conf"))));
    }

    /// Makes it a replica of another, and waits until it has everything.
    pub(crate) async fn follow(&self, other: &Self) {
        self.ask(&["REPLICAOF", "127.0.0.1", &other.address.port().to_string()]).await.text();
        until("the replica to follow", async || {
            (self.info("replication", "master_link_status").await == "up").then_some(())
        })
        .await;
    }

    /// Makes it its own master.
    pub(crate) async fn lead(&self) {
        self.ask(&["REPLICAOF", "NO", "ONE"]).await.text();
    }

    /// Writes down every command that it is sent from now on.
    pub(crate) async fn monitor(&self) -> Monitor {
        let mut connection = self.connect().await.unwrap();
        connection.ask(&["MONITOR"]).await.unwrap().text();
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&lines);
        beside(async move {
            while let Some(Said::Text(line)) = connection.next().await {
                kept.lock().unwrap().push(line);
            }
        });
        Monitor(lines)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Who is stopped cannot be waited for otherwise.
        if let Some(child) = &self.child {
            child.signal("CONT");
        }
    }
}

/// The commands that a Redis was sent.
pub(crate) struct Monitor(Arc<Mutex<Vec<String>>>);

impl Monitor {
    /// Those with this word as their first, whatever its case; what a script did is marked as `lua` and left out.
    pub(crate) fn commands(&self, name: &str) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        let is = |line: &&String| {
            let command = line.split_once("] \"").map_or("", |(_, rest)| rest.split('"').next().unwrap_or_default());
            command.eq_ignore_ascii_case(name) && !line.contains(" lua] ")
        };
        lines.iter().filter(is).cloned().collect()
    }

    /// Waits until it has written down a command that holds this word.
    pub(crate) async fn reaches(&self, word: &str) {
        until("a command to be written down", async || {
            self.0.lock().unwrap().iter().any(|line| line.contains(word)).then_some(())
        })
        .await;
    }
}

/// A CA, and a certificate of it for 127.0.0.1.
fn make_certificates(folder: &std::path::Path) {
    let script = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test-ca \
                  -keyout ca.key -out ca.crt -addext basicConstraints=critical,CA:TRUE 2>&1 && \
                  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout redis.key \
                  -out redis.csr 2>&1 && printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\\n' > names && \
                  openssl x509 -req -in redis.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names \
                  -out redis.crt 2>&1";
    let made = Command::new("sh").args(["-c", script]).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
}
