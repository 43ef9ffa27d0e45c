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
            return (StatusCode::SERVICE_UNAVAILABLE, "not ready: starting or stopping\n".to_owned());
        }
        match store.run_once().await {
            Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
            Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
        }
    };
    Router::new()
        .route("/metrics", get(text))
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readiness))
}
