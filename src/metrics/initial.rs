//! Series that exist from the start, at 0.

use prometheus::{
    core::Collector as _,
    proto::{Metric, MetricFamily},
};

use super::{Metrics, STORE_OPS};

const STREAMS: [&str; 2] = ["websocket", "sse"];

impl Metrics {
    pub(super) fn start_at_zero(&self) {
        for result in ["written", "failed"] {
            self.heartbeats.with_label_values(&[result]);
            self.audit_events.with_label_values(&[result]);
        }
        for result in ["succeeded", "failed", "throttled", "overloaded"] {
            self.sign_in_attempts.with_label_values(&["password", result]);
        }
        for op in STORE_OPS {
            self.store_operation_seconds.with_label_values(&[op]);
            for result in ["ok", "error"] {
                self.store_operations.with_label_values(&[op, result]);
            }
        }
        self.sessions_created.with_label_values(&["password"]);
        for reason in ["full", "address"] {
            self.connections_refused.with_label_values(&[reason]);
        }
        for kind in STREAMS {
            self.open_streams.with_label_values(&[kind]);
        }
        self.config_reload.set(1);
    }

    /// Initializes the series of a route; `route` is its path as configured.
    pub fn register_route(&self, route: &str) {
        self.requests.register(route);
    }

    /// Makes the series of an upstream exist. One that is new counts as reachable; one that is known stays as it is, since
    /// reading the configuration again brings no app back.
    pub fn register_upstream(&self, upstream: &str) {
        let families = self.upstream_up.collect();
        let mut labels = families.iter().flat_map(MetricFamily::get_metric).flat_map(Metric::get_label);
        if !labels.any(|label| label.value() == upstream) {
            self.set_upstream_up(upstream, true);
        }
        self.upstream_answers.register(upstream);
    }

    /// Initializes the series of refused paths: character and key.
    pub fn register_refused_paths(&self, kinds: &[(&'static str, &'static str)]) {
        for (character, key) in kinds {
            self.paths_refused.with_label_values(&[character, key]);
        }
    }

    /// Initializes the series of these gate decisions.
    pub fn register_decisions(&self, decisions: &[&'static str]) {
        let series = |decision: &&'static str| {
            let counter = self.auth_decisions.with_label_values(&["proxy", decision]);
            (*decision, counter, self.auth_overhead.with_label_values(&[decision]))
        };
        self.decisions.get_or_init(|| decisions.iter().map(series).collect());
    }

    /// Initializes the series of these end reasons.
    pub fn register_end_reasons(&self, reasons: &[&str]) {
        for reason in reasons {
            self.sessions_ended.with_label_values(&[reason]);
        }
    }

    /// Initializes the series of these cancel reasons.
    pub fn register_cancel_reasons(&self, reasons: &[&str]) {
        for reason in reasons {
            self.streams_cut.with_label_values(&[reason]);
        }
    }

    /// Initializes the series of these lockout scopes.
    pub fn register_lockout_scopes(&self, scopes: &[&str]) {
        for scope in scopes {
            self.lockouts.with_label_values(&[scope]);
        }
    }
}
