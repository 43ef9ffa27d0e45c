//! Composition root: from a configuration to a running program. The only place that sees every part.

mod admin;
mod components;
mod open_files;
mod redirect;
mod reload;
mod settings;
mod stores;

use std::{path::PathBuf, sync::Arc, thread, time::Duration};

use arc_swap::ArcSwap;
use axum::Router;
use http::HeaderValue;
use tokio::sync::{Mutex, watch};
use tracing::{debug, info, warn};

use crate::{
    account::Cost,
    config::{self, Config},
    metrics::Metrics,
    proxy::{
        AxumApp, BodyReadLimiter, ConnectionAcceptor, ConnectionLimiter, ConnectionLimits, ListenError, Listeners,
        Proxy, ProxyParts, ServeError, ShutdownTiming, TlsAcceptor, Upstreams,
    },
    tasks::{
        CheckStreams, DrainOutbox, FileWatcher, FlushFailureCounts, FlushHeartbeats, ReapplyEnds, RevocationWatcher,
        StoreWatcher, Sweep, TaskRunner,
    },
    telemetry::{LogEncoding, LogOptions},
};
use reload::{ConfigReloader, watched_files};

pub use admin::Installation;
pub use components::Components;
pub use settings::{LiveSettings, trusted_proxies};
pub use stores::{OpenMode, StoreOpenError, Stores};

/// How often expired sessions are swept.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);
/// How often counts of failed sign-ins are written: a crash loses those since.
const COUNT_WRITE_INTERVAL: Duration = Duration::from_secs(2);
/// How often acts that were broken off are looked for.
const OUTBOX_INTERVAL: Duration = Duration::from_secs(5);
/// How often the store is asked whether it answers.
const STORE_CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// How often what is in flight is looked through for sessions that are due to be looked up.
const STREAM_CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// How often the configuration file is looked at. A change counts when two looks in a row have seen the same.
const CONFIG_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is looked how long the certificate is still good.
const CERTIFICATE_CHECK_INTERVAL: Duration = Duration::from_hours(12);
/// How often the names of apps' servers are looked up again.
const DNS_REFRESH_INTERVAL: Duration = Duration::from_secs(30);

/// Why the server does not run, or does not run on.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreOpenError),
    /// An address cannot be listened on.
    #[error("{key}: {source}")]
    Listen {
        /// The key that names the address.
        key: &'static str,
        /// Which address, and why.
        source: ListenError,
    },
    /// Serving ended, and nobody had asked for it.
    #[error(transparent)]
    Interrupted(#[from] ServeError),
    /// A task ended, and nobody had asked for it.
    #[error("a task has ended by itself")]
    Task,
    /// The operating system does not give threads.
    #[error("the operating system does not give what is needed")]
    System(#[from] std::io::Error),
}

/// A program that is ready to run.
pub struct App {
    config: Config,
    config_file: Option<FileWatcher>,
    components: Components,
    /// More listeners: the demo's sample app.
    extra_listeners: Vec<(std::net::SocketAddr, Router)>,
    threads: usize,
    /// The store's connections belong to it.
    runtime: tokio::runtime::Runtime,
}

/// The same inside its runtime.
struct AppInRuntime {
    config: Config,
    config_file: Option<FileWatcher>,
    components: Components,
    extra_listeners: Vec<(std::net::SocketAddr, Router)>,
    threads: usize,
}

impl App {
    /// Opens the store and puts the parts together. `file`, which it was read from, is read again at SIGHUP and when it
    /// changes.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub fn new(config: Config, file: Option<PathBuf>) -> Result<Self, StartError> {
        let file = file.map(FileWatcher::new);
        if let Some(file) = &file {
            file.watch_also(watched_files(&config));
        }
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
        let opening = Stores::open(&config.store, config.records.as_ref(), OpenMode::Server);
        let (stores, clock) = runtime.block_on(opening)?;
        let parts = Components::new(&config, stores, clock, Cost::default());
        Ok(Self { config, config_file: file, components: parts, extra_listeners: Vec::new(), threads, runtime })
    }

    /// The parts, for whoever fills the store before it is served.
    #[must_use]
    pub const fn components(&self) -> &Components {
        &self.components
    }

    /// Serves this router too, at this address.
    #[must_use]
    pub fn with_listener(mut self, address: std::net::SocketAddr, router: Router) -> Self {
        self.extra_listeners.push((address, router));
        self
    }

    /// Serves until SIGTERM or SIGINT; `begun` is called when all addresses are bound: who connects from then on is served.
    ///
    /// # Errors
    /// When it cannot listen, and when a listener or a task ends before it is asked to.
    pub fn run(self, on_ready: impl FnOnce()) -> Result<(), StartError> {
        let Self { config, config_file: file, components: parts, extra_listeners: besides, threads, runtime } = self;
        let serving = AppInRuntime { config, config_file: file, components: parts, extra_listeners: besides, threads };
        runtime.block_on(serving.serve(on_ready))
    }
}

