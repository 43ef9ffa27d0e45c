//! The parts of the program, put together over one store. The server and the command line are made of the same ones.

use std::{sync::Arc, thread};

use super::Settings;
use crate::{
    account::{AccountStore, Accounts, AccountsParts, Cost, Hasher},
    audit::{AuditStore, Journal},
    clock::Clock,
    config::{Config, PublicUrl, RecordsIn, RedisUrl, Store},
    gate::{Gate, GateParts, cookie::CookieNames},
    guard::{Throttle, ThrottleStore},
    metrics::Metrics,
    portcullis::Portcullis,
    secret::Key,
    session::{Heart, SessionStore, Sessions},
    sign_in::{SignIn, SignInParts},
    store::{
        Measured,
        embedded::{self, Embedded, Inspected, OpenError},
    },
    visitor::Recogniser,
    web::{Desk, Web},
};

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

impl Stores {
    /// Opens the store that the configuration names, with records apart where it says so.
    ///
    /// # Errors
    /// When it cannot be opened; the message says why and what to do.
    pub fn open(store: &Store, records: Option<&RecordsIn>) -> Result<Self, OpenError> {
        let embedded = match store {
            Store::Memory => Embedded::in_memory()?,
            Store::File(path) => Embedded::open(path)?,
            Store::Redis(url) => return Self::open_redis(url, records),
        };
        Ok(Self::all_in(Arc::new(embedded)))
    }

    /// The same, for whoever answers requests: an act waits for another process no longer than a request may.
    ///
    /// # Errors
    /// As [`Stores::open`].
    pub fn open_to_serve(store: &Store, records: Option<&RecordsIn>) -> Result<Self, OpenError> {
        match store {
            Store::File(path) => Ok(Self::all_in(Arc::new(Embedded::open_to_serve(path)?))),
            Store::Memory | Store::Redis(_) => Self::open(store, records),
        }
    }

    /// Says what [`Stores::open`] would say, and makes and changes nothing.
    ///
    /// # Errors
    /// When it cannot be opened; the message says why and what to do.
    pub fn inspect(store: &Store, records: Option<&RecordsIn>) -> Result<Inspected, OpenError> {
        match store {
            Store::Memory => Ok(Inspected::Absent),
            Store::File(path) => embedded::inspect(path),
            Store::Redis(url) => Self::open_redis(url, records).map(|_| Inspected::Usable),
        }
    }

    /// Opens a store on a server, and records there or where they are kept apart.
    fn open_redis(_live: &RedisUrl, _records: Option<&RecordsIn>) -> Result<Self, OpenError> {
        Err(OpenError::NotYet)
    }

    /// The same stores, measured.
    fn measured(self, clock: &Clock, metrics: &Metrics) -> Self {
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

/// What the program is made of, but for the socket.
pub struct Parts {
    /// What time it is.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where everything is kept.
    pub stores: Stores,
    /// What a reload can change.
    pub settings: Settings,
    /// Where hits go.
    pub heart: Heart,
    /// What happened.
    pub journal: Journal,
    /// Open, list, end.
    pub sessions: Sessions,
    /// Users and passwords.
    pub accounts: Accounts,
    hasher: Hasher,
    throttle: Throttle,
    public_url: PublicUrl,
}

impl Parts {
    /// Puts the parts together.
    #[must_use]
    pub fn new(config: &Config, stores: Stores, clock: Clock, cost: Cost) -> Self {
        let metrics = Arc::new(Metrics::new());
        let stores = stores.measured(&clock, &metrics);
        let settings = Settings::of(config);
        let journal = Journal::new(stores.audit.clone(), clock.clone(), metrics.clone());
        let sessions = Sessions::new(
            stores.sessions.clone(),
            journal.clone(),
            settings.session.clone(),
            clock.clone(),
            metrics.clone(),
        );
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let hasher = Hasher::new(cost, cores, clock.clone(), metrics.clone());
        let key = config.secret.as_ref().map_or_else(Key::passing, |secret| Key::new(secret.expose()));
        let lockout = settings.lockout.clone();
        let throttle = Throttle::new(stores.throttle.clone(), lockout, key, clock.clone(), metrics.clone());
        // Over https something ends TLS in front of us, and every visitor has its address.
        let throttle = if config.public_url.is_https() { throttle.by_account_only() } else { throttle };
        let accounts = Accounts::new(AccountsParts {
            store: stores.accounts.clone(),
            sessions: sessions.clone(),
            journal: journal.clone(),
            hasher: hasher.clone(),
            throttle: throttle.clone(),
            policy: settings.password.clone(),
            clock: clock.clone(),
        });
        let heart = Heart::default();
        let public_url = config.public_url.clone();
        Self { clock, metrics, stores, settings, heart, journal, sessions, accounts, hasher, throttle, public_url }
    }

    /// The program without a socket.
    #[must_use]
    pub fn portcullis(&self) -> Portcullis {
        let gate = Gate::new(GateParts {
            public_url: self.public_url.clone(),
            routes: self.settings.routes.clone(),
            sessions: self.stores.sessions.clone(),
            policy: self.settings.session.clone(),
            heart: self.heart.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
        });
        Portcullis::new(gate, Web::new(Arc::new(self.desk())))
    }

    fn desk(&self) -> Desk {
        let sign_in = SignIn::new(SignInParts {
            accounts: self.stores.accounts.clone(),
            sessions: self.sessions.clone(),
            hasher: self.hasher.clone(),
            throttle: self.throttle.clone(),
            journal: self.journal.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
        });
        Desk {
            public_url: self.public_url.clone(),
            cookies: CookieNames::new(self.public_url.is_https()),
            clock: self.clock.clone(),
            sessions: self.sessions.clone(),
            accounts: self.accounts.clone(),
            sign_in,
            journal: self.journal.clone(),
            recogniser: Recogniser::start(),
            house: self.settings.house.clone(),
        }
    }
}
