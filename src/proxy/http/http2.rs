//! HTTP/2 on a connection: its streams are requests, served beside each other, within the connection's limits.
//!
//! Pingora's own loop is not used for the reasons that `http1` gives, and because a stream must be cancelled when its session
//! ends while its neighbours go on. The frames are the `h2` crate's: it bounds header lists, streams, resets and empty frames.

use std::{
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use ::h2::{Reason, server::Connection};
use bytes::Bytes;
use http::{HeaderValue, header};
use pingora::{
    Result,
    apps::HttpServerApp,
    http::{RequestHeader, ResponseHeader},
    protocols::{
        Digest, Stream,
        http::{
            ServerSession,
            v2::server::{self as h2, H2Accept, H2Options, HttpSession},
        },
    },
    server::ShutdownWatch,
};
use tokio::{
    task::JoinSet,
    time::{Instant, Sleep, sleep_until, timeout, timeout_at},
};

use crate::{
    clock::Clock,
    proxy::{
        http::{
            client_stream::ClientStream,
            limits::ConnectionLimits,
            plain_text::plain_text,
            reclaim::StreamReclaim,
            request_head::{self, HeadError},
            request_timer::RequestTimer,
            server::{HttpServer, LINGER_TIMEOUT, wait_for_shutdown},
        },
        in_flight::slot::InFlightSlot,
    },
};

/// Bytes of body that one stream may send before somebody reads them, and all streams of a connection together.
const WINDOW_SIZES: (u32, u32) = (128 * 1024, 512 * 1024);
/// Bytes by which a header list may be longer as it comes than as the one head that is made of it: a cookie counts 38 bytes more
/// in a line of its own (RFC 9113, 6.5.2). Enough for 1,700 of them.
const COOKIE_OVERHEAD: usize = 64 * 1024;
/// Malformed requests after which a connection closes.
const MAX_MALFORMED: usize = 32;

impl<A: HttpServerApp + Send + Sync + 'static> HttpServer<A> {
    /// Serves until the client goes, is silent for too long, or has had its share of requests. The first request must come by
    /// `first_request_by`. A stream beside others needs a permit, which is held until its request is over.
    pub(in crate::proxy) async fn serve_http2<P: Send + 'static>(
        self: &Arc<Self>,
        stream: Stream,
        first_request_by: Instant,
        acquire_permit: impl Fn() -> Option<P> + Send + Sync,
        shutdown: &ShutdownWatch,
    ) {
        let digest = Arc::new(stream_digest(&stream));
        let reclaim = StreamReclaim::default();
        let handshake = h2::handshake(ClientStream::reclaimable(stream, &reclaim), Some(h2_options(&self.limits)));
        if let Ok(Ok(mut connection)) = timeout_at(first_request_by, handshake).await {
            let mut streams = Streams::new(self, &digest, acquire_permit, shutdown);
            streams.serve(&mut connection, pin!(sleep_until(first_request_by))).await;
        }
        reclaim.drain().await;
    }

    async fn serve_stream(&self, mut session: HttpSession, slot: &Arc<InFlightSlot>, shutdown: &ShutdownWatch) {
        if let Err(fault) = request_head::validate_http2(session.req_header(), &self.limits) {
            return send_error(session, fault).await;
        }
        merge_cookies(session.req_header_mut());
        session.set_write_timeout(Some(self.limits.write_idle));
        slot.begin_request();
        let session = ServerSession::new_http2(session);
        // A cancelled request is dropped: the stream is reset, and the app's connection closes. A body that stalls has no deadline of its
        // own here: nothing is read of the client while the app takes nothing, and who of the two it is, is not seen. The
        // app's own deadlines end it.
        let sleep = pin!(sleep_until(Clock::deadline(self.limits.slow_after)));
        let mut timer = RequestTimer::new(sleep, &self.limits);
        let _ = timer.run(slot, self.app.process_new_http(session, shutdown)).await;
    }
}

/// Streams of one connection, and what is left of its limits.
struct Streams<'c, A, F> {
    server: &'c Arc<HttpServer<A>>,
    digest: &'c Arc<Digest>,
    acquire_permit: F,
    shutdown: &'c ShutdownWatch,
    /// Requests under way. They end with the connection: they are dropped with this set.
    requests: JoinSet<()>,
    requests_left: u32,
    malformed: usize,
    is_closing: bool,
}

/// Next step of a connection after one event on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The connection goes on.
    Continue,
    /// The connection takes no further streams, and ends when those that it has are over.
    Close,
    /// The connection ends at once.
    End,
}