impl AppInRuntime {
    async fn serve(self, on_ready: impl FnOnce()) -> Result<(), StartError> {
        let open_files = open_files::raise_limit();
        let Self { config, config_file: file, components: parts, extra_listeners: besides, threads } = self;
        let metrics = parts.metrics.clone();
        reload::register_series(&metrics, &config);
        if let Some(shown) = &parts.settings.certificate {
            metrics.set_certificate_expiry(shown.load().until());
        }
        let upstreams = Upstreams::resolve(parts.settings.upstream_plans(&config)).await;
        let upstreams = Arc::new(ArcSwap::from_pointee(upstreams));
        let portcullis = Arc::new(parts.portcullis());
        let (ready, is_ready) = watch::channel(false);
        let store = StoreWatcher::new(parts.stores.sessions.clone(), metrics.clone());

        let redirects = || config.tls.iter().flat_map(|tls| &tls.redirect_from);
        let mut listening =
            Listeners::new(parts.in_flight.clone()).with_addresses(config.listen.iter().chain(redirects()).copied());
        // Whoever watches over it must get through when visitors have taken all theirs.
        let plain =
            ConnectionAcceptor::new(settings::limits(&config), connection_limiter(&config, open_files, &metrics));
        let private = ConnectionAcceptor::new(ConnectionLimits::default(), ConnectionLimiter::new(usize::MAX));
        let plain = if config.proxy_protocol { plain.with_proxy_protocol(trusted_proxies(&config)) } else { plain };
        let tls = parts.settings.certificate.clone().map(TlsAcceptor::new);
        let entrance = plain.clone().with_tls(tls);
        let bodies = Arc::<BodyReadLimiter>::default();
        let listen_error = |key| move |source| StartError::Listen { key, source };
        for address in &config.listen {
            let proxy = ProxyParts {
                portcullis: portcullis.clone(),
                upstreams: upstreams.clone(),
                public_url: config.public_url.clone(),
                cookies: parts.cookie_names.clone(),
                app_cookies: parts.app_cookies.clone(),
                trusted_proxies: trusted_proxies(&config),
                identity_headers: parts.settings.identity.clone(),
                clock: parts.clock.clone(),
                metrics: metrics.clone(),
                hsts: hsts(&config),
                body_limiter: bodies.clone(),
            };
            listening
                .add(&address.to_string(), entrance.clone(), Proxy::build_app(proxy, threads))
                .map_err(listen_error("listen"))?;
        }
        let admin = admin::router(metrics.clone(), store.clone(), is_ready, Installation::from_config(&config));
        listening
            .add(&config.admin.listen.to_string(), private.clone(), AxumApp::new(admin))
            .map_err(listen_error("admin.listen"))?;
        for address in redirects() {
            let redirect = AxumApp::without_bodies(redirect::router(&config.public_url));
            listening.add(&address.to_string(), plain.clone(), redirect).map_err(listen_error("tls.redirect_from"))?;
        }
        for (address, router) in besides {
            listening
                .add(&address.to_string(), private.clone(), AxumApp::new(router))
                .map_err(listen_error("the sample app"))?;
        }

        let heartbeats = heartbeat_flush(&parts);
        let (watch, check) = parts.revocation_tasks();
        // Before anybody is let in: what ends from here on is told.
        watch.run_once().await;
        let mut driver = start_periodic_tasks(&parts, &heartbeats, store, upstreams.clone());
        parts.confirm_ends().schedule(&mut driver);
        parts.free_memory().schedule(&mut driver);
        parts.release_claims().schedule(&mut driver);
        start_revocation_tasks(&mut driver, watch, check, parts.reapply_ends.clone());
        let stopping = ShutdownTiming { drain: config.shutdown.drain, grace: config.shutdown.grace };
        if let Some(warning) = config.client_address_warning() {
            warn!("{warning}");
        }
        for address in &config.listen {
            info!(open_files, "Listening on {address} for {}", config.public_url.origin());
        }
        let reload = Arc::new(ConfigReloader {
            config_file: file,
            startup_config: config,
            settings: parts.settings.clone(),
            upstreams,
            metrics,
            clock: parts.clock.clone(),
            reload_lock: Mutex::default(),
        });
        let watching = reload.clone();
        driver.run_every(CONFIG_POLL_INTERVAL, move || {
            let reload = watching.clone();
            async move { reload.reload_if_changed().await }
        });
        let aging = reload.clone();
        driver.run_every(CERTIFICATE_CHECK_INTERVAL, move || {
            let reload = aging.clone();
            async move { reload.check_certificate() }
        });
        on_ready();
        let served = tokio::select! {
            served = listening.run(stopping, &ready, async || reload.run_once().await) => served.map_err(StartError::from),
            () = driver.wait_for_exit() => Err(StartError::Task),
        };
        // Before the tasks are waited for: whoever stops us may lose patience with a slow one. And once more after them, for
        // what a flush that was under way could not write.
        heartbeats.run_once(true).await;
        driver.stop().await;
        heartbeats.run_once(true).await;
        let _ = FlushFailureCounts::new(parts.audit_log.clone()).run_once().await; // told in the log
        served?;
        info!("Stopped");
        Ok(())
    }
}

