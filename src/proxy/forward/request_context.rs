//! One request on its way through, and the one line that is written about it.

use std::{borrow::Cow, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Response, header};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use pingora::protocols::SocketDigest;
use prometheus::IntGauge;

use crate::{
    clock::Stopwatch,
    gate::{DecisionLabel, OutcomeFields, Permit, Refusal, RequestHead},
    id::{SessionId, UserId},
    metrics::Metrics,
    own_paths,
    proxy::{
        forward::{
            client::ClientAddress, peer::PeerConnection, request_id::RequestId, upstreams::Upstream,
            watch_script::AppendedBytes,
        },
        http::websocket::FrameTracker,
        in_flight::{cancel_reason::CancelReason, private_connections::SessionBinding, slot::InFlightSlot},
    },
    telemetry::AccessLogEntry,
    web::ClaimedForm,
};

/// Longest path in the log.
const MAX_PATH: usize = 256;
/// Longest host in it: as long as a name may be.
const MAX_HOST: usize = 253;
/// Longest method in it.
const MAX_METHOD: usize = 32;
/// Once in so long a client is heard while it sends: well below the shortest time in which a session becomes idle.
const ACTIVITY_INTERVAL: Duration = Duration::from_millis(250);

/// What is known of a request while it is served. When it is dropped, it is logged and counted: also where the connection
/// broke, or was cut.
pub struct RequestContext {
    /// Ours, never the client's.
    pub(super) request_id: RequestId,
    /// Version of HTTP that the client speaks, for the log.
    pub(super) protocol: &'static str,
    /// Since the head was read.
    pub(super) stopwatch: Stopwatch,
    /// What the gate gave; none, no byte upstream.
    pub(super) permit: Option<Permit>,
    /// Where it goes.
    pub(super) upstream: Option<Arc<Upstream>>,
    /// Servers that were asked for a connection, the last one last.
    pub(super) tried_addresses: Vec<SocketAddr>,
    /// Since the app was asked.
    pub(super) upstream_stopwatch: Option<Stopwatch>,
    /// What the client was told; 0 when nothing.
    pub(super) status: u16,
    /// Bytes of body sent to it.
    pub(super) body_bytes: usize,
    /// Where it came from.
    pub(super) client: ClientAddress,
    /// Answers of the app before its answer.
    pub(super) interim_responses: u8,
    /// The connection that it came on; without one it is refused, for nobody could cut it.
    pub(super) slot: Option<Arc<InFlightSlot>>,
    /// Whether it turned out to have no content, though its head left that open.
    pub(super) has_no_content: bool,
    /// Whether it was sent once more already.
    pub(super) is_retry: bool,
    /// Where its connection to the app comes from.
    pub(super) peer_connection: PeerConnection,
    /// How long the app may be silent.
    pub(super) read_timeout: Duration,
    /// The connection to the app.
    pub(super) upstream_socket: Option<Arc<SocketDigest>>,
    /// Why it was not let through any more when it was to be sent once more.
    pub(super) retry_refusal: Option<Box<Refusal>>,
    /// Bytes behind the last one of its answer's body.
    pub(super) appended: AppendedBytes,
    /// Form of another site that it takes to the app, until its first byte is sent.
    pub(super) claimed_form: Option<ClaimedForm>,
    /// Answer of ours to a request that was on its way to an app.
    pub(super) own_response: Option<Response<Bytes>>,
    /// Whether its client took nothing of the answer for too long.
    pub(super) write_timed_out: bool,
    /// How much more of a body the app is sent; none is no limit.
    body_remaining: Option<u64>,
    log_fields: Option<LogFields>,
    open_stream: Option<OpenStreamGuard>,
    /// What the client says on a WebSocket.
    client_frames: Option<FrameTracker>,
    /// When the client was heard last, since the head was read.
    last_activity: Duration,
    metrics: Arc<Metrics>,
}

/// What the log says of a request besides its answer.
struct LogFields {
    method: Method,
    /// None: that of the permit.
    path: Option<String>,
    decision: DecisionLabel,
    /// Path of the rule that refused it.
    route: Option<Arc<str>>,
    refuse_reason: Option<Cow<'static, str>>,
    /// The host that was asked for, where the request is refused for it.
    host: Option<String>,
    session: Option<SessionId>,
    user: Option<UserId>,
    auth_duration: Duration,
}

impl RequestContext {
    pub(super) fn new(watch: Stopwatch, slot: Option<Arc<InFlightSlot>>, metrics: Arc<Metrics>) -> Self {
        Self {
            request_id: RequestId::new(),
            protocol: "HTTP/1.1",
            stopwatch: watch,
            permit: None,
            upstream: None,
            tried_addresses: Vec::new(),
            upstream_stopwatch: None,
            status: 0,
            body_bytes: 0,
            client: ClientAddress::UNKNOWN,
            interim_responses: 0,
            slot,
            has_no_content: false,
            is_retry: false,
            peer_connection: PeerConnection::Pooled,
            read_timeout: Duration::ZERO,
            upstream_socket: None,
            retry_refusal: None,
            appended: AppendedBytes::default(),
            claimed_form: None,
            own_response: None,
            write_timed_out: false,
            body_remaining: None,
            log_fields: None,
            open_stream: None,
            client_frames: None,
            last_activity: Duration::ZERO,
            metrics,
        }
    }

