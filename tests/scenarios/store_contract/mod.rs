//! What every store keeps to, told against the domain's traits alone. Each story runs on every kind of store; another kind
//! joins by one more module in [`contract_tests`].

/// Makes a test of each story on each kind of store.
macro_rules! contract_tests {
    ($($test:ident)*) => {
        mod in_a_file {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test(crate::store_contract::in_a_file()).await;
            })*
        }

        mod in_redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test(crate::store_contract::in_redis().await).await;
            })*
        }

        mod in_memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test(crate::store_contract::in_memory()).await;
            })*
        }
    };
}

pub(crate) mod fixtures;

mod opening;
mod sessions;

mod accounts;
mod audit_log;
mod audit_trail;
mod changes;
mod ending;
mod ends;
mod links;
mod races;
mod records;
mod throttle;
mod user_snapshots;

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
pub(crate) struct ContractStores {
    pub(crate) sessions: Arc<dyn LiveStore>,
    pub(crate) accounts: Arc<dyn AccountStore>,
    pub(crate) audit: Arc<dyn AuditStore>,
    pub(crate) throttle: Arc<dyn ThrottleStore>,
    _folder: Option<Arc<tempfile::TempDir>>,
    _server: Option<Arc<RedisServer>>,
}

pub(crate) fn in_a_file() -> ContractStores {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let store = EmbeddedStore::open(&folder.path().join("portcullis.db")).expect("a new file opens");
    from_embedded(store, Some(folder))
}

pub(crate) fn in_memory() -> ContractStores {
    from_embedded(EmbeddedStore::in_memory().expect("memory opens"), None)
}

fn from_embedded(store: EmbeddedStore, folder: Option<tempfile::TempDir>) -> ContractStores {
    let store = Arc::new(store);
    ContractStores {
        sessions: store.clone(),
        accounts: store.clone(),
        audit: store.clone(),
        throttle: store,
        _folder: folder.map(Arc::new),
        _server: None,
    }
}

/// A Redis of its own.
pub(crate) async fn in_redis() -> ContractStores {
    let server = RedisServer::start();
    let (records, _) = RedisRecords::open(&server.target(), true).await;
    let records = Arc::new(records);
    let (store, _) = RedisStore::open(&server.target(), records, &Clock::system()).await;
    let store = Arc::new(store);
    ContractStores {
        sessions: store.clone(),
        accounts: store.clone(),
        audit: store.clone(),
        throttle: store,
        _folder: None,
        _server: Some(Arc::new(server)),
    }
}
