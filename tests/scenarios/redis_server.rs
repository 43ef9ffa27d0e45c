//! A Redis that a test starts for itself, and that ends with it.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use portcullis::store::redis::RedisTarget;
use redis::FromRedisValue;

/// A running Redis on a free port, which puts nothing on disk.
pub(crate) struct RedisServer {
    process: Child,
    port: u16,
}

impl RedisServer {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// A Sentinel, with this file, which it writes to.
    pub(crate) fn sentinel(file: &std::path::Path) -> Self {
        Self::spawn(&|command| {
            command.arg(file).arg("--sentinel");
        })
    }

    /// With more words on its command line.
    pub(crate) fn start_with(more: &[&str]) -> Self {
        Self::spawn(&|command| {
            command.args(["--save", "", "--appendonly", "no"]).args(more);
        })
    }

    fn spawn(with: &dyn Fn(&mut Command)) -> Self {
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut command = Command::new("redis-server");
            with(&mut command);
            command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
            let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            let process = started.unwrap_or_else(|why| panic!("no redis-server ({why}); tests/run installs it"));
            let mut server = Self { process, port };
            if server.wait_until_listening() {
                return server;
            }
        }
        panic!("redis-server does not start");
    }

    /// False when it has ended: somebody else has taken the port.
    fn wait_until_listening(&mut self) -> bool {
        for _ in 0..1_000 {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            if let Ok(connection) = TcpStream::connect(("127.0.0.1", self.port)) {
                return self.is_reached_by(connection);
            }
            sleep(Duration::from_millis(10));
        }
        false
    }

    /// Whether it is this process that answers, and not another test's, which took the port first: this one ends then, but not at
    /// once. One that asks for a password does not say which it is.
    fn is_reached_by(&self, mut connection: TcpStream) -> bool {
        const ENOUGH: usize = 4096;
        connection.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        connection.write_all(b"INFO server\r\n").unwrap();
        let mut reply = Vec::new();
        let mut piece = [0; ENOUGH];
        while let Ok(count @ 1..) = connection.read(&mut piece) {
            reply.extend_from_slice(&piece[..count]);
            let text = String::from_utf8_lossy(&reply);
            if text.starts_with('-') {
                return true;
            }
            let process = text.lines().find_map(|line| line.strip_prefix("process_id:"));
            if let Some(process) = process.filter(|_| text.contains("\r\ntcp_port:")) {
                return process == self.process.id().to_string();
            }
        }
        false
    }

    /// Asks it something, past the store.
    pub(crate) fn command<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let client = redis::Client::open(("127.0.0.1", self.port)).unwrap();
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(word);
        }
        command.query(&mut client.get_connection().unwrap()).unwrap_or_else(|why| panic!("{words:?}: {why}"))
    }

    /// It says nothing any more, to nobody.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    /// It goes on.
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success(), "{script}");
    }

    pub(crate) fn target(&self) -> RedisTarget {
        RedisTarget::without_auth("127.0.0.1", self.port)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_server_of_another_test_is_not_taken_for_this_one() {
    let first = RedisServer::start();
    let connection = || TcpStream::connect(("127.0.0.1", first.port)).unwrap();
    assert!(first.is_reached_by(connection()));
    let process = Command::new("sleep").arg("60").spawn().unwrap();
    let second = RedisServer { process, port: first.port };
    assert!(!second.is_reached_by(connection()));
}
