//! One request on its way through, and the one line that is written about it.

use std::{borrow::Cow, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Response, header};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use pingora::{http::RequestHeader, protocols::SocketDigest};
use prometheus::IntGauge;

use super::{
    Cut, Line, asked::Source, frames::Frames, peer::PeerConnection, private::Binding, request_id::RequestId,
    upstreams::Upstream, watch_script::Appended,
};
use crate::{
    clock::Stopwatch,
    gate::{Because, Decision, Head, Judged, Label, Permit, Refusal},
    id::{SessionId, UserId},
    metrics::Metrics,
    telemetry::AccessLogEntry,
    web::ClaimedForm,
};

/// Longest path in the log.
const PATH: usize = 256;
/// Longest host in it: as long as a name may be.
const HOST: usize = 253;
/// Longest method in it.
const METHOD: usize = 32;
/// Once in so long a client is heard while it sends: well below the shortest time in which a session becomes idle.
const HEARD: Duration = Duration::from_millis(250);

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
    /// Where it came from.
    pub(super) source: Source,
    /// Answers of the app before its answer.
    pub(super) interim: u8,
    /// The connection that it came on; without one it is refused, for nobody could cut it.
    pub(super) line: Option<Arc<Line>>,
    /// Whether it turned out to have no content, though its head left that open.
    pub(super) is_empty: bool,
    /// Whether it was sent once more already.
    pub(super) retried: bool,
    /// Where its connection to the app comes from.
    pub(super) connection: PeerConnection,
    /// How long the app may be silent.
    pub(super) read_timeout: Duration,
    /// The connection to the app.
    pub(super) socket: Option<Arc<SocketDigest>>,
    /// Why it was not let through any more when it was to be sent once more.
    pub(super) refused: Option<Box<Judged>>,
    /// Bytes behind the last one of its answer's body.
    pub(super) appended: Appended,
    /// Form of another site that it takes to the app, until its first byte is sent.
    pub(super) form: Option<ClaimedForm>,
    /// Answer of ours to a request that was on its way to an app.
    pub(super) answer: Option<Response<Bytes>>,
    /// Whether its client took nothing of the answer for too long.
    pub(super) is_stalled: bool,
    /// How much more of a body the app is sent; none is no limit.
    body_left: Option<u64>,
    seen: Option<Seen>,
    stream: Option<OpenStream>,
    /// What the client says on a WebSocket.
    frames: Option<Frames>,
    /// When the client was heard last, since the head was read.
    heard: Duration,
    metrics: Arc<Metrics>,
}

/// What the log says of a request besides its answer.
struct Seen {
    method: Method,
    /// None: that of the permit.
    path: Option<String>,
    protocol: &'static str,
    decision: Label,
    /// Path of the rule that refused it.
    route: Option<Arc<str>>,
    refused: Option<Cow<'static, str>>,
    /// The host that was asked for, where the request is refused for it.
    host: Option<String>,
    session: Option<SessionId>,
    user: Option<UserId>,
    auth: Duration,
}

impl Passage {
    pub(super) fn new(watch: Stopwatch, line: Option<Arc<Line>>, metrics: Arc<Metrics>) -> Self {
        Self {
            request_id: RequestId::new(),
            watch,
            permit: None,
            upstream: None,
            tried: Vec::new(),
            asked: None,
            status: 0,
            bytes: 0,
            source: Source::UNKNOWN,
            interim: 0,
            line,
            is_empty: false,
            retried: false,
            connection: PeerConnection::Pooled,
            read_timeout: Duration::ZERO,
            socket: None,
            refused: None,
            appended: Appended::default(),
            form: None,
            answer: None,
            is_stalled: false,
            body_left: None,
            seen: None,
            stream: None,
            frames: None,
            heard: Duration::ZERO,
            metrics,
        }
    }

    /// Notes what was asked and what was thought of it; the last note holds.
    pub(super) fn note(&mut self, head: &Head<'_>, request: &RequestHeader, judged: &Judged) {
        let path = match judged.decision() {
            Decision::Forward(_) => None,
            Decision::Serve(visit) => Some(visit.path.path().as_bytes()),
            Decision::Refuse(_) => head.target.split(|byte| *byte == b'?').next(),
        };
        let (session, user) = known(judged.decision());
        let protocol = match request.version {
            http::Version::HTTP_10 => "HTTP/1.0",
            http::Version::HTTP_2 => "HTTP/2",
            _ => "HTTP/1.1",
        };
        let wrong_host = matches!(judged.decision(), Decision::Refuse(Refusal::WrongHost));
        self.seen = Some(Seen {
            method: head.method.clone(),
            path: path.map(in_ascii),
            protocol,
            decision: judged.label(),
            route: judged.refused_route().map(Arc::clone),
            refused: if let Decision::Refuse(refusal) = judged.decision() { refusal.why() } else { None },
            host: wrong_host.then(|| host_of(head)),
            session,
            user,
            auth: judged.took(),
        });
    }

    /// From now on it is a stream that may stay open for long.
    pub(super) fn streams(&mut self, kind: &'static str) {
        self.stream = Some(OpenStream::count(self.metrics.open_streams(kind)));
    }

