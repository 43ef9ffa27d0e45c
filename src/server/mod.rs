//! Composition root: from a configuration to a running program. The only module that sees every component.

mod admin;
mod components;
mod listeners;
mod log_options;
mod open_files;
mod redirect;
mod reload;
mod settings;
mod stores;
mod task_list;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, thread};

use arc_swap::ArcSwap;
use axum::Router;
use tokio::{runtime::Runtime, sync::watch};
use tracing::{info, warn};

use crate::{
    account::HashCost,
    config::Config,
    proxy::{ListenError, ServeError, ShutdownTiming, Upstreams},
    tasks::{FileWatcher, FlushFailureCounts, StoreWatcher, Task as _, TaskRunner},
};
use listeners::Served;
use reload::{ConfigReloader, watched_files};

pub use admin::Installation;
pub use components::Components;
pub use log_options::log_options;
pub use settings::{LiveSettings, trusted_proxies};
pub use stores::{OpenMode, StoreOpenError, Stores};

/// Error of starting or running the server.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreOpenError),
    /// Listening on an address failed.
    #[error("{key}: {source}")]
    Listen {
        /// Configuration key of the address.
        key: &'static str,
        /// Address and cause.
        source: ListenError,
    },
    /// Serving ended without a request to stop.
    #[error(transparent)]
    Interrupted(#[from] ServeError),
    /// A task ended without a request to stop.
    #[error("a task has ended by itself")]
    Task,
    /// Operating system refused threads.
    #[error("the operating system does not give what is needed")]
    System(#[from] std::io::Error),
}

/// Application, ready to run.
pub struct App {
    config: Config,
    config_file: Option<Arc<FileWatcher>>,
    components: Components,
    /// Listeners besides those of the configuration: the demo's sample app.
    extra_listeners: Vec<(SocketAddr, Router)>,
    threads: usize,
    /// Runtime that drives the store's connections.
    runtime: Runtime,
}

impl App {
    /// Opens the store and builds the components. `file`, which the configuration was read from, is read again at SIGHUP and
    /// when
    /// it changes.
    ///
    /// # Errors
    /// [`StartError::Store`]: the store cannot be opened. [`StartError::System`]: there are no threads to be had.
    pub fn new(config: Config, file: Option<PathBuf>) -> Result<Self, StartError> {
        let config_file = file.map(FileWatcher::new).map(Arc::new);
        if let Some(file) = &config_file {
            file.watch_also(watched_files(&config));
        }
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
        let opening = Stores::open(&config.store, config.records.as_ref(), OpenMode::Server);
        let (stores, clock) = runtime.block_on(opening)?;
        let components = Components::new(&config, stores, clock, HashCost::default());
        Ok(Self { config, config_file, components, extra_listeners: Vec::new(), threads, runtime })
    }

    /// Components, for seeding the store before serving.
    #[must_use]
    pub const fn components(&self) -> &Components {
        &self.components
    }

    /// Adds a listener with a router of its own.
    #[must_use]
    pub fn with_listener(mut self, address: SocketAddr, router: Router) -> Self {
        self.extra_listeners.push((address, router));
        self
    }

    /// Serves until SIGTERM or SIGINT. `on_ready` is called when all addresses are bound: who connects from then on is served.
    ///
    /// # Errors
    /// [`StartError::Listen`], and [`StartError::Interrupted`] or [`StartError::Task`] when a listener or a task ends before it
    /// is
    /// asked to.
    pub fn run(self, on_ready: impl FnOnce()) -> Result<(), StartError> {
        self.runtime.block_on(self.serve(on_ready))
    }

    /// Binds, starts the tasks, serves, and drains.
    async fn serve(&self, on_ready: impl FnOnce()) -> Result<(), StartError> {
        let (config, components) = (&self.config, &self.components);
        let open_files = open_files::raise_limit();
        reload::register_series(&components.metrics, config);
        let upstreams = Upstreams::resolve(components.settings.upstream_plans(config)).await;
        let upstreams = Arc::new(ArcSwap::from_pointee(upstreams));
        let store = StoreWatcher::new(components.stores.sessions.clone(), components.metrics.clone());
        let (ready, is_ready) = watch::channel(false);
        let served = Served { upstreams: upstreams.clone(), store: store.clone(), is_ready, open_files };
        let listeners = listeners::bind(self, served)?;

        let reloader = Arc::new(ConfigReloader::new(self, upstreams.clone()));
        let tasks = components.tasks();
        // Before the first connection is accepted: every end from here on is known.
        tasks.revocation.run().await;
        let mut runner = TaskRunner::default();
        for task in tasks.all(store, upstreams, &reloader) {
            runner.start(task);
        }
        self.log_start(open_files);
        on_ready();
        let timing = ShutdownTiming { drain: config.shutdown.drain, grace: config.shutdown.grace };
        let ended = tokio::select! {
            ended = listeners.run(timing, &ready, async || reloader.run_once().await) => ended.map_err(StartError::from),
            () = runner.wait_for_exit() => Err(StartError::Task),
        };
        // Before the tasks are waited for: whoever stops us may lose patience with a slow one. And once more after them, for
        // what a flush that was under way could not write.
        tasks.heartbeats.run_once(true).await;
        runner.stop().await;
        tasks.heartbeats.run_once(true).await;
        let _ = FlushFailureCounts::new(components.audit_log.clone()).run_once().await; // logged there
        ended?;
        info!("Server stopped");
        Ok(())
    }

    fn log_start(&self, open_files: Option<u64>) {
        if let Some(warning) = self.config.client_address_warning() {
            warn!("{warning}");
        }
        for address in &self.config.listen {
            info!(open_files, "Listening on {address} for {}", self.config.public_url.origin());
        }
    }
}
