//! Prometheus metrics. Every series of a closed set exists at 0 from the start: those that are known here when the
//! metrics are made, the others when the part is made that counts them. Labels hold no user's data.

mod buckets;
mod initial;
mod registrar;
mod responses;
mod results;

use std::{sync::OnceLock, time::Duration};

#[cfg(target_os = "linux")]
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Encoder as _, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder,
};

use self::{
    buckets::{CHECK_BUCKETS, PROPAGATION_BUCKETS, REQUEST_BUCKETS},
    registrar::Registrar,
    responses::ResponseMetrics,
};
use crate::clock::Timestamp;
use results::LOOKUP_LABELS;
pub use results::{LookupResult, STORE_OPS, SignInResult, StoreOperationMetrics};

/// Metrics of Portcullis.
pub struct Metrics {
    registry: Registry,
    requests: ResponseMetrics,
    auth_decisions: IntCounterVec,
    auth_overhead: HistogramVec,
    /// Decisions with their series, resolved once.
    decisions: OnceLock<Vec<(&'static str, IntCounter, Histogram)>>,
    /// Look-ups, indexed by [`LookupResult`].
    session_lookups: [IntCounter; LOOKUP_LABELS.len()],
    heartbeats: IntCounterVec,
    sessions_created: IntCounterVec,
    sessions_ended: IntCounterVec,
    sessions_active: IntGauge,
    ends_unconfirmed: IntGauge,
    sign_in_attempts: IntCounterVec,
    password_hash: Histogram,
    password_hash_rejected: IntCounter,
    lockouts: IntCounterVec,
    csrf_rejections: IntCounter,
    paths_refused: IntCounterVec,
    spoofed_headers: IntCounter,
    store_operations: IntCounterVec,
    store_operation_seconds: HistogramVec,
    store_up: IntGauge,
    upstream_answers: ResponseMetrics,
    upstream_up: IntGaugeVec,
    connections_refused: IntCounterVec,
    open_streams: IntGaugeVec,
    slow_readers: IntGauge,
    streams_cut: IntCounterVec,
    revocation_propagation: Histogram,
    audit_events: IntCounterVec,
    audit_entries: IntGauge,
    audit_max_entries: IntGauge,
    config_reload: IntGauge,
    certificate_expiry: IntGauge,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics(..)")
    }
}

