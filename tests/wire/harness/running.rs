//! The program while it serves.

use std::net::SocketAddr;

use serde_json::Value;

use super::{Child, Client, client::Answer, until};

/// A running server.
pub(crate) struct Running {
    pub(crate) child: Child,
    admin: SocketAddr,
}

impl Running {
    /// Waits until it says that it is ready.
    pub(crate) async fn when_ready(mut child: Child, public: SocketAddr, admin: SocketAddr) -> Self {
        until("the server to be ready", async || {
            assert!(child.runs(), "it has ended: {}", child.printed().join("\n"));
            let answer = reqwest::get(format!("http://{admin}/readyz")).await.ok()?;
            // The one listener may be open before the other.
            (answer.status() == 200).then_some(())?;
            tokio::net::TcpStream::connect(public).await.ok()
        })
        .await;
        Self { child, admin }
    }

    /// Status and text of a page of the admin listener; none when it does not answer.
    pub(crate) async fn admin(&self, path: &str) -> Option<(u16, String)> {
        let answer = reqwest::get(format!("http://{}{path}", self.admin)).await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    /// What the admin listener answers to a request of this method.
    pub(crate) async fn ask_admin(&self, method: &str, path: &str) -> Answer {
        let mut client = Client::connect(self.admin).await;
        client.send(format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.admin)).await;
        client.answer(false).await
    }

    /// The value of a series.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let (_, text) = self.admin("/metrics").await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("there is no {series} in\n{text}")).parse().unwrap()
    }

    /// Waits until a series has this value.
    pub(crate) async fn metric_becomes(&self, series: &str, wanted: f64) {
        until(&format!("{series} {wanted}"), async || {
            ((self.metric(series).await - wanted).abs() < f64::EPSILON).then_some(())
        })
        .await;
    }

    /// Waits for a line of the log that says this.
    pub(crate) async fn says(&self, words: &str) -> Value {
        let line = self.child.line(|line| line.contains(words)).await;
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"))
    }

    /// Everything in its log, each line read as JSON.
    pub(crate) fn log(&self) -> Vec<Value> {
        let lines = self.child.printed();
        lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"))).collect()
    }

    /// Asks it to stop, and waits for its end.
    pub(crate) async fn stop(mut self) -> i32 {
        self.child.signal("TERM");
        self.child.end().await.code().unwrap()
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.child.signal("KILL");
        self.child.end().await;
    }
}
