//! The admin listener: metrics, liveness, readiness. Never on the public port.

use std::sync::Arc;

use axum::{Router, routing::get};
use http::{StatusCode, header};
use tokio::sync::watch;

use crate::{metrics::Metrics, tasks::WatchStore};

/// What the admin listener serves.
pub(super) fn router(metrics: Arc<Metrics>, store: WatchStore, ready: watch::Receiver<bool>) -> Router {
    let text =
        move || async move { ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.text()) };
    let readiness = move || async move {
        if !*ready.borrow() {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready: starting or stopping\n")
        } else if store.run_once().await {
            (StatusCode::OK, "ready\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready: the store does not answer\n")
        }
    };
    Router::new()
        .route("/metrics", get(text))
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readiness))
}
