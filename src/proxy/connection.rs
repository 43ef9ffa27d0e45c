//! A connection: the requests that come on it, one after the other, within its limits.
//!
//! Stands where Pingora's own loop would stand, because that one has no deadline for a head, lets a connection wait for
//! ever after its first request, and answers what it cannot read in its own name. What comes over HTTP/2 goes its own way
//! from here (`http2`).

use std::{
    pin::{Pin, pin},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::BytesMut;
use http::StatusCode;
use pingora::{
    apps::{HttpServerApp, ServerApp},
    protocols::{ALPN, Stream, TcpKeepalive, http::ServerSession},
    server::ShutdownWatch,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::watch,
    time::{Duration, Instant, Sleep, sleep_until, timeout},
};

use super::{
    Entrance, Limits, Line, Lines,
    chunks::Chunks,
    client_stream::ClientStream,
    entrance::Admitted,
    farewell::Lender,
    head::{self, Fault},
    request_timer::RequestTimer,
};
use crate::{
    clock::Clock,
    web::{FORWARDED_METHODS, SECURITY_HEADERS},
};

/// How long a client that was refused may go on sending before its connection is cut. Cut at once, it would often not see
/// the answer.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// An open stream may be silent for hours: this is how a machine that has vanished is noticed, on either side.
pub(super) const fn keepalive() -> TcpKeepalive {
    TcpKeepalive {
        idle: Duration::from_mins(1),
        interval: Duration::from_secs(15),
        count: 4,
        #[cfg(target_os = "linux")]
        user_timeout: Duration::ZERO,
    }
}

/// Serves connections with an application.
#[derive(Debug)]
pub struct Connections<A> {
    pub(super) app: Arc<A>,
    entrance: Entrance,
    open: Arc<watch::Sender<usize>>,
    pub(super) lines: Arc<Lines>,
}

impl<A> Connections<A> {
    /// Serves with `app` who comes in by `entrance`; `open` counts the connections that are open, and `lines` has what is in
    /// flight.
    #[must_use]
    pub fn new(app: A, entrance: Entrance, open: Arc<watch::Sender<usize>>, lines: Arc<Lines>) -> Self {
        Self { app: Arc::new(app), entrance, open, lines }
    }

    /// What a connection may ask of us.
    pub(super) const fn limits(&self) -> &Limits {
        &self.entrance.limits
    }
}

#[async_trait]
impl<A: HttpServerApp + Send + Sync + 'static> ServerApp for Connections<A> {
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        let _open = Open::count(&self.open);
        match self.entrance.admit(stream).await {
            Ok(admitted) if admitted.stream.selected_alpn_proto() == Some(ALPN::H2) => {
                self.serve_http2(admitted, shutdown).await;
            }
            Ok(Admitted { stream, seat: _seat, by }) => {
                let line = self.lines.open();
                Arc::clone(&line).scope(self.serve(stream, by, &line, shutdown)).await;
            }
            Err((fault, Some(stream))) => refuse(stream, fault).await,
            Err((_, None)) => {}
        }
        None
    }

    async fn cleanup(&self) {
        self.app.http_cleanup().await;
    }
}

