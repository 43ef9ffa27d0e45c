//! The admin listener: metrics, liveness, readiness. Never on the public port.

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, routing::get};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::{config::Config, metrics::Metrics, secret::SecretKey, tasks::StoreWatcher};

/// Identity of a running server, to tell it from another installation's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    /// Keyed digest that reveals nothing of the secret; none where no secret is configured.
    pub fingerprint: Option<String>,
    /// Listen addresses.
    pub listen: Vec<SocketAddr>,
}

impl Installation {
    /// Identity of the server that runs a configuration.
    #[must_use]
    pub fn from_config(config: &Config) -> Self {
        let redirects = config.tls.iter().flat_map(|tls| &tls.redirect_from);
        Self {
            fingerprint: config
                .secret
                .as_ref()
                .map(|secret| SecretKey::new(secret.expose()).keyed_digest("installation", "")),
            listen: config.listen.iter().chain(redirects).chain([&config.admin.listen]).copied().collect(),
        }
    }
}

/// Routes of the admin listener.
pub(super) fn router(
    metrics: Arc<Metrics>,
    store: StoreWatcher,
    ready: watch::Receiver<bool>,
    installation: Installation,
) -> Router {
    let text =
        move || async move { ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render()) };
    let readiness = move || async move {
        if !*ready.borrow() {
            return (StatusCode::SERVICE_UNAVAILABLE, "not ready: starting or stopping\n".to_owned());
        }
        match store.run_once().await {
            Ok(()) => {
                let caveat = store.caveat().map(|caveat| format!("{caveat}\n"));
                (StatusCode::OK, format!("ready\n{}", caveat.unwrap_or_default()))
            }
            Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
        }
    };
    let installation = move || async move { axum::Json(installation) };
    // Some balancers ask so whether there is anybody.
    let options = || async { (StatusCode::NO_CONTENT, [(header::ALLOW, "GET, HEAD, OPTIONS")]) };
    Router::new()
        .route("/installation", get(installation).options(options))
        .route("/metrics", get(text).options(options))
        .route("/livez", get(|| async { "alive\n" }).options(options))
        .route("/readyz", get(readiness).options(options))
}
