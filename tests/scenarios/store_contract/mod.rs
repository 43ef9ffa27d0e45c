//! What every store keeps to, told against the domain's traits alone. Each story runs on every kind of store; another kind
//! joins by one more module in [`stories`].

/// Makes a test of each story on each kind of store.
macro_rules! stories {
    ($($story:ident)*) => {
        mod in_a_file {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $story() {
                super::$story(crate::store_contract::in_a_file()).await;
            })*
        }

        mod in_redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $story() {
                super::$story(crate::store_contract::in_redis().await).await;
            })*
        }

        mod in_memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $story() {
                super::$story(crate::store_contract::in_memory()).await;
            })*
        }
    };
}

pub(crate) mod people;

mod opening;
mod sessions;

mod accounts;
mod changes;
mod ending;
mod ends;
mod journal;
mod links;
mod owners;
mod races;
mod records;
mod throttle;
mod trail;

use std::sync::Arc;

use portcullis::{
    account::AccountStore,
    audit::AuditStore,
    clock::Clock,
    guard::ThrottleStore,
    store::{
        LiveStore,
        embedded::EmbeddedStore,
        redis::{RedisRecords, RedisStore},
    },
};

use crate::redis_server::RedisServer;

/// A new, empty place for everything.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) sessions: Arc<dyn LiveStore>,
    pub(crate) accounts: Arc<dyn AccountStore>,
    pub(crate) journal: Arc<dyn AuditStore>,
    pub(crate) throttle: Arc<dyn ThrottleStore>,
    _folder: Option<Arc<tempfile::TempDir>>,
    _server: Option<Arc<RedisServer>>,
}

pub(crate) fn in_a_file() -> Stores {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let store = EmbeddedStore::open(&folder.path().join("portcullis.db")).expect("a new file opens");
    of(store, Some(folder))
}

pub(crate) fn in_memory() -> Stores {
    of(EmbeddedStore::in_memory().expect("memory opens"), None)
}

fn of(store: EmbeddedStore, folder: Option<tempfile::TempDir>) -> Stores {
    let store = Arc::new(store);
    Stores {
        sessions: store.clone(),
        accounts: store.clone(),
        journal: store.clone(),
        throttle: store,
        _folder: folder.map(Arc::new),
        _server: None,
    }
}

/// A Redis of its own.
pub(crate) async fn in_redis() -> Stores {
    let server = RedisServer::start();
    let (records, _) = RedisRecords::open(&server.place(), true).await;
    let records = Arc::new(records);
    let (store, _) = RedisStore::open(&server.place(), records, &Clock::system()).await;
    let store = Arc::new(store);
    Stores {
        sessions: store.clone(),
        accounts: store.clone(),
        journal: store.clone(),
        throttle: store,
        _folder: None,
        _server: Some(Arc::new(server)),
    }
}
