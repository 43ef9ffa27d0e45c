//! One request on its way through, and the one line that is written about it.

use std::{
    hash::{BuildHasher as _, RandomState},
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use pingora::http::RequestHeader;
use prometheus::IntGauge;

use super::upstreams::Upstream;
use crate::{
    clock::Stopwatch,
    gate::{Because, Caller, Decision, Head, Permit, Presented, Refusal},
    metrics::Metrics,
    telemetry::ACCESS,
};

/// Longest path in the log.
const PATH: usize = 256;

/// What is known of a request while it is served. When it is dropped, it is logged and counted: also where the connection
/// broke, or was cut.
pub struct Passage {
    /// Ours, never the client's.
    pub(super) request_id: Arc<str>,
    /// Since the head was read.
    pub(super) watch: Stopwatch,
    /// What the gate gave; none, no byte upstream.
    pub(super) permit: Option<Permit>,
    /// Where it goes.
    pub(super) upstream: Option<Arc<Upstream>>,
    /// Servers that were asked for a connection, the last one last.
    pub(super) tried: Vec<SocketAddr>,
    /// Since the app was asked.
    pub(super) asked: Option<Stopwatch>,
    /// What the client was told; 0 when nothing.
    pub(super) status: u16,
    /// Bytes of body sent to it.
    pub(super) bytes: usize,
    seen: Option<Seen>,
    stream: Option<OpenStream>,
    metrics: Arc<Metrics>,
}

/// What the log says of a request besides its answer.
struct Seen {
    method: String,
    path: String,
    ip: IpAddr,
    protocol: &'static str,
    decision: &'static str,
    session: Option<String>,
    auth: Duration,
}

impl Passage {
    pub(super) fn new(watch: Stopwatch, metrics: Arc<Metrics>) -> Self {
        Self {
            request_id: new_request_id(),
            watch,
            permit: None,
            upstream: None,
            tried: Vec::new(),
            asked: None,
            status: 0,
            bytes: 0,
            seen: None,
            stream: None,
            metrics,
        }
    }

    /// Notes what was asked and what was decided.
    pub(super) fn note(
        &mut self,
        head: &Head<'_>,
        request: &RequestHeader,
        ip: IpAddr,
        decision: &Decision,
        auth: Duration,
    ) {
        let path = match decision {
            Decision::Forward(permit) => permit.path().path().as_bytes(),
            Decision::Serve(visit) => visit.path.path().as_bytes(),
            Decision::Refuse(_) => head.target.split(|byte| *byte == b'?').next().unwrap_or_default(),
        };
        let protocol = if request.version == http::Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" };
        self.seen = Some(Seen {
            method: head.method.as_str().chars().take(32).collect(),
            path: String::from_utf8_lossy(&path[..path.len().min(PATH)]).into_owned(),
            ip,
            protocol,
            decision: label(decision, head),
            session: session_of(decision),
            auth,
        });
    }

    /// From now on it is a stream that may stay open for long.
    pub(super) fn streams(&mut self, kind: &'static str) {
        self.stream = Some(OpenStream::count(self.metrics.open_streams(kind)));
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        let took = self.watch.elapsed();
        let Some(seen) = &self.seen else { return };
        // Our own pages and what fell under no rule have no route of the operator's.
        let ours = if seen.decision == "public" { "/security" } else { "none" };
        let route = self.permit.as_ref().map_or(ours, Permit::route);
        self.metrics.request(route, self.status, took);
        let upstream = self.upstream.as_deref().map(Upstream::name);
        let person = self.permit.as_ref().and_then(Permit::person);
        tracing::info!(
            target: ACCESS,
            method = seen.method,
            path = seen.path,
            status = self.status,
            bytes = self.bytes,
            duration_ms = millis(took),
            auth_ms = millis(seen.auth),
            decision = seen.decision,
            route,
            upstream,
            session = seen.session,
            user = person.map(|person| tracing::field::display(person.id)),
            ip = %seen.ip,
            request_id = &*self.request_id,
            protocol = seen.protocol,
        );
    }
}

/// 32 hexadecimal digits that no other request has. Nobody needs to be kept from guessing the next one, so the machine is
/// asked for chance once in the life of the process, not once a request.
fn new_request_id() -> Arc<str> {
    static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(Default::default);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let [high, low] = KEYS.each_ref().map(|key| key.hash_one(number));
    format!("{high:016x}{low:016x}").into()
}

/// Counts an open stream for as long as it lives.
struct OpenStream(IntGauge);

impl OpenStream {
    fn count(gauge: IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// One of [`Decision::LABELS`].
fn label(decision: &Decision, head: &Head<'_>) -> &'static str {
    match decision {
        Decision::Forward(permit) if permit.person().is_some() => "allow",
        Decision::Forward(_) | Decision::Serve(_) => "public",
        Decision::Refuse(Refusal::SignIn { .. }) if head.caller() == Caller::Navigation => "sign_in",
        Decision::Refuse(Refusal::SignIn { .. }) => "unauthorized",
        Decision::Refuse(Refusal::StoreAway) => "unavailable",
        Decision::Refuse(_) => "denied",
    }
}

/// The session that a request is known to belong to: shown with its own secret, good or not any more.
fn session_of(decision: &Decision) -> Option<String> {
    let id = match decision {
        Decision::Forward(permit) => permit.session()?,
        Decision::Serve(visit) => match &visit.presented {
            Presented::Good(principal) => principal.session,
            Presented::Nothing | Presented::Bad(_) => return None,
        },
        Decision::Refuse(Refusal::NotAllowed { session, .. }) => *session,
        Decision::Refuse(Refusal::SignIn { because: Some(because), .. }) => match because {
            Because::Idle(id, _) | Because::Worn(id) | Because::Disabled(id) => *id,
            _ => return None,
        },
        Decision::Refuse(_) => return None,
    };
    Some(id.to_string())
}

/// Milliseconds with three digits behind the point.
fn millis(span: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a request of 285 years may be logged a microsecond short")]
    let micros = span.as_micros() as f64;
    micros / 1_000.0
}