    /// From now on it is a WebSocket.
    pub(super) fn becomes_websocket(&mut self) {
        self.streams("websocket");
        self.frames = Some(Frames::default());
        self.body_left = None;
    }

    /// It goes to an app, by this leave.
    pub(super) fn goes(&mut self, permit: Permit, upstream: Option<Arc<Upstream>>) {
        self.body_left = permit.body_size();
        self.upstream = upstream;
        self.permit = Some(permit);
    }

    /// Whose its connection to the app would be, were it private.
    pub(super) fn binding(&self) -> Option<Binding> {
        let permit = self.permit.as_ref()?;
        Some(Binding { session: permit.session(), upstream: permit.upstream() })
    }

    /// Whether so many bytes of a body are within what its route takes.
    pub(super) fn has_room_for(&self, bytes: u64) -> bool {
        self.body_left.is_none_or(|left| bytes <= left)
    }

    /// Counts what the app is sent of the body; false where that is more than its route takes.
    pub(super) fn takes(&mut self, sent: &[u8]) -> bool {
        let bytes = sent.len() as u64;
        let fits = self.has_room_for(bytes);
        if let Some(left) = &mut self.body_left {
            *left = left.saturating_sub(bytes);
        }
        fits
    }

    /// Whether what the client has sent is a sign of life: not where there was one a moment ago, and not the Pong with which
    /// browsers answer an app by themselves.
    pub(super) fn hears(&mut self, sent: &[u8]) -> bool {
        let by_itself = self.frames.as_mut().is_some_and(|frames| !frames.pass(sent));
        if sent.is_empty() || by_itself {
            return false;
        }
        let now = self.watch.elapsed();
        let counts = now.saturating_sub(self.heard) >= HEARD;
        if counts {
            self.heard = now;
        }
        counts
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        let cut = self.line.as_ref().and_then(|line| line.was_cut());
        let cut = cut.or(self.is_stalled.then_some(Cut::WRITE_IDLE));
        if let Some(line) = &self.line {
            line.end();
            // Whoever comes next on the connection of a proxy may be somebody else.
            if self.source.is_passed_on() {
                line.private.close();
            }
        }
        if let Some(cut) = cut {
            self.metrics.stream_cancelled(cut.label());
        }
        let took = self.watch.elapsed();
        let Some(seen) = &self.seen else { return };
        // Our own pages and what fell under no rule have no route of the operator's.
        let ours = if seen.decision == Label::Public { "/security" } else { "none" };
        let route = self.permit.as_ref().map_or(ours, Permit::route);
        self.metrics.request_finished(route, self.status, took);
        let permitted = || self.permit.as_ref().map(|permit| short(permit.path().path(), PATH));
        let line = AccessLogEntry {
            method: short(seen.method.as_str(), METHOD),
            path: seen.path.as_deref().or_else(permitted).unwrap_or_default(),
            status: self.status,
            bytes: self.bytes,
            duration: took,
            auth_duration: seen.auth,
            decision: seen.decision.as_str(),
            refusal: seen.refused.as_deref(),
            host: seen.host.as_deref(),
            route: seen.route.as_deref().unwrap_or(route),
            upstream: self.upstream.as_deref().map(Upstream::name),
            session: seen.session,
            user: seen.user,
            ip: self.source.ip,
            request_id: self.request_id.as_str(),
            protocol: seen.protocol,
            cancel_reason: cut.map(Cut::label),
        };
        line.write();
    }
}

/// A path as it came, with what is not to be seen in it encoded.
fn in_ascii(path: &[u8]) -> String {
    const UNSEEN: &AsciiSet = &CONTROLS.add(b' ');
    percent_encode(&path[..path.len().min(PATH)], UNSEEN).to_string()
}

fn short(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// The host that was asked for: what a proxy passed on where its word is taken, else `Host`, else the authority of the target.
fn host_of(head: &Head<'_>) -> String {
    let host = head.headers.get(header::HOST).map(HeaderValue::as_bytes).or(head.authority.map(str::as_bytes));
    let host = head.forwarded_host.map(str::as_bytes).or(host).unwrap_or_default();
    String::from_utf8_lossy(&host[..host.len().min(HOST)]).into_owned()
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

/// Whom a request is known to be of, and the session that it belongs to: shown with its own secret, good or not any more.
fn known(decision: &Decision) -> (Option<SessionId>, Option<UserId>) {
    match decision {
        Decision::Forward(permit) => (permit.session(), permit.person().map(|person| person.id)),
        Decision::Serve(visit) => {
            let principal = visit.presented.good();
            (principal.map(|principal| principal.session), principal.map(|principal| principal.owner.id))
        }
        Decision::Refuse(Refusal::NotAllowed { session, owner }) => (Some(*session), Some(owner.id)),
        Decision::Refuse(Refusal::SignIn { because: Some(because), .. }) => match because {
            Because::Idle(id, _) | Because::Worn(id) | Because::Disabled(id) => (Some(*id), None),
            _ => (None, None),
        },
        Decision::Refuse(_) => (None, None),
    }
}
