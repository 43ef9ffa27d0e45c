//! Reading the configuration again. One that cannot be used leaves the old one as it is, says why, and sets a metric.

use std::{
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use tokio::sync::Mutex;
use tracing::{error, info, trace, warn};

use super::Settings;
use crate::{clock::Clock, config::Config, metrics::Metrics, proxy::Upstreams, tasks::WatchFile};

/// Applies a changed configuration while we run.
pub(super) struct Reload {
    /// The file; none where the configuration is not from one.
    pub(super) file: Option<WatchFile>,
    /// The configuration that was started with: what needs a restart runs as this one says, however often another is read.
    pub(super) started: Config,
    pub(super) settings: Settings,
    pub(super) upstreams: Arc<ArcSwap<Upstreams>>,
    pub(super) metrics: Arc<Metrics>,
    /// For how long a certificate is good.
    pub(super) clock: Clock,
    /// One at a time, so that what a reload applies is of one configuration.
    pub(super) turn: Mutex<()>,
}

impl Reload {
    /// Reads the file again and applies what a reload can.
    pub(super) async fn run_once(&self) {
        let _turn = self.turn.lock().await;
        let Some(file) = &self.file else { return info!("There is no configuration file to read again") };
        // Before it is read: what is written after that is another change.
        file.know();
        if unharmed(self.read(file)).await.is_none() {
            self.metrics.reloaded(false);
            error!(
                "The configuration stays as it was: {} could not be applied, by a fault of Portcullis",
                file.path().display()
            );
        }
    }

    async fn read(&self, file: &WatchFile) {
        match Config::load(file.path(), &|name| std::env::var(name).ok()) {
            Ok(config) => self.apply(&config).await,
            Err(complaints) => {
                self.metrics.reloaded(false);
                let what = match complaints.len() {
                    1 => "a complaint".to_owned(),
                    more => format!("{more} complaints"),
                };
                error!("The configuration stays as it was; {} has {what}:", file.path().display());
                for complaint in complaints.iter() {
                    error!("{complaint}");
                }
            }
        }
    }

    /// Reads the file again if it has changed since it was read.
    pub(super) async fn if_changed(&self) {
        let changed = self.file.as_ref().is_some_and(WatchFile::run_once);
        trace!("Looked whether the configuration has changed");
        if changed {
            self.run_once().await;
        }
    }

    /// Says what clients would not like about the certificate that is shown, and notes how long it is good: it ages while
    /// nothing changes.
    pub(super) fn look_at_certificate(&self) {
        let Some(shown) = &self.settings.certificate else { return };
        let (shown, host, now) = (shown.load(), self.started.public_url.host(), self.clock.now());
        self.metrics.certificate_is_good(shown.until());
        for doubt in shown.doubts(host, now).into_iter().chain(shown.soon_over(now)) {
            warn!("The certificate for {host} {doubt}");
        }
    }

    async fn apply(&self, config: &Config) {
        for key in self.started.needs_restart(config) {
            warn!(key, "{key} has changed and counts after a restart");
        }
        know(&self.metrics, config);
        // First where apps are, then the rules that lead there: no rule ever leads nowhere.
        let earlier = self.upstreams.load_full();
        let upstreams = Upstreams::resolve_after(&earlier, self.settings.upstream_plans(config)).await;
        let upstreams = upstreams.and_those_of(&earlier);
        self.upstreams.store(Arc::new(upstreams));
        self.settings.apply(config);
        if let Some(file) = &self.file {
            file.names(named_files(config));
        }
        self.look_at_certificate();
        self.metrics.reloaded(true);
        info!("Read the configuration again");
    }
}

/// What comes of a piece of work, or none where it panicked: a server that runs is not stopped by a file that was saved.
async fn unharmed<T>(work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.ok()
}

/// The files that are read with the configuration because they change without it: certificates are renewed, and the secrets of
/// headers.
pub(super) fn named_files(config: &Config) -> Vec<PathBuf> {
    let certificates = config.tls.iter().flat_map(|tls| [tls.certificate_file.clone(), tls.key_file.clone()]);
    certificates.chain(config.identity.secret_files().map(Path::to_owned)).collect()
}

/// Makes the series of all routes and upstreams exist.
pub(super) fn know(metrics: &Metrics, config: &Config) {
    for own in ["/security", "none"] {
        metrics.know_route(own);
    }
    for route in &config.routes {
        metrics.know_route(&route.path);
    }
    for name in config.upstreams.keys() {
        metrics.know_upstream(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_panics_harms_nobody() {
        assert_eq!(unharmed(async { 1 }).await, Some(1));
        let broken = async {
            tokio::task::yield_now().await;
            panic!("as a reload might")
        };
        assert_eq!(unharmed::<()>(broken).await, None);
    }
}
