//! One request on its way through, and the one line that is written about it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http::Method;
use pingora::http::RequestHeader;
use prometheus::IntGauge;

use super::{request_id::RequestId, upstreams::Upstream};
use crate::{
    clock::Stopwatch,
    gate::{Because, Caller, Decision, Head, Permit, Presented, Refusal},
    id::SessionId,
    metrics::Metrics,
    telemetry::AccessLine,
};

/// Longest path in the log.
const PATH: usize = 256;
/// Longest method in it.
const METHOD: usize = 32;

/// What is known of a request while it is served. When it is dropped, it is logged and counted: also where the connection
/// broke, or was cut.
pub struct Passage {
    /// Ours, never the client's.
    pub(super) request_id: RequestId,
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
    method: Method,
    /// None: that of the permit.
    path: Option<String>,
    ip: IpAddr,
    protocol: &'static str,
    decision: &'static str,
    session: Option<SessionId>,
    auth: Duration,
}

impl Passage {
    pub(super) fn new(watch: Stopwatch, metrics: Arc<Metrics>) -> Self {
        Self {
            request_id: RequestId::new(),
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
            Decision::Forward(_) => None,
            Decision::Serve(visit) => Some(visit.path.path().as_bytes()),
            Decision::Refuse(_) => head.target.split(|byte| *byte == b'?').next(),
        };
        let protocol = if request.version == http::Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" };
        self.seen = Some(Seen {
            method: head.method.clone(),
            path: path.map(|path| String::from_utf8_lossy(&path[..path.len().min(PATH)]).into_owned()),
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
        let permitted = || self.permit.as_ref().map(|permit| short(permit.path().path(), PATH));
        let line = AccessLine {
            method: short(seen.method.as_str(), METHOD),
            path: seen.path.as_deref().or_else(permitted).unwrap_or_default(),
            status: self.status,
            bytes: self.bytes,
            took,
            auth: seen.auth,
            decision: seen.decision,
            route,
            upstream: self.upstream.as_deref().map(Upstream::name),
            session: seen.session,
            user: self.permit.as_ref().and_then(Permit::person).map(|person| person.id),
            ip: seen.ip,
            request_id: self.request_id.as_str(),
            protocol: seen.protocol,
        };
        line.log();
    }
}

fn short(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
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
fn session_of(decision: &Decision) -> Option<SessionId> {
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
    Some(id)
}
