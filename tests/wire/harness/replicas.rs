//! Several programs of one installation: the same address to the outside, one store, and ports of their own.

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc};

use super::{Installation, Running, Said};

/// Where a replica keeps sessions and accounts.
#[derive(Clone)]
pub(crate) enum StoreKind {
    /// In a file that all of them open.
    File,
    /// In a file of its own, which no replica should ever have beside another.
    OwnFile,
    /// In a Redis.
    Redis { url: String },
    /// Sessions in a Redis, records in a file that all of them open.
    RedisAndFile { url: String },
}

impl StoreKind {
    /// The same, with records in a file.
    pub(crate) fn with_records_in_a_file(self) -> Self {
        match self {
            Self::Redis { url } => Self::RedisAndFile { url },
            other => other,
        }
    }
}

/// Some replicas, each running or not.
pub(crate) struct Replicas {
    /// Shared with whoever uses the command line while replicas come and go.
    pub(crate) houses: Arc<Vec<Installation>>,
    running: Vec<Option<Running>>,
}

impl Replicas {
    /// Configures one replica for each of these stores before an app, with these keys besides. None runs yet.
    pub(crate) fn before(app: SocketAddr, stores: &[StoreKind], keys: &str) -> Self {
        let houses: Vec<Installation> = stores.iter().map(|_| Installation::before(app)).collect();
        let public_url = houses[0].public;
        for (house, kind) in houses.iter().zip(stores) {
            let shared = houses[0].path("portcullis.db");
            let store = match kind {
                StoreKind::File => format!("file:{}", shared.display()),
                StoreKind::OwnFile => "file:portcullis.db".to_owned(),
                StoreKind::Redis { url } => url.clone(),
                StoreKind::RedisAndFile { url } => format!("{url}\nrecords: file:{}", shared.display()),
            };
            let text = format!(
                "public_url: http://{public_url}\nlisten: {}\nstore: {store}\nsecret_file: portcullis.secret\n\
                 admin: {{ listen: {} }}\nupstream: http://{app}\n{keys}",
                house.public, house.admin
            );
            fs::write(house.file(), text).unwrap();
        }
        let running = houses.iter().map(|_| None).collect();
        Self { houses: Arc::new(houses), running }
    }

    pub(crate) fn len(&self) -> usize {
        self.houses.len()
    }

    /// Where each of them listens.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.houses.iter().map(|house| house.public).collect()
    }

    /// The store of a replica, where it is a file of its own.
    pub(crate) fn own_file(&self, place: usize) -> PathBuf {
        self.houses[place].path("portcullis.db")
    }

    /// Adds a user, by the command line of the first.
    pub(crate) fn user(&self, name: &str) {
        self.houses[0].user(name, &[]);
    }

    /// Runs a verb of the first.
    pub(crate) fn cli(&self, words: &[&str]) -> Said {
        self.houses[0].cli(words)
    }

    /// Starts every one that does not run, and waits until all are ready.
    pub(crate) async fn start(&mut self) {
        for place in 0..self.len() {
            if self.running[place].is_none() {
                self.start_one(place).await;
            }
        }
    }

    /// Starts this one, on the ports that it always has.
    pub(crate) async fn start_one(&mut self, place: usize) {
        self.running[place] = Some(self.houses[place].run().await);
    }

    pub(crate) fn running(&self, place: usize) -> &Running {
        self.running[place].as_ref().unwrap()
    }

    /// Whether this one says that it is ready.
    pub(crate) async fn is_ready(&self, place: usize) -> bool {
        self.running(place).admin("/readyz").await.is_some_and(|(status, _)| status == 200)
    }

    /// `SIGTERM`; its exit code.
    pub(crate) async fn stop(&mut self, place: usize) -> i32 {
        self.running[place].take().unwrap().stop().await
    }

    /// Waits for the end of one that was told to stop; its exit code.
    pub(crate) async fn ended(&mut self, place: usize) -> i32 {
        self.running[place].take().unwrap().child.end().await.code().unwrap()
    }

    /// `kill -9`.
    pub(crate) async fn kill(&mut self, place: usize) {
        self.running[place].take().unwrap().kill().await;
    }
}