/// How long browsers shall come by TLS only, as they are told.
fn hsts(config: &Config) -> Option<HeaderValue> {
    let seconds = config.tls.as_ref()?.hsts?.as_secs();
    HeaderValue::from_str(&format!("max-age={seconds}")).ok()
}

/// Room for visitors. Of one address only where it is a visitor's, and not that of what carries all of them.
fn connection_limiter(config: &Config, open_files: Option<u64>, metrics: &Metrics) -> Arc<ConnectionLimiter> {
    let room = ConnectionLimiter::for_open_files(open_files).with_metrics(metrics);
    if !config.knows_client_addresses() {
        return Arc::new(room);
    }
    Arc::new(room.per_address(config.limits.connections_per_address, trusted_proxies(config)))
}

fn heartbeat_flush(parts: &Components) -> FlushHeartbeats {
    FlushHeartbeats {
        buffer: parts.heartbeats.clone(),
        store: parts.stores.sessions.clone(),
        policy: parts.settings.session.clone(),
        clock: parts.clock.clone(),
        metrics: parts.metrics.clone(),
    }
}

fn sweep_task(parts: &Components) -> Sweep {
    Sweep {
        sessions: parts.stores.sessions.clone(),
        accounts: parts.stores.accounts.clone(),
        throttle: parts.stores.throttle.clone(),
        trim: parts.trim_audit_log(),
        journal: parts.audit_log.clone(),
        policy: parts.settings.session.clone(),
        clock: parts.clock.clone(),
        metrics: parts.metrics.clone(),
        interval: SWEEP_INTERVAL,
    }
}

