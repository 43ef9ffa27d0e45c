//! What Prometheus reads. Every series of a closed set exists at 0 from the start; labels hold no user's data.

mod answers;

use std::time::Duration;

#[cfg(target_os = "linux")]
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Encoder as _, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use self::answers::Answers;
use crate::{audit::Refusal, gate::Decision, session::Ending};

/// Seconds: from what a look-up takes to what a slow page takes.
const REQUEST_BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Seconds: from microseconds to a store that is away.
const CHECK_BUCKETS: &[f64] =
    &[0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0];
const STREAMS: [&str; 2] = ["websocket", "sse"];
/// Operations on the store, as `store_operations_total` names them.
pub const STORE_OPS: [&str; 10] =
    ["find", "list", "open", "touch", "end", "expire", "renew", "account", "journal", "throttle"];

/// All series of Portcullis.
pub struct Metrics {
    registry: Registry,
    requests: Answers,
    /// By their places in [`Decision::LABELS`].
    decisions: [(IntCounter, Histogram); Decision::LABELS.len()],
    /// By [`Lookup`].
    session_lookups: [IntCounter; LOOKUPS.len()],
    heartbeats: IntCounterVec,
    sessions_created: IntCounterVec,
    sessions_ended: IntCounterVec,
    sessions_active: IntGauge,
    sign_in_attempts: IntCounterVec,
    password_hash: Histogram,
    password_hash_rejected: IntCounter,
    lockouts: IntCounterVec,
    csrf_rejections: IntCounter,
    spoofed_headers: IntCounter,
    store_operations: IntCounterVec,
    store_operation_seconds: HistogramVec,
    store_up: IntGauge,
    upstream_answers: Answers,
    upstream_up: IntGaugeVec,
    open_streams: IntGaugeVec,
    audit_events: IntCounterVec,
    config_reload: IntGauge,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics(..)")
    }
}

/// Each [`Lookup`], as `session_lookups_total` names it.
const LOOKUPS: [&str; 3] = ["good", "bad", "away"];

/// What a look-up of the gate found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// A good session.
    Good,
    /// None, or one that is not good.
    Bad,
    /// The store did not answer.
    Away,
}

/// Result of a try to sign in, for `sign_in_attempts_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// They are in.
    Succeeded,
    /// They are not.
    Failed(Refusal),
    /// Too many were being checked at once.
    Overloaded,
}

