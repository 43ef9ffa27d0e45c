//! Where everything is kept: from what the operator wrote to a store that is open.

use std::{fs, io, path::PathBuf, sync::Arc, time::Duration};

use tracing::{error, info};

use crate::{
    account::{AccountRecords as _, AccountStore},
    audit::AuditStore,
    clock::{Clock, Timestamp},
    config::{RecordsIn, RedisUrl, Store},
    guard::ThrottleStore,
    metrics::Metrics,
    outage::StoreError,
    session::SessionStore,
    store::{
        Measured, Records,
        embedded::{self, Embedded, Inspected, OpenError},
        redis::{About, Opening, Place, Redis, RedisRecords, Tls, Trouble, inspect},
    },
};

/// How long an act of a server waits for a store on another machine: whoever asked for it is still there.
const PROMPT: Duration = Duration::from_millis(1_500);
/// How long it waits on the command line, where nobody is kept from anything.
const PATIENT: Duration = Duration::from_secs(5);

/// Where everything is kept.
#[derive(Clone)]
pub struct Stores {
    /// Sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// Accounts.
    pub accounts: Arc<dyn AccountStore>,
    /// The journal.
    pub audit: Arc<dyn AuditStore>,
    /// Counters of tries.
    pub throttle: Arc<dyn ThrottleStore>,
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CannotOpen {
    /// The file cannot.
    #[error(transparent)]
    File(#[from] OpenError),
    /// The server cannot.
    #[error(transparent)]
    Redis(#[from] Trouble),
    /// It can be opened, and not written.
    #[error(transparent)]
    Leftovers(#[from] StoreError),
    /// The certificate of the authority that vouches for the server cannot be read.
    #[error("cannot read ca_file {}", path.display())]
    Authority {
        /// Where it should be.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Who opens a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opener {
    /// A server: it answers requests in time, and starts although a store on another machine is not there yet.
    Server,
    /// The command line, which waits longer, and then says what is wrong.
    CommandLine,
    /// The same for a verb that ends sessions, which is done on a full disk, too.
    CommandLineThatEnds,
}

impl Opener {
    const fn serves(self) -> bool {
        matches!(self, Self::Server)
    }
}

impl Stores {
    /// Opens the store that the configuration names, with records apart where it says so; and the clock that goes with it.
    ///
    /// # Errors
    /// When it cannot be opened; the message says why and what to do.
    pub async fn open(store: &Store, records: Option<&RecordsIn>, opener: Opener) -> Result<(Self, Clock), CannotOpen> {
        let embedded = match store {
            Store::Memory => return Ok((Self::in_memory()?, Clock::machine())),
            Store::File(path) => Self::all_in(Arc::new(file(path, opener)?)),
            Store::Redis(url) => {
                let clock = Clock::led();
                return Ok((open_redis(url, records, opener, &clock).await?, clock));
            }
        };
        Ok((embedded, Clock::machine()))
    }

    /// Everything is gone with the process.
    ///
    /// # Errors
    /// When there is no memory or no thread to be had.
    pub fn in_memory() -> Result<Self, OpenError> {
        Ok(Self::all_in(Arc::new(Embedded::in_memory()?)))
    }

    /// Says what [`Stores::open`] would say of a file, and makes and changes nothing.
    ///
    /// # Errors
    /// When it cannot be opened; the message says why and what to do.
    pub fn inspect_file(path: &std::path::Path) -> Result<Inspected, OpenError> {
        embedded::inspect(path)
    }

    /// Says what [`Stores::open`] would say of a server, and changes nothing.
    ///
    /// # Errors
    /// When it cannot be used; the message says why and what to do.
    pub async fn inspect_redis(url: &RedisUrl) -> Result<About, CannotOpen> {
        Ok(inspect(&place_of(url, Opener::CommandLine)?).await?)
    }

    /// The names of all accounts, and their addresses, as they are kept; nothing is changed.
    ///
    /// # Errors
    /// When the store cannot be opened or read.
    pub async fn inspect_logins(store: &Store, records: Option<&RecordsIn>) -> Result<[Vec<String>; 2], CannotOpen> {
        let url = match (store, records) {
            (Store::Memory, _) => return Ok([Vec::new(), Vec::new()]),
            (Store::File(path), _) | (_, Some(RecordsIn::File(path))) => return Ok(embedded::inspect_logins(path)?),
            (_, Some(RecordsIn::Redis(url))) | (Store::Redis(url), None) => url,
        };
        let (records, _) = RedisRecords::open(&place_of(url, Opener::CommandLine)?, false).await;
        let accounts = records.list().await.unwrap_or_default();
        let names = accounts.iter().map(|account| account.name.to_string()).collect();
        Ok([names, accounts.iter().filter_map(|account| account.email.as_ref().map(ToString::to_string)).collect()])
    }

    /// The same stores, measured.
    pub(super) fn measured(self, clock: &Clock, metrics: &Metrics) -> Self {
        Self {
            sessions: Arc::new(Measured::new(self.sessions, clock.clone(), metrics)),
            accounts: Arc::new(Measured::new(self.accounts, clock.clone(), metrics)),
            audit: Arc::new(Measured::new(self.audit, clock.clone(), metrics)),
            throttle: Arc::new(Measured::new(self.throttle, clock.clone(), metrics)),
        }
    }

    /// Everything in one place.
    pub fn all_in<S: SessionStore + AccountStore + AuditStore + ThrottleStore + 'static>(store: Arc<S>) -> Self {
        Self { sessions: store.clone(), accounts: store.clone(), audit: store.clone(), throttle: store }
    }
}

fn file(path: &std::path::Path, opener: Opener) -> Result<Embedded, OpenError> {
    match opener {
        Opener::Server => Embedded::open_to_serve(path),
        Opener::CommandLine => Embedded::open(path),
        Opener::CommandLineThatEnds => Embedded::open_to_end(path),
    }
}

/// Records in a file. The command line leaves in it what it finds: the server that keeps sessions there may still run.
async fn records_in_file(
    path: &std::path::Path,
    opener: Opener,
    clock: &Clock,
) -> Result<Arc<dyn Records>, CannotOpen> {
    let records = file(path, opener)?;
    if opener == Opener::Server {
        let ended = records.end_leftovers(clock.now()).await?;
        if ended > 0 {
            info!("Ended {ended} sessions that {} still held: they are kept elsewhere from now on", path.display());
        }
    }
    Ok(Arc::new(records))
}

/// Records on a server.
async fn records_in(place: &Place, sessions: &Place, opener: Opener) -> Result<Arc<dyn Records>, CannotOpen> {
    let (records, about) = RedisRecords::open(place, place.shown() != sessions.shown()).await;
    tell("Accounts and the journal", &about, place, opener)?;
    Ok(Arc::new(records))
}

async fn open_redis(
    url: &RedisUrl,
    records: Option<&RecordsIn>,
    opener: Opener,
    clock: &Clock,
) -> Result<Stores, CannotOpen> {
    let live = place_of(url, opener)?;
    let records: Arc<dyn Records> = match records {
        Some(RecordsIn::File(path)) => records_in_file(path, opener, clock).await?,
        Some(RecordsIn::Redis(url)) => records_in(&place_of(url, opener)?, &live, opener).await?,
        None => records_in(&live, &live, opener).await?,
    };
    let (store, Opening { about, last_used }) = Redis::open(&live, records, clock).await;
    tell("Sessions", &about, &live, opener)?;
    // Beside a replica that is at it this says nothing.
    let idle = |last: &Timestamp| clock.now().since(*last) > Duration::from_mins(1);
    if let (Some(last_used), Opener::Server) = (last_used.filter(idle), opener) {
        info!(
            "This store was last used at {}. If a backup from then was put back, sessions that have ended since are open \
             again: portcullis sessions revoke --all --reason \"backup restored\" ends all",
            last_used.rfc3339()
        );
    }
    Ok(Stores::all_in(Arc::new(store)))
}

/// Says what was found at a place. A server waits for one that is not there yet; the command line does not.
fn tell(what: &str, about: &Result<About, Trouble>, place: &Place, opener: Opener) -> Result<(), Trouble> {
    match about {
        Ok(About { name, .. }) => {
            info!("{what} are in {name} at {}", place.shown());
            Ok(())
        }
        Err(why) if !opener.serves() => Err(why.clone()),
        Err(why) => {
            error!("{what} cannot be used: {why}; until then guarded routes answer 503");
            Ok(())
        }
    }
}

fn place_of(url: &RedisUrl, opener: Opener) -> Result<Place, CannotOpen> {
    let read = |path: &std::path::Path| {
        fs::read(path).map_err(|source| CannotOpen::Authority { path: path.to_owned(), source })
    };
    let authority = url.ca_file().map(read).transpose()?;
    Ok(Place {
        host: url.host().to_owned(),
        port: url.port(),
        tls: url.tls().then_some(Tls { authority }),
        user: url.user().map(str::to_owned),
        password: url.password().cloned(),
        db: url.db(),
        patience: match opener {
            Opener::Server => PROMPT,
            Opener::CommandLine | Opener::CommandLineThatEnds => PATIENT,
        },
        wait_replicas: url.wait_replicas().unwrap_or(0).into(),
    })
}