/// Starts what runs by itself.
fn start_periodic_tasks(
    parts: &Components,
    heartbeats: &FlushHeartbeats,
    store: StoreWatcher,
    upstreams: Arc<ArcSwap<Upstreams>>,
) -> TaskRunner {
    let mut driver = TaskRunner::default();
    let (wait, flush) = (heartbeats.clone(), heartbeats.clone());
    let due = move || {
        let wait = wait.clone();
        async move { wait.due().await }
    };
    driver.run_when(due, move || {
        let flush = flush.clone();
        async move {
            flush.run_once(false).await;
        }
    });
    let sweep = sweep_task(parts);
    driver.run_every(SWEEP_INTERVAL, move || {
        let sweep = sweep.clone();
        async move {
            match sweep.run_once().await {
                Ok(swept) if swept.ended > 0 => {
                    info!(ended = swept.ended, left = swept.remaining, "Swept expired sessions")
                }
                // What it could not do is in the log.
                Ok(_) | Err(_) => {}
            }
        }
    });
    let counts = FlushFailureCounts::new(parts.audit_log.clone());
    driver.run_every(COUNT_WRITE_INTERVAL, move || {
        let counts = counts.clone();
        async move {
            // What it did, or could not do, is in the log.
            let _ = counts.run_once().await;
        }
    });
    let catch_up = DrainOutbox::new(parts.stores.sessions.clone(), parts.clock.clone());
    driver.run_every(OUTBOX_INTERVAL, move || {
        let catch_up = catch_up.clone();
        async move {
            // What it did, or could not do, is in the log.
            let _ = catch_up.run_once().await;
        }
    });
    driver.run_every(STORE_CHECK_INTERVAL, move || {
        let store = store.clone();
        async move {
            // What it finds is in the log and the metrics.
            let _ = store.run_once().await;
        }
    });
    driver.run_every(DNS_REFRESH_INTERVAL, move || {
        let upstreams = upstreams.load_full();
        async move { upstreams.refresh().await }
    });
    driver
}

/// Starts what cuts open streams when their session ends.
fn start_revocation_tasks(
    driver: &mut TaskRunner,
    watch: Arc<RevocationWatcher>,
    check: Arc<CheckStreams>,
    again: Arc<ReapplyEnds>,
) {
    let due = watch.clone();
    let due = move || {
        let watch = due.clone();
        async move { watch.due().await }
    };
    driver.run_when(due, move || {
        let watch = watch.clone();
        async move {
            watch.run_once().await;
        }
    });
    driver.run_every(STREAM_CHECK_INTERVAL, move || {
        let check = check.clone();
        async move {
            if let Err(away) = check.run_once().await {
                debug!("Could not look up the sessions of open streams: {away}");
            }
        }
    });
    driver.run_every(STREAM_CHECK_INTERVAL, move || {
        let again = again.clone();
        async move {
            if let Err(away) = again.run_once().await {
                debug!("Could not look for what came back: {away}");
            }
        }
    });
}

/// How the configuration wants the log.
#[must_use]
pub fn log_style(config: &Config) -> LogOptions {
    use tracing_subscriber::filter::LevelFilter;
    LogOptions {
        format: match config.log.format {
            config::LogFormatSetting::Auto => LogEncoding::Auto,
            config::LogFormatSetting::Json => LogEncoding::Json,
            config::LogFormatSetting::Text => LogEncoding::Text,
        },
        level: match config.log.level {
            config::LogLevel::Error => LevelFilter::ERROR,
            config::LogLevel::Warn => LevelFilter::WARN,
            config::LogLevel::Info => LevelFilter::INFO,
            config::LogLevel::Debug => LevelFilter::DEBUG,
            config::LogLevel::Trace => LevelFilter::TRACE,
        },
        access: config.log.access,
    }
}