impl Metrics {
    /// All series, those of closed sets at 0.
    ///
    /// # Panics
    /// Never: the names are constants, and each is registered once (`metrics::every_series_exists_at_the_start`).
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        let made = Registrar(&registry);
        let decisions = made.counters("auth_decisions_total", "Decisions of the gate", &["mode", "decision"]);
        let overhead =
            made.histograms("auth_overhead_seconds", "What the gate adds to a request", &["decision"], CHECK_BUCKETS);
        let lookups = made.counters("session_lookups_total", "Look-ups of a presented session", &["result"]);
        let this = Self {
            requests: Answers::new(
                made.counters("requests_total", "Requests answered", &["route", "code_class"]),
                made.histograms("request_duration_seconds", "Time from head to last byte", &["route"], REQUEST_BUCKETS),
            ),
            decisions: Decision::LABELS
                .map(|label| (decisions.with_label_values(&["proxy", label]), overhead.with_label_values(&[label]))),
            session_lookups: LOOKUPS.map(|result| lookups.with_label_values(&[result])),
            heartbeats: made.counters("heartbeats_total", "Hits written to the store", &["result"]),
            sessions_created: made.counters("sessions_created_total", "Sessions opened", &["method"]),
            sessions_ended: made.counters("sessions_ended_total", "Sessions ended", &["reason"]),
            sessions_active: made.gauge("sessions_active", "Sessions in the store"),
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
            upstream_answers: Answers::new(
                made.counters("upstream_requests_total", "Answers of an app", &["upstream", "code_class"]),
                made.histograms("upstream_duration_seconds", "Time an app took", &["upstream"], REQUEST_BUCKETS),
            ),
            upstream_up: made.gauges(
                "upstream_up",
                "1 while at least one server of the app can be reached",
                &["upstream"],
            ),
            open_streams: made.gauges("open_streams", "Long answers under way", &["kind"]),
            audit_events: made.counters("audit_events_total", "Entries of the journal", &["result"]),
            config_reload: made
                .gauge("config_last_reload_successful", "1 when the configuration was last read without a complaint"),
            registry: registry.clone(),
        };
        let build = made.gauges("build_info", "What is running", &["version", "revision"]);
        build.with_label_values(&[crate::VERSION, crate::REVISION]).set(1);
        #[cfg(target_os = "linux")]
        registry.register(Box::new(ProcessCollector::for_self())).expect("the process collector is registered once");
        this.start_at_zero();
        this
    }

    fn start_at_zero(&self) {
        for result in ["written", "failed"] {
            self.heartbeats.with_label_values(&[result]);
            self.audit_events.with_label_values(&[result]);
        }
        for reason in Ending::LABELS {
            self.sessions_ended.with_label_values(&[reason]);
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
        for scope in ["account", "address"] {
            self.lockouts.with_label_values(&[scope]);
        }
        for kind in STREAMS {
            self.open_streams.with_label_values(&[kind]);
        }
        self.config_reload.set(1);
    }

    /// Makes the series of a route exist. `route` is what the operator wrote.
    pub fn know_route(&self, route: &str) {
        self.requests.know(route);
    }

    /// Makes the series of an upstream exist.
    pub fn know_upstream(&self, upstream: &str) {
        self.upstream_answers.know(upstream);
        self.upstream_up.with_label_values(&[upstream]).set(1);
    }

    /// A request was answered.
    pub fn request(&self, route: &str, status: u16, took: Duration) {
        self.requests.count(route, status, took);
    }

    /// The gate decided; `decision` is one of [`Decision::LABELS`].
    pub fn decided(&self, decision: &'static str, took: Duration) {
        let series = Decision::LABELS.iter().zip(&self.decisions).find(|(label, _)| **label == decision);
        debug_assert!(series.is_some(), "{decision} is no decision");
        if let Some((_, (decisions, overhead))) = series {
            decisions.inc();
            overhead.observe(took.as_secs_f64());
        }
    }

    /// The gate looked a session up.
    pub fn looked_up(&self, found: Lookup) {
        self.session_lookups[found as usize].inc();
    }

    /// Hits were written, or could not be.
    pub fn heartbeats(&self, written: Result<usize, ()>) {
        match written {
            Ok(count) => self.heartbeats.with_label_values(&["written"]).inc_by(count as u64),
            Err(()) => self.heartbeats.with_label_values(&["failed"]).inc(),
        }
    }

    /// A session was opened.
    pub fn session_created(&self, method: &'static str) {
        self.sessions_created.with_label_values(&[method]).inc();
    }

    /// A session ended; `reason` is one of [`Ending::LABELS`].
    pub fn session_ended(&self, reason: &'static str) {
        self.sessions_ended.with_label_values(&[reason]).inc();
    }

    /// So many sessions are in the store.
    pub fn sessions_active(&self, count: u64) {
        self.sessions_active.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Somebody tried to sign in with a password.
    pub fn tried(&self, result: Tried) {
        let result = match result {
            Tried::Succeeded => "succeeded",
            Tried::Failed(Refusal::Throttled) => "throttled",
            Tried::Failed(_) => "failed",
            Tried::Overloaded => "overloaded",
        };
        self.sign_in_attempts.with_label_values(&["password", result]).inc();
    }

    /// A password was hashed or checked.
    pub fn password_hashed(&self, took: Duration) {
        self.password_hash.observe(took.as_secs_f64());
    }

    /// A password was not checked, because too many were waiting.
    pub fn password_rejected(&self) {
        self.password_hash_rejected.inc();
    }

    /// A counter of tries closed.
    pub fn locked_out(&self, scope: &'static str) {
        self.lockouts.with_label_values(&[scope]).inc();
    }

    /// An unsafe request came from another site.
    pub fn csrf_rejected(&self) {
        self.csrf_rejections.inc();
    }

    /// So many identity headers that a client sent were removed.
    pub fn spoofed_headers(&self, count: u64) {
        self.spoofed_headers.inc_by(count);
    }

    /// The store did something; `op` is one of [`STORE_OPS`].
    pub fn store_did(&self, op: &'static str, ok: bool, took: Duration) {
        self.store_operations.with_label_values(&[op, if ok { "ok" } else { "error" }]).inc();
        self.store_operation_seconds.with_label_values(&[op]).observe(took.as_secs_f64());
    }

    /// Whether the store answers.
    pub fn store_up(&self, up: bool) {
        self.store_up.set(i64::from(up));
    }

    /// An app answered.
    pub fn upstream_answered(&self, upstream: &str, status: u16, took: Duration) {
        self.upstream_answers.count(upstream, status, took);
    }

    /// Whether an app can be reached.
    pub fn upstream_up(&self, upstream: &str, up: bool) {
        self.upstream_up.with_label_values(&[upstream]).set(i64::from(up));
    }

    /// Long answers of this kind (`websocket`, `sse`) that are under way.
    #[must_use]
    pub fn open_streams(&self, kind: &'static str) -> IntGauge {
        self.open_streams.with_label_values(&[kind])
    }

    /// Entries were written to the journal, or could not be.
    pub fn audited(&self, entries: usize, written: bool) {
        self.audit_events.with_label_values(&[if written { "written" } else { "failed" }]).inc_by(entries as u64);
    }

    /// The configuration was read again.
    pub fn reloaded(&self, ok: bool) {
        self.config_reload.set(i64::from(ok));
    }

    /// Everything, as Prometheus reads it.
    #[must_use]
    pub fn text(&self) -> String {
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

/// Makes series and registers them.
struct Registrar<'a>(&'a Registry);

const ONCE: &str = "each name is registered once and is a valid name";

impl Registrar<'_> {
    fn keep<C: prometheus::core::Collector + Clone + 'static>(&self, series: C) -> C {
        self.0.register(Box::new(series.clone())).expect(ONCE);
        series
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.keep(IntCounterVec::new(Opts::new(name, help).namespace("portcullis"), labels).expect(ONCE))
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.keep(IntCounter::with_opts(Opts::new(name, help).namespace("portcullis")).expect(ONCE))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.keep(IntGaugeVec::new(Opts::new(name, help).namespace("portcullis"), labels).expect(ONCE))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.keep(IntGauge::with_opts(Opts::new(name, help).namespace("portcullis")).expect(ONCE))
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        let opts = HistogramOpts::new(name, help).namespace("portcullis").buckets(buckets.to_vec());
        self.keep(HistogramVec::new(opts, labels).expect(ONCE))
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let opts = HistogramOpts::new(name, help).namespace("portcullis").buckets(buckets.to_vec());
        self.keep(Histogram::with_opts(opts).expect(ONCE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_exists_at_the_start() {
        let text = Metrics::new().text();
        for series in [
            "portcullis_auth_decisions_total{decision=\"allow\",mode=\"proxy\"} 0",
            "portcullis_sessions_ended_total{reason=\"other_device\"} 0",
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