    /// Notes what was asked and what came of it; the last note holds.
    pub(super) fn record(&mut self, head: &RequestHead<'_>, outcome: &OutcomeFields<'_>) {
        let path = match (outcome.own_path, outcome.refusal) {
            (Some(path), _) => Some(path.as_bytes()),
            (None, Some(_)) => head.target.split(|byte| *byte == b'?').next(),
            (None, None) => None,
        };
        self.log_fields = Some(LogFields {
            method: head.method.clone(),
            path: path.map(encode_path),
            decision: outcome.label,
            route: outcome.refused_route.map(Arc::clone),
            refuse_reason: outcome.refusal.and_then(Refusal::log_reason),
            host: (outcome.refusal == Some(&Refusal::WrongHost)).then(|| requested_host(head)),
            session: outcome.session,
            user: outcome.user,
            auth_duration: outcome.duration,
        });
    }

    /// From now on it is a stream that may stay open for long.
    pub(super) fn begin_stream(&mut self, kind: &'static str) {
        self.open_stream = Some(OpenStreamGuard::new(self.metrics.open_streams(kind)));
    }

    /// From now on it is a WebSocket.
    pub(super) fn begin_websocket(&mut self) {
        self.begin_stream("websocket");
        self.client_frames = Some(FrameTracker::default());
        self.body_remaining = None;
    }

    /// It goes to an app, by this leave.
    pub(super) fn set_upstream(&mut self, permit: Permit, upstream: Option<Arc<Upstream>>) {
        self.body_remaining = permit.body_size();
        self.upstream = upstream;
        self.permit = Some(permit);
    }

    /// Whose its connection to the app would be, were it private.
    pub(super) fn binding(&self) -> Option<SessionBinding> {
        let permit = self.permit.as_ref()?;
        Some(SessionBinding { session: permit.session(), upstream: permit.upstream() })
    }

    /// Whether so many bytes of a body are within what its route takes.
    pub(super) fn is_within_body_limit(&self, bytes: u64) -> bool {
        self.body_remaining.is_none_or(|left| bytes <= left)
    }

    /// Counts what the app is sent of the body; false where that is more than its route takes.
    pub(super) fn count_body(&mut self, sent: &[u8]) -> bool {
        let bytes = sent.len() as u64;
        let fits = self.is_within_body_limit(bytes);
        if let Some(left) = &mut self.body_remaining {
            *left = left.saturating_sub(bytes);
        }
        fits
    }

    /// Whether what the client has sent is a sign of life: not where there was one a moment ago, and not the Pong with which
    /// browsers answer an app by themselves.
    pub(super) fn is_activity(&mut self, sent: &[u8]) -> bool {
        let is_pong = self.client_frames.as_mut().is_some_and(|frames| !frames.track(sent));
        if sent.is_empty() || is_pong {
            return false;
        }
        let now = self.stopwatch.elapsed();
        let is_due = now.saturating_sub(self.last_activity) >= ACTIVITY_INTERVAL;
        if is_due {
            self.last_activity = now;
        }
        is_due
    }
}

impl Drop for RequestContext {
    fn drop(&mut self) {
        let reason = self.slot.as_ref().and_then(|slot| slot.cancel_reason());
        let reason = reason.or(self.write_timed_out.then_some(CancelReason::WriteIdle));
        if let Some(slot) = &self.slot {
            slot.unbind_session();
            // Whoever comes next on the connection of a proxy may be somebody else.
            if self.client.is_forwarded() {
                slot.private_connections.close();
            }
        }
        if let Some(reason) = reason {
            self.metrics.stream_cancelled(reason.label());
        }
        let took = self.stopwatch.elapsed();
        let Some(log_fields) = &self.log_fields else { return };
        // Our own pages and what fell under no rule have no route of the operator's.
        let ours = if log_fields.decision == DecisionLabel::Public { own_paths::ROOT } else { "none" };
        let route = self.permit.as_ref().map_or(ours, Permit::route);
        self.metrics.request_finished(route, self.status, took);
        let permitted = || self.permit.as_ref().map(|permit| truncate(permit.path().path(), MAX_PATH));
        let entry = AccessLogEntry {
            method: truncate(log_fields.method.as_str(), MAX_METHOD),
            path: log_fields.path.as_deref().or_else(permitted).unwrap_or_default(),
            status: self.status,
            bytes: self.body_bytes,
            duration: took,
            auth_duration: log_fields.auth_duration,
            decision: log_fields.decision.as_str(),
            refusal: log_fields.refuse_reason.as_deref(),
            host: log_fields.host.as_deref(),
            route: log_fields.route.as_deref().unwrap_or(route),
            upstream: self.upstream.as_deref().map(Upstream::name),
            session: log_fields.session,
            user: log_fields.user,
            ip: self.client.ip,
            request_id: self.request_id.as_str(),
            protocol: self.protocol,
            cancel_reason: reason.map(CancelReason::label),
        };
        entry.write();
    }
}

/// Name of a version of HTTP in the log.
pub(super) const fn protocol_name(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_10 => "HTTP/1.0",
        http::Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

/// A path as it came, with what is not to be seen in it encoded.
fn encode_path(path: &[u8]) -> String {
    const UNSEEN: &AsciiSet = &CONTROLS.add(b' ');
    percent_encode(&path[..path.len().min(MAX_PATH)], UNSEEN).to_string()
}

fn truncate(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

/// The host that was asked for: what a proxy passed on where its word is taken, else `Host`, else the authority of the target.
fn requested_host(head: &RequestHead<'_>) -> String {
    let host = head.headers.get(header::HOST).map(HeaderValue::as_bytes).or(head.authority.map(str::as_bytes));
    let host = head.forwarded_host.map(str::as_bytes).or(host).unwrap_or_default();
    String::from_utf8_lossy(&host[..host.len().min(MAX_HOST)]).into_owned()
}

/// Counts an open stream for as long as it lives.
struct OpenStreamGuard(IntGauge);

impl OpenStreamGuard {
    fn new(gauge: IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for OpenStreamGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}
