//! Reading the configuration again. One that cannot be used leaves the old one as it is, says why, and sets a metric.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use tracing::{error, info, warn};

use super::Settings;
use crate::{config::Config, metrics::Metrics, proxy::Upstreams};

/// Applies a changed configuration while we run.
pub(super) struct Reload {
    pub(super) file: Option<PathBuf>,
    /// The configuration that was started with: what needs a restart runs as this one says, however often another is read.
    pub(super) started: Config,
    pub(super) settings: Settings,
    pub(super) upstreams: Arc<ArcSwap<Upstreams>>,
    pub(super) metrics: Arc<Metrics>,
}

impl Reload {
    /// Reads the file again and applies what a reload can.
    pub(super) async fn run_once(&self) {
        let Some(file) = &self.file else { return info!("There is no configuration file to read again") };
        match Config::load(file, &|name| std::env::var(name).ok()) {
            Ok(config) => self.apply(&config).await,
            Err(complaints) => {
                self.metrics.reloaded(false);
                error!("The configuration stays as it was; {} has {} complaints:", show(file), complaints.len());
                for complaint in complaints.iter() {
                    error!("{complaint}");
                }
            }
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
        self.metrics.reloaded(true);
        info!("Read the configuration again");
    }
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

fn show(file: &Path) -> String {
    file.display().to_string()
}
