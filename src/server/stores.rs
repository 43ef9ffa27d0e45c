//! Opening of the stores that the configuration names.

use std::{fs, io, path::PathBuf, sync::Arc, time::Duration};

use tracing::{error, info};

use crate::{
    account::{AccountStore, UserRecords as _},
    audit::AuditStore,
    clock::{Clock, Timestamp},
    config::{RecordsLocation, RedisUrl, StoreLocation},
    guard::ThrottleStore,
    metrics::Metrics,
    store::{
        LiveStore, MeasuredStore, RecordStore,
        embedded::{self, EmbeddedStore, FileStatus, OpenError},
        redis::{
            OpenReport, RedisRecords, RedisStore, RedisStoreError, RedisTarget, RedisTls, ServerInfo, probe_server,
        },
    },
    store_error::StoreError,
};

/// Timeout of store operations of a server, while a client waits for its response.
const SERVER_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Timeout of store operations on the command line.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(5);

/// Stores of the program.
#[derive(Clone)]
pub struct Stores {
    /// Session store.
    pub sessions: Arc<dyn LiveStore>,
    /// Account store.
    pub accounts: Arc<dyn AccountStore>,
    /// Audit log.
    pub audit: Arc<dyn AuditStore>,
    /// Throttle counters.
    pub throttle: Arc<dyn ThrottleStore>,
}