impl Metrics {
    /// Registers all series, those of closed sets at 0.
    ///
    /// # Panics
    /// Never: the names are constants, and each is registered once (`metrics::every_series_exists_at_the_start`).
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        let made = Registrar(&registry);
        let lookups = made.counters("session_lookups_total", "Look-ups of a presented session", &["result"]);
        let this = Self {
            requests: ResponseMetrics::new(
                made.counters("requests_total", "Requests answered", &["route", "code_class"]),
                made.histograms("request_duration_seconds", "Time from head to last byte", &["route"], REQUEST_BUCKETS),
            ),
            decisions: OnceLock::new(),
            auth_decisions: made.counters("auth_decisions_total", "Decisions of the gate", &["mode", "decision"]),
            auth_overhead: made.histograms(
                "auth_overhead_seconds",
                "What the gate adds to a request",
                &["decision"],
                CHECK_BUCKETS,
            ),
            session_lookups: LOOKUP_LABELS.map(|result| lookups.with_label_values(&[result])),
            heartbeats: made.counters("heartbeats_total", "Hits written to the store", &["result"]),
            sessions_created: made.counters("sessions_created_total", "Sessions opened", &["method"]),
            sessions_ended: made.counters("sessions_ended_total", "Sessions ended", &["reason"]),
            sessions_active: made.gauge("sessions_active", "Sessions in the store"),
            ends_unconfirmed: made
                .gauge("ends_unconfirmed", "Ended sessions that the store does not know to have ended"),
            sign_in_attempts: made.counters("sign_in_attempts_total", "Tries to sign in", &["step", "result"]),
            password_hash: made.histogram(
                "password_hash_seconds",
                "Time to hash or check one password",
                REQUEST_BUCKETS,
            ),
            password_hash_rejected: made
                .counter("password_hash_rejected_total", "Passwords not checked because too many were waiting"),
            lockouts: made.counters("lockouts_total", "Counters that closed", &["scope"]),
            csrf_rejections: made.counter("csrf_rejections_total", "Unsafe requests from another site"),
            paths_refused: made.counters(
                "paths_refused_total",
                "Requests refused for their path, and the key of a route that would let them through",
                &["character", "key"],
            ),
            spoofed_headers: made
                .counter("spoofed_identity_headers_total", "Identity headers that a client sent, removed"),
            store_operations: made.counters("store_operations_total", "Operations on the store", &["op", "result"]),
            store_operation_seconds: made.histograms(
                "store_operation_seconds",
                "Time of an operation on the store",
                &["op"],
                CHECK_BUCKETS,
            ),
            store_up: made.gauge("store_up", "1 while the store answers"),
            upstream_answers: ResponseMetrics::new(
                made.counters("upstream_requests_total", "Answers of an app", &["upstream", "code_class"]),
                made.histograms("upstream_duration_seconds", "Time an app took", &["upstream"], REQUEST_BUCKETS),
            ),
            upstream_up: made.gauges(
                "upstream_up",
                "1 while at least one server of the app can be reached",
                &["upstream"],
            ),
            connections_refused: made.counters(
                "connections_refused_total",
                "Connections closed before a request was read",
                &["reason"],
            ),
            open_streams: made.gauges("open_streams", "Long answers under way", &["kind"]),
            slow_readers: made.gauge("slow_readers", "Clients that have taken nothing of an answer for a while"),
            streams_cut: made.counters("streams_cut_total", "Requests cut while they were under way", &["reason"]),
            revocation_propagation: made.histogram(
                "revocation_propagation_seconds",
                "Time from the end of a session until this process has cut what was under way for it",
                PROPAGATION_BUCKETS,
            ),
            audit_events: made.counters("audit_events_total", "Entries of the journal", &["result"]),
            audit_entries: made.gauge("audit_entries", "Entries of the journal"),
            audit_max_entries: made.gauge("audit_max_entries", "Entries with which the journal is full"),
            config_reload: made
                .gauge("config_last_reload_successful", "1 when the configuration was last read without a complaint"),
            certificate_expiry: made
                .gauge("certificate_expiry_timestamp_seconds", "Until when the certificate is good; 0 without TLS"),
            registry: registry.clone(),
        };
        let build = made.gauges("build_info", "What is running", &["version", "revision"]);
        build.with_label_values(&[crate::VERSION, crate::REVISION]).set(1);
        #[cfg(target_os = "linux")]
        registry.register(Box::new(ProcessCollector::for_self())).expect("the process collector is registered once");
        this.start_at_zero();
        this
    }

    /// Counts a finished request; `status` is 0 when no response was sent.
    pub fn request_finished(&self, route: &str, status: u16, took: Duration) {
        self.requests.count(route, status, took);
    }

    /// Counts a decision of the gate; `decision` is one of those registered by [`Metrics::register_decisions`].
    pub fn gate_decided(&self, decision: &'static str, took: Duration) {
        let known = self.decisions.get().into_iter().flatten();
        let series = known.into_iter().find(|(label, ..)| *label == decision);
        debug_assert!(series.is_some(), "{decision} is no decision");
        if let Some((_, counter, overhead)) = series {
            counter.inc();
            overhead.observe(took.as_secs_f64());
        }
    }

    /// Counts a session look-up of the gate.
    pub fn session_looked_up(&self, found: LookupResult) {
        self.session_lookups[found as usize].inc();
    }

    /// Counts heartbeats written, or a failed write.
    pub fn heartbeats_flushed(&self, written: Result<usize, ()>) {
        match written {
            Ok(count) => self.heartbeats.with_label_values(&["written"]).inc_by(count as u64),
            Err(()) => self.heartbeats.with_label_values(&["failed"]).inc(),
        }
    }

    /// Counts an opened session.
    pub fn session_created(&self, method: &'static str) {
        self.sessions_created.with_label_values(&[method]).inc();
    }

    /// Counts an ended session.
    pub fn session_ended(&self, reason: &'static str) {
        self.sessions_ended.with_label_values(&[reason]).inc();
    }

    /// Sets the number of sessions in the store.
    pub fn set_sessions_active(&self, count: u64) {
        self.sessions_active.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Sets the number of ends held in memory, not yet written.
    pub fn set_ends_unconfirmed(&self, count: usize) {
        self.ends_unconfirmed.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts a password sign-in attempt.
    pub fn sign_in_attempted(&self, result: SignInResult) {
        let result = match result {
            SignInResult::Succeeded => "succeeded",
            SignInResult::Failed => "failed",
            SignInResult::Throttled => "throttled",
            SignInResult::Overloaded => "overloaded",
        };
        self.sign_in_attempts.with_label_values(&["password", result]).inc();
    }

    /// Observes the duration of a password hash or check.
    pub fn password_hashed(&self, took: Duration) {
        self.password_hash.observe(took.as_secs_f64());
    }

    /// Counts a password that was not checked because the queue was full.
    pub fn password_rejected(&self) {
        self.password_hash_rejected.inc();
    }

    /// Counts a lockout.
    pub fn locked_out(&self, scope: &'static str) {
        self.lockouts.with_label_values(&[scope]).inc();
    }

    /// Counts a refused cross-site request.
    pub fn csrf_rejected(&self) {
        self.csrf_rejections.inc();
    }

    /// Counts a path refused for this character; `key` is the route's setting that would have allowed it.
    pub fn path_refused(&self, character: &'static str, key: &'static str) {
        self.paths_refused.with_label_values(&[character, key]).inc();
    }

    /// So many identity headers that a client sent were removed.
    pub fn spoofed_headers_removed(&self, count: u64) {
        self.spoofed_headers.inc_by(count);
    }

    /// The series of one operation on the store; `op` is one of [`STORE_OPS`].
    #[must_use]
    pub fn store_operation(&self, op: &'static str) -> StoreOperationMetrics {
        StoreOperationMetrics {
            ok: self.store_operations.with_label_values(&[op, "ok"]),
            error: self.store_operations.with_label_values(&[op, "error"]),
            seconds: self.store_operation_seconds.with_label_values(&[op]),
        }
    }

    /// Sets whether the store is available.
    pub fn set_store_up(&self, up: bool) {
        self.store_up.set(i64::from(up));
    }

    /// Counts a response of an upstream.
    pub fn upstream_responded(&self, upstream: &str, status: u16, took: Duration) {
        self.upstream_answers.count(upstream, status, took);
    }

    /// Sets whether an upstream is reachable.
    pub fn set_upstream_up(&self, upstream: &str, up: bool) {
        self.upstream_up.with_label_values(&[upstream]).set(i64::from(up));
    }

    /// Connections that were closed at once for this reason. The series exists from then on.
    #[must_use]
    pub fn connections_refused(&self, reason: &'static str) -> IntCounter {
        self.connections_refused.with_label_values(&[reason])
    }

    /// Long answers of this kind (`websocket`, `sse`) that are under way.
    #[must_use]
    pub fn open_streams(&self, kind: &'static str) -> IntGauge {
        self.open_streams.with_label_values(&[kind])
    }

    /// Clients that have taken nothing of an answer for a while.
    #[must_use]
    pub fn slow_readers(&self) -> IntGauge {
        self.slow_readers.clone()
    }

    /// Counts a request cancelled in flight.
    pub fn stream_cancelled(&self, reason: &'static str) {
        self.streams_cut.with_label_values(&[reason]).inc();
    }

    /// Observes the delay from the end of a session to the cancellation of its requests in flight.
    pub fn end_propagated(&self, took: Duration) {
        self.revocation_propagation.observe(took.as_secs_f64());
    }

    /// Sets the number of audit entries and its limit.
    pub fn set_audit_size(&self, entries: u64, most: u64) {
        self.audit_entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
        self.audit_max_entries.set(i64::try_from(most).unwrap_or(i64::MAX));
    }

    /// Counts audit entries written, or a failed write.
    pub fn audit_recorded(&self, entries: usize, written: bool) {
        self.audit_events.with_label_values(&[if written { "written" } else { "failed" }]).inc_by(entries as u64);
    }

    /// Counts a configuration reload.
    pub fn config_reloaded(&self, ok: bool) {
        self.config_reload.set(i64::from(ok));
    }

    /// Sets the certificate's end of validity.
    pub fn set_certificate_expiry(&self, until: Timestamp) {
        self.certificate_expiry.set(until.as_seconds());
    }

    /// Encodes all metrics in the Prometheus text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        if TextEncoder::new().encode(&self.registry.gather(), &mut text).is_err() {
            return String::new();
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_exists_at_the_start() {
        let text = Metrics::new().render();
        for series in [
            "portcullis_sign_in_attempts_total{result=\"throttled\",step=\"password\"} 0",
            "portcullis_store_operations_total{op=\"find\",result=\"error\"} 0",
            "portcullis_csrf_rejections_total 0",
            "portcullis_config_last_reload_successful 1",
            "process_open_fds",
        ] {
            assert!(text.contains(series), "{series} is missing in\n{text}");
        }
    }
}