impl<'c, A, F, P> Streams<'c, A, F>
where
    A: HttpServerApp + Send + Sync + 'static,
    F: Fn() -> Option<P> + Send + Sync,
    P: Send + 'static,
{
    fn new(
        server: &'c Arc<HttpServer<A>>,
        digest: &'c Arc<Digest>,
        acquire_permit: F,
        shutdown: &'c ShutdownWatch,
    ) -> Self {
        let requests_left = server.limits.requests;
        let requests = JoinSet::new();
        Self { server, digest, acquire_permit, shutdown, requests, requests_left, malformed: 0, is_closing: false }
    }

    /// Serves the streams of a connection. `idle_timer` runs while there is no request.
    async fn serve(&mut self, connection: &mut Connection<Stream, Bytes>, mut idle_timer: Pin<&mut Sleep>) {
        let mut watch = self.shutdown.clone();
        let mut stopping = pin!(wait_for_shutdown(&mut watch));
        loop {
            let next = tokio::select! {
                biased;
                () = stopping.as_mut(), if !self.is_closing => Next::Close,
                Some(_) = self.requests.join_next() => {
                    self.request_finished(idle_timer.as_mut());
                    Next::Continue
                }
                accepted = HttpSession::from_h2_conn(connection, Arc::clone(self.digest)) => self.accepted(accepted),
                () = idle_timer.as_mut(), if self.requests.is_empty() => {
                    if self.is_closing { Next::End } else { Next::Close }
                }
            };
            match next {
                Next::Close if !self.is_closing => {
                    self.is_closing = true;
                    connection.graceful_shutdown();
                    restart_timer(idle_timer.as_mut(), LINGER_TIMEOUT);
                }
                Next::Close | Next::Continue => {}
                Next::End => return,
            }
        }
    }

    fn request_finished(&self, idle_timer: Pin<&mut Sleep>) {
        if self.requests.is_empty() {
            restart_timer(idle_timer, if self.is_closing { LINGER_TIMEOUT } else { self.server.limits.idle });
        }
    }

    /// Starts a stream that has come, or counts one that was malformed.
    fn accepted(&mut self, accepted: Result<Option<H2Accept>>) -> Next {
        match accepted {
            Ok(Some(H2Accept::Session(session))) => self.start_stream(session),
            Ok(Some(H2Accept::Rejected)) => {
                self.malformed += 1;
                if self.malformed == MAX_MALFORMED { Next::End } else { Next::Continue }
            }
            Ok(None) | Err(_) => Next::End,
        }
    }

    /// Starts a stream, or refuses it where the connection has had its requests or there is no permit.
    fn start_stream(&mut self, mut session: HttpSession) -> Next {
        // Each request beside others may need a connection to an app, as a connection of HTTP/1.1 does, and so takes a permit
        // like one; the connection's own is for the first.
        let extra_permit = if self.requests.is_empty() { None } else { (self.acquire_permit)() };
        if self.requests_left > 0 && (self.requests.is_empty() || extra_permit.is_some()) {
            self.requests_left -= 1;
            self.spawn_request(session, extra_permit);
        } else {
            // It may be sent again, on another connection if need be.
            session.shutdown_with_reason(Reason::REFUSED_STREAM);
        }
        if self.requests_left == 0 { Next::Close } else { Next::Continue }
    }

    /// Serves a request by itself, also where its client has reset it: it keeps its permit until it is over here.
    fn spawn_request(&mut self, session: HttpSession, permit: Option<P>) {
        let (server, shutdown) = (Arc::clone(self.server), self.shutdown.clone());
        let slot = server.in_flight.register();
        self.requests.spawn(async move {
            let _permit = permit;
            Arc::clone(&slot).scope(server.serve_stream(session, &slot, &shutdown)).await;
        });
    }
}

/// Options of the frames. They start from Pingora's, which bound what the defaults of `h2` do not.
fn h2_options(limits: &ConnectionLimits) -> H2Options {
    let mut options = h2::default_h2_options();
    let whole = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    options
        .max_header_list_size(whole(limits.head_bytes.saturating_add(COOKIE_OVERHEAD)))
        .max_concurrent_streams(limits.streams)
        .initial_window_size(WINDOW_SIZES.0)
        .initial_connection_window_size(WINDOW_SIZES.1);
    options
}

fn stream_digest(stream: &Stream) -> Digest {
    Digest {
        ssl_digest: stream.get_ssl_digest(),
        timing_digest: stream.get_timing_digest(),
        proxy_digest: stream.get_proxy_digest(),
        socket_digest: stream.get_socket_digest(),
    }
}

fn restart_timer(idle_timer: Pin<&mut Sleep>, span: Duration) {
    idle_timer.reset(Clock::deadline(span));
}

/// Merges cookies into one line, as apps read them. Browsers send each in a line of its own, which compresses better (RFC 9113,
/// 8.2.3).
fn merge_cookies(request: &mut RequestHeader) {
    let lines = request.headers.get_all(header::COOKIE);
    if lines.iter().nth(1).is_none() {
        return;
    }
    let all: Vec<&[u8]> = lines.iter().map(HeaderValue::as_bytes).collect();
    // Of parts that may be in a header nothing is made that may not.
    if let Ok(one) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
        // Fails only above 32,768 headers, and there are fewer now.
        let _ = request.insert_header(header::COOKIE, one);
    }
}

/// Answers an invalid request with one line.
async fn send_error(mut session: HttpSession, fault: HeadError) {
    let Some((status, sentence)) = fault.response() else { return };
    tracing::debug!(%status, "Invalid request refused");
    let (parts, body) = plain_text(status, sentence).into_parts();
    let mut head = ResponseHeader::from(parts);
    let sent = head.insert_header(header::CONTENT_LENGTH, body.len());
    // Whether it arrives is the client's affair.
    if sent.and_then(|()| session.write_response_header(Box::new(head), false)).is_ok() {
        let _ = timeout(LINGER_TIMEOUT, session.write_body(body, true)).await;
    }
}