/// Error of opening a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreOpenError {
    /// File store unusable.
    #[error(transparent)]
    File(#[from] OpenError),
    /// Redis server unusable.
    #[error(transparent)]
    Redis(#[from] RedisStoreError),
    /// Store opened, but not writable.
    #[error(transparent)]
    Write(#[from] StoreError),
    /// CA certificate for the store's server unreadable.
    #[error("cannot read ca_file {}", path.display())]
    CaFile {
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

/// Purpose of opening a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// Server: short timeouts, and a start although a remote store is not reachable yet.
    Server,
    /// Command line: longer timeouts, then an error.
    Command,
    /// Command that ends sessions, which must work on a full disk, too.
    RevokingCommand,
}

impl OpenMode {
    const fn is_server(self) -> bool {
        matches!(self, Self::Server)
    }
}

impl Stores {
    /// Opens the store that the configuration names, with records apart where it says so; and the clock that goes with it.
    ///
    /// # Errors
    /// When it cannot be opened; the message says why and what to do.
    pub async fn open(
        store: &StoreLocation,
        records: Option<&RecordsLocation>,
        mode: OpenMode,
    ) -> Result<(Self, Clock), StoreOpenError> {
        let embedded = match store {
            StoreLocation::Memory => return Ok((Self::in_memory()?, Clock::system())),
            StoreLocation::File(path) => Self::from_single(Arc::new(open_file(path, mode)?)),
            StoreLocation::Redis(url) => {
                let clock = Clock::following();
                return Ok((open_redis(url, records, mode, &clock).await?, clock));
            }
        };
        Ok((embedded, Clock::system()))
    }

    /// Opens in-memory stores; their data is lost with the process.
    ///
    /// # Errors
    /// When there is no memory or no thread to be had.
    pub fn in_memory() -> Result<Self, OpenError> {
        Ok(Self::from_single(Arc::new(EmbeddedStore::in_memory()?)))
    }

    /// Says what [`Stores::open`] would say of a file, and makes and changes nothing.
    ///
    /// # Errors
    /// When it cannot be opened; the message says why and what to do.
    pub fn probe_file(path: &std::path::Path) -> Result<FileStatus, OpenError> {
        embedded::probe_file(path)
    }

    /// Says what [`Stores::open`] would say of a server, and changes nothing.
    ///
    /// # Errors
    /// When it cannot be used; the message says why and what to do.
    pub async fn probe_redis(url: &RedisUrl) -> Result<ServerInfo, StoreOpenError> {
        Ok(probe_server(&redis_target(url, OpenMode::Command)?).await?)
    }

    /// The names of all accounts, and their addresses, as they are kept; nothing is changed.
    ///
    /// # Errors
    /// When the store cannot be opened or read.
    pub async fn probe_logins(
        store: &StoreLocation,
        records: Option<&RecordsLocation>,
    ) -> Result<[Vec<String>; 2], StoreOpenError> {
        let url = match (store, records) {
            (StoreLocation::Memory, _) => return Ok([Vec::new(), Vec::new()]),
            (StoreLocation::File(path), _) | (_, Some(RecordsLocation::File(path))) => {
                return Ok(embedded::probe_logins(path)?);
            }
            (_, Some(RecordsLocation::Redis(url))) | (StoreLocation::Redis(url), None) => url,
        };
        let (records, _) = RedisRecords::open(&redis_target(url, OpenMode::Command)?, false).await;
        let accounts = records.list().await.unwrap_or_default();
        let names = accounts.iter().map(|account| account.name.to_string()).collect();
        Ok([names, accounts.iter().filter_map(|account| account.email.as_ref().map(ToString::to_string)).collect()])
    }

    /// Wraps the stores so that their operations are measured.
    pub(super) fn with_metrics(self, clock: &Clock, metrics: &Metrics) -> Self {
        Self {
            sessions: Arc::new(MeasuredStore::new(self.sessions, clock.clone(), metrics)),
            accounts: Arc::new(MeasuredStore::new(self.accounts, clock.clone(), metrics)),
            audit: Arc::new(MeasuredStore::new(self.audit, clock.clone(), metrics)),
            throttle: Arc::new(MeasuredStore::new(self.throttle, clock.clone(), metrics)),
        }
    }

    /// Uses one store for everything.
    pub fn from_single<S: LiveStore + AccountStore + AuditStore + ThrottleStore + 'static>(store: Arc<S>) -> Self {
        Self { sessions: store.clone(), accounts: store.clone(), audit: store.clone(), throttle: store }
    }
}

fn open_file(path: &std::path::Path, mode: OpenMode) -> Result<EmbeddedStore, OpenError> {
    match mode {
        OpenMode::Server => EmbeddedStore::open_to_serve(path),
        OpenMode::Command => EmbeddedStore::open(path),
        OpenMode::RevokingCommand => EmbeddedStore::open_to_end(path),
    }
}

/// Records in a file. The command line leaves in it what it finds: the server that keeps sessions there may still run.
async fn records_in_file(
    path: &std::path::Path,
    mode: OpenMode,
    clock: &Clock,
) -> Result<Arc<dyn RecordStore>, StoreOpenError> {
    let records = open_file(path, mode)?;
    if mode == OpenMode::Server {
        let ended = records.end_leftovers(clock.now()).await?;
        if ended > 0 {
            info!(ended, file = %path.display(), "Leftover sessions ended: sessions are kept in another store");
        }
    }
    Ok(Arc::new(records))
}

/// Opens a record store on a Redis server.
async fn records_in_redis(
    place: &RedisTarget,
    sessions: &RedisTarget,
    mode: OpenMode,
) -> Result<Arc<dyn RecordStore>, StoreOpenError> {
    let (records, about) = RedisRecords::open(place, place.address() != sessions.address()).await;
    log_open_result("Accounts and the journal", &about, place, mode)?;
    Ok(Arc::new(records))
}

async fn open_redis(
    url: &RedisUrl,
    records: Option<&RecordsLocation>,
    mode: OpenMode,
    clock: &Clock,
) -> Result<Stores, StoreOpenError> {
    let live = redis_target(url, mode)?;
    let records: Arc<dyn RecordStore> = match records {
        Some(RecordsLocation::File(path)) => records_in_file(path, mode, clock).await?,
        Some(RecordsLocation::Redis(url)) => records_in_redis(&redis_target(url, mode)?, &live, mode).await?,
        None => records_in_redis(&live, &live, mode).await?,
    };
    let (store, OpenReport { server: about, last_used }) = RedisStore::open(&live, records, clock).await;
    log_open_result("Sessions", &about, &live, mode)?;
    // Beside a replica that is at it this says nothing.
    let idle = |last: &Timestamp| clock.now().since(*last) > Duration::from_mins(1);
    if let (Some(last_used), OpenMode::Server) = (last_used.filter(idle), mode) {
        info!(
            last_used = last_used.rfc3339(),
            "Store was idle: if a backup was put back, sessions that have ended since are open again; end all with: \
             portcullis sessions revoke --all --reason \"backup restored\""
        );
    }
    Ok(Stores::from_single(Arc::new(store)))
}

/// Says what was found at a place. A server waits for one that is not there yet; the command line does not.
fn log_open_result(
    what: &str,
    about: &Result<ServerInfo, RedisStoreError>,
    place: &RedisTarget,
    mode: OpenMode,
) -> Result<(), RedisStoreError> {
    match about {
        Ok(ServerInfo { name, .. }) => {
            info!(server = name, address = place.address(), "Store opened: {what}");
            Ok(())
        }
        Err(why) if !mode.is_server() => Err(why.clone()),
        Err(why) => {
            error!(error = %why, "Store unavailable: {what}; guarded routes answer 503 until it is back");
            Ok(())
        }
    }
}

fn redis_target(url: &RedisUrl, mode: OpenMode) -> Result<RedisTarget, StoreOpenError> {
    let read = |path: &std::path::Path| {
        fs::read(path).map_err(|source| StoreOpenError::CaFile { path: path.to_owned(), source })
    };
    let authority = url.ca_file().map(read).transpose()?;
    Ok(RedisTarget {
        host: url.host().to_owned(),
        port: url.port(),
        tls: url.tls().then_some(RedisTls { ca_certificate: authority }),
        user: url.user().map(str::to_owned),
        password: url.password().cloned(),
        db: url.db(),
        timeout: match mode {
            OpenMode::Server => SERVER_TIMEOUT,
            OpenMode::Command | OpenMode::RevokingCommand => COMMAND_TIMEOUT,
        },
        wait_replicas: url.wait_replicas().unwrap_or(0).into(),
    })
}