impl<A: HttpServerApp + Send + Sync + 'static> Connections<A> {
    async fn serve(&self, stream: Stream, by: Instant, line: &Arc<Line>, shutdown: &ShutdownWatch) {
        let mut seen = shutdown.clone();
        // As long as the connection: to move a timer is cheaper than to make one for each request.
        let (mut stopping, mut quiet) = (pin!(stopped(&mut seen)), pin!(sleep_until(by)));
        let sleep = pin!(sleep_until(by));
        let mut timer = RequestTimer::new(sleep, self.limits());
        let mut stream = Box::new(ClientStream::new(stream, Arc::clone(&line.writes)));
        let mut first = true;
        for left in (0..self.limits().requests).rev() {
            let first = std::mem::take(&mut first);
            let next = self.next_head(&mut stream, first, quiet.as_mut(), stopping.as_mut()).await;
            let Next { head, websocket, chunks, expecting } = match next {
                Ok(next) => next,
                Err(Fault::Gone) => return,
                Err(fault) => return refuse(stream, fault).await,
            };
            line.begin();
            let lender = websocket.then(Lender::default);
            stream.begin(chunks, expecting, lender.as_ref());
            let mut session = ServerSession::new_http1(stream);
            // The head goes to Pingora's parser as if it had been pipelined: it is parsed before anything is read.
            session.set_pipelined_prefix(head);
            session.set_keepalive(Some(self.limits().idle.as_secs()));
            session.set_keepalive_reuses_remaining(Some(left));
            session.set_read_timeout(Some(self.limits().body_idle));
            session.set_write_timeout(Some(self.limits().write_idle));
            let served = timer.serve(line, self.app.process_new_http(session, shutdown)).await;
            let reusable = match (served, lender) {
                (Ok(Some(reusable)), _) => reusable.consume().0,
                (Err(cut), Some(lender)) => return lender.bid_farewell(cut).await,
                (Ok(None) | Err(_), _) => return,
            };
            let Some(own) = ClientStream::back(reusable) else { return };
            stream = own;
            stream.begin(None, false, None);
        }
    }

    /// The next head. Between two requests a connection may end at any time; once a request has begun, it is read to its
    /// end.
    async fn next_head(
        &self,
        stream: &mut ClientStream,
        first: bool,
        mut quiet: Pin<&mut Sleep>,
        stopping: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Next, Fault> {
        let mut read = BytesMut::with_capacity(4096);
        let Limits { head_deadline, idle, .. } = *self.limits();
        // Who has only just come has something to say: silence counts, since there is the connection.
        if !first {
            quiet.as_mut().reset(Clock::deadline(idle));
        }
        tokio::select! {
            biased;
            begun = head::begin(stream, &mut read) => begun?,
            () = quiet.as_mut() => return Err(Fault::Gone),
            () = stopping => return Err(Fault::Gone),
        }
        let reading = head::complete(stream, &mut read, self.limits());
        let whole = if first {
            tokio::select! {
                biased;
                whole = reading => whole?,
                () = quiet => return Err(Fault::Slow),
            }
        } else {
            timeout(head_deadline, reading).await.unwrap_or(Err(Fault::Slow))?
        };
        let mut chunks = whole.chunked.then(Chunks::new);
        if let Some(chunks) = &mut chunks {
            chunks.look(&read[whole.end..]).map_err(|_| Fault::Malformed)?;
        }
        // Who has sent some of it does not wait.
        let expecting = whole.expects_continue && read.len() == whole.end;
        Ok(Next { head: read, websocket: whole.websocket, chunks, expecting })
    }
}

/// A request that has come.
struct Next {
    /// Its head, with what came behind it.
    head: BytesMut,
    /// Whether it asks for a WebSocket.
    websocket: bool,
    /// Where its body comes in chunks, what those are so far.
    chunks: Option<Chunks>,
    /// Whether its client waits for leave to send a body.
    expecting: bool,
}

/// Returns when this process stops.
pub(super) async fn stopped(shutdown: &mut ShutdownWatch) {
    // Whoever would say so has gone: then this process stops, too.
    let _ = shutdown.wait_for(|stopping| *stopping).await;
}

/// Answers what is no request, and hangs up. There is no telling whom it comes from or what it wants: one line is enough.
async fn refuse(mut stream: Stream, fault: Fault) {
    let Some((status, sentence)) = fault.answer() else { return };
    let allow = if status == StatusCode::METHOD_NOT_ALLOWED {
        format!("allow: {FORWARDED_METHODS}\r\n")
    } else {
        String::new()
    };
    let own = SECURITY_HEADERS.map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n{allow}{own}\
         cache-control: no-store\r\nconnection: close\r\n\r\n{sentence}",
        sentence.len()
    );
    let bid_farewell = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
        stream.shutdown().await?;
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    // Whether it arrives is the client's affair.
    let _ = timeout(LINGER, bid_farewell).await;
    tracing::debug!(%status, "Refused what is no request");
}

/// Counts a connection for as long as it lives.
struct Open(Arc<watch::Sender<usize>>);

impl Open {
    fn count(open: &Arc<watch::Sender<usize>>) -> Self {
        open.send_modify(|count| *count += 1);
        Self(Arc::clone(open))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
