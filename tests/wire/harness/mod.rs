//! A proxy in this process or the program itself, apps behind it and clients before it. Every port is free, every folder
//! is new, and what a test starts ends with it.

mod app;
mod child;
mod client;
mod door;
mod faults;
pub(crate) mod frames;
mod http2;
mod installation;
mod person;
mod ports;
mod readers;
mod redis;
mod replicas;
mod resp;
mod running;
mod secure;
mod small_disk;
mod streaming;

pub(crate) use app::{App, read_request};
pub(crate) use child::{Child, Said};
pub(crate) use client::{Answer, Client};
pub(crate) use door::Door;
pub(crate) use faults::{Faults, Way};
pub(crate) use http2::{Http2, came, next_part};
pub(crate) use installation::{Installation, PASSWORD, portcullis};
pub(crate) use person::Person;
pub(crate) use ports::free_port;
pub(crate) use readers::{Readers, Reading};
pub(crate) use redis::{Data, Redis};
pub(crate) use replicas::{Replicas, StoreKind};
pub(crate) use resp::{Resp, Said as RedisSaid};
pub(crate) use running::Running;
pub(crate) use secure::Shown;
pub(crate) use small_disk::on_a_small_disk;
pub(crate) use streaming::{KINDS, Socket, Streaming, accept, websocket};

/// Longest wait for what must come.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);
/// Longest wait for a program to start or to end, on a machine that is busy with other tests.
pub(crate) const LONG_PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Runs beside the test.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's servers live as long as its runtime, and nobody waits for them"
)]
pub(crate) fn beside(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

/// Asks again and again until it has an answer.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG_PATIENCE, asking).await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}
