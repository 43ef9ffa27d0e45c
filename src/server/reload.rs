//! Configuration reload. An invalid configuration leaves the current one in force, is logged, and sets a metric.

use std::{
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use futures_util::FutureExt as _;
use tokio::{sync::Mutex, time::sleep};
use tracing::{error, info, trace, warn};

use super::{App, LiveSettings};
use crate::{
    clock::Clock,
    config::Config,
    metrics::Metrics,
    own_paths,
    proxy::Upstreams,
    tasks::{FileWatcher, Task},
};

/// Interval of polling the configuration file. A change counts when two polls in a row have seen the same.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Interval of certificate checks.
const CERTIFICATE_CHECK_INTERVAL: Duration = Duration::from_hours(12);

/// Applies a changed configuration at run time.
pub(super) struct ConfigReloader {
    /// Configuration file; none where the configuration is not from one.
    config_file: Option<Arc<FileWatcher>>,
    /// The configuration that was started with: what needs a restart runs as this one says, however often another is read.
    startup_config: Config,
    settings: LiveSettings,
    upstreams: Arc<ArcSwap<Upstreams>>,
    metrics: Arc<Metrics>,
    /// Clock for the validity of certificates.
    clock: Clock,
    /// Serializes reloads, so that each applies one whole configuration.
    reload_lock: Mutex<()>,
}

impl ConfigReloader {
    /// Creates the reloader of a starting program and its upstreams.
    pub(super) fn new(app: &App, upstreams: Arc<ArcSwap<Upstreams>>) -> Self {
        Self {
            config_file: app.config_file.clone(),
            startup_config: app.config.clone(),
            settings: app.components.settings.clone(),
            upstreams,
            metrics: app.components.metrics.clone(),
            clock: app.components.clock.clone(),
            reload_lock: Mutex::default(),
        }
    }

    /// Reads the file again and applies what a reload can.
    pub(super) async fn run_once(&self) {
        let _turn = self.reload_lock.lock().await;
        let Some(file) = &self.config_file else { return info!("Reload skipped: no configuration file") };
        // Before it is read: what is written after that is another change.
        file.mark_read();
        if catch_panic(self.load_and_apply(file)).await.is_none() {
            self.metrics.config_reloaded(false);
            error!(
                file = %file.path().display(),
                "Reload failed by a fault of Portcullis: previous configuration kept"
            );
        }
    }

    async fn load_and_apply(&self, file: &FileWatcher) {
        match Config::load(file.path(), &|name| std::env::var(name).ok()) {
            Ok(config) => self.apply(&config).await,
            Err(complaints) => {
                self.metrics.config_reloaded(false);
                let what = match complaints.len() {
                    1 => "a complaint".to_owned(),
                    more => format!("{more} complaints"),
                };
                error!(file = %file.path().display(), "Reload rejected, previous configuration kept: the file has {what}");
                for complaint in complaints.iter() {
                    error!("{complaint}");
                }
            }
        }
    }

    /// Reads the file again if it has changed since it was read.
    pub(super) async fn reload_if_changed(&self) {
        let changed = self.config_file.as_ref().is_some_and(|file| file.run_once());
        trace!("Configuration file polled");
        if changed {
            self.run_once().await;
        }
    }

    /// Says what clients would not like about the certificate that is shown, and notes how long it is good: it ages while
    /// nothing changes.
    pub(super) fn check_certificate(&self) {
        let Some(shown) = &self.settings.certificate else { return };
        let (shown, host, now) = (shown.load(), self.startup_config.public_url.host(), self.clock.now());
        self.metrics.set_certificate_expiry(shown.not_after());
        for doubt in shown.browser_warnings(host, now).into_iter().chain(shown.expiry_warning(now)) {
            warn!(%host, "Certificate for {host} {doubt}");
        }
    }

    async fn apply(&self, config: &Config) {
        for key in &self.startup_config.needs_restart(config) {
            warn!(key, "Configuration key {key} changed: counts after a restart");
        }
        register_series(&self.metrics, config);
        // Upstreams first, then the routes to them: no route ever refers to a missing upstream.
        let earlier = self.upstreams.load_full();
        let upstreams = Upstreams::resolve_reusing(&earlier, self.settings.upstream_plans(config)).await;
        let upstreams = upstreams.keep_former(&earlier);
        self.upstreams.store(Arc::new(upstreams));
        self.settings.apply(config);
        if let Some(file) = &self.config_file {
            file.watch_also(watched_files(config));
        }
        self.check_certificate();
        self.metrics.config_reloaded(true);
        info!("Configuration reloaded");
    }
}

#[async_trait]
impl Task for ConfigReloader {
    async fn due(&self) {
        sleep(POLL_INTERVAL).await;
    }

    async fn run(&self) {
        self.reload_if_changed().await;
    }
}

/// Periodic check of the certificate's remaining validity.
pub(super) struct CheckCertificate(pub(super) Arc<ConfigReloader>);

#[async_trait]
impl Task for CheckCertificate {
    async fn due(&self) {
        sleep(CERTIFICATE_CHECK_INTERVAL).await;
    }

    async fn run(&self) {
        self.0.check_certificate();
    }
}

/// Output of a future, or none where it panicked: a saved file never stops a running server.
async fn catch_panic<T>(work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.ok()
}

/// The files that are read with the configuration because they change without it: certificates are renewed, and the secrets of
/// headers.
pub(super) fn watched_files(config: &Config) -> Vec<PathBuf> {
    let certificates = config.tls.iter().flat_map(|tls| [tls.certificate_file.clone(), tls.key_file.clone()]);
    certificates.chain(config.identity.secret_files().map(Path::to_owned)).collect()
}

/// Initializes the series of all routes and upstreams.
pub(super) fn register_series(metrics: &Metrics, config: &Config) {
    for own in [own_paths::ROOT, "none"] {
        metrics.register_route(own);
    }
    for route in &config.routes {
        metrics.register_route(&route.path);
    }
    for name in config.upstreams.keys() {
        metrics.register_upstream(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_panics_harms_nobody() {
        assert_eq!(catch_panic(async { 1 }).await, Some(1));
        let broken = async {
            tokio::task::yield_now().await;
            panic!("as a reload might")
        };
        assert_eq!(catch_panic::<()>(broken).await, None);
    }
}
