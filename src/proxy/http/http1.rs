//! HTTP/1.1 on a connection: its requests, one after the other, within the connection's limits.
//!
//! Stands where Pingora's own loop would stand, because that one has no deadline for a head, lets a connection wait for
//! ever after its first request, and answers what it cannot read in its own name.

use std::{
    pin::{Pin, pin},
    sync::Arc,
};

use bytes::BytesMut;
use http::StatusCode;
use pingora::{
    apps::HttpServerApp,
    protocols::{Stream, http::ServerSession},
    server::ShutdownWatch,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, Sleep, sleep_until, timeout},
};

use crate::{
    clock::Clock,
    proxy::{
        http::{
            chunked::ChunkedValidator,
            client_stream::ClientStream,
            limits::ConnectionLimits,
            reclaim::StreamReclaim,
            request_head::{self, HeadError},
            request_timer::RequestTimer,
            server::{HttpServer, LINGER_TIMEOUT, wait_for_shutdown},
        },
        in_flight::slot::InFlightSlot,
    },
    web::{FORWARDED_METHODS, SECURITY_HEADERS},
};

impl<A: HttpServerApp + Send + Sync + 'static> HttpServer<A> {
    /// Serves the requests of a connection, registered as one slot. The first head must come by `first_request_by`.
    pub(in crate::proxy) async fn serve_http1(
        &self,
        stream: Stream,
        first_request_by: Instant,
        shutdown: &ShutdownWatch,
    ) {
        let slot = self.in_flight.register();
        Arc::clone(&slot).scope(self.serve_requests(stream, first_request_by, &slot, shutdown)).await;
    }

    async fn serve_requests(
        &self,
        stream: Stream,
        first_request_by: Instant,
        slot: &Arc<InFlightSlot>,
        shutdown: &ShutdownWatch,
    ) {
        let mut watch = shutdown.clone();
        // As long as the connection: to move a timer is cheaper than to make one for each request.
        let (mut stopping, mut idle_timer) = (pin!(wait_for_shutdown(&mut watch)), pin!(sleep_until(first_request_by)));
        let sleep = pin!(sleep_until(first_request_by));
        let mut timer = RequestTimer::new(sleep, &self.limits);
        let mut stream = Box::new(ClientStream::new(stream, Arc::clone(&slot.write_progress)));
        let mut first = true;
        for left in (0..self.limits.requests).rev() {
            let first = std::mem::take(&mut first);
            let next = self.next_head(&mut stream, first, idle_timer.as_mut(), stopping.as_mut()).await;
            let NextRequest { head, wants_websocket, chunk_validator, expects_continue } = match next {
                Ok(next) => next,
                Err(HeadError::ClientClosed) => return,
                Err(fault) => return send_error(stream, fault).await,
            };
            slot.begin_request();
            let reclaim = wants_websocket.then(StreamReclaim::default);
            stream.begin_request(chunk_validator, expects_continue, reclaim.as_ref());
            let mut session = ServerSession::new_http1(stream);
            // The head goes to Pingora's parser as if it had been pipelined: it is parsed before anything is read.
            session.set_pipelined_prefix(head);
            session.set_keepalive(Some(self.limits.idle.as_secs()));
            session.set_keepalive_reuses_remaining(Some(left));
            session.set_read_timeout(Some(self.limits.body_idle));
            session.set_write_timeout(Some(self.limits.write_idle));
            let served = timer.run(slot, self.app.process_new_http(session, shutdown)).await;
            let reusable = match (served, reclaim) {
                (Ok(Some(reusable)), _) => reusable.consume().0,
                (Err(reason), Some(reclaim)) => return reclaim.send_close_frame(reason).await,
                (Ok(None) | Err(_), _) => return,
            };
            let Some(own) = ClientStream::from_stream(reusable) else { return };
            stream = own;
            stream.begin_request(None, false, None);
        }
    }

    /// Reads the next head. Between two requests a connection may end at any time; once a head has begun, it is read to its end.
    async fn next_head(
        &self,
        stream: &mut ClientStream,
        first: bool,
        mut idle_timer: Pin<&mut Sleep>,
        stopping: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<NextRequest, HeadError> {
        let mut read = BytesMut::with_capacity(4096);
        let ConnectionLimits { head_deadline, idle, .. } = self.limits;
        // Who has only just come has something to say: silence counts, since there is the connection.
        if !first {
            idle_timer.as_mut().reset(Clock::deadline(idle));
        }
        tokio::select! {
            biased;
            begun = request_head::read_first_bytes(stream, &mut read) => begun?,
            () = idle_timer.as_mut() => return Err(HeadError::ClientClosed),
            () = stopping => return Err(HeadError::ClientClosed),
        }
        let reading = request_head::read_head(stream, &mut read, &self.limits);
        let whole = if first {
            tokio::select! {
                biased;
                whole = reading => whole?,
                () = idle_timer => return Err(HeadError::TimedOut),
            }
        } else {
            timeout(head_deadline, reading).await.unwrap_or(Err(HeadError::TimedOut))?
        };
        let mut chunk_validator = whole.is_chunked.then(ChunkedValidator::new);
        if let Some(chunk_validator) = &mut chunk_validator {
            chunk_validator.validate(&read[whole.end..]).map_err(|_| HeadError::Malformed)?;
        }
        // Who has sent some of it does not wait.
        let expects_continue = whole.expects_continue && read.len() == whole.end;
        Ok(NextRequest { head: read, wants_websocket: whole.wants_websocket, chunk_validator, expects_continue })
    }
}

/// Request whose head has come.
struct NextRequest {
    /// Head, with the bytes that came behind it.
    head: BytesMut,
    /// Whether the request asks for a WebSocket.
    wants_websocket: bool,
    /// Validator of a chunked body, which has seen the bytes behind the head.
    chunk_validator: Option<ChunkedValidator>,
    /// Whether the client waits for `100 Continue` before it sends a body.
    expects_continue: bool,
}

/// Answers an invalid request with one line, and closes the connection. Who sent it and what it wants cannot be known.
pub(in crate::proxy) async fn send_error(mut stream: Stream, fault: HeadError) {
    let Some((status, sentence)) = fault.response() else { return };
    let allow = if status == StatusCode::METHOD_NOT_ALLOWED {
        format!("allow: {FORWARDED_METHODS}\r\n")
    } else {
        String::new()
    };
    let own = SECURITY_HEADERS.map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    let response = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n{allow}{own}\
         cache-control: no-store\r\nconnection: close\r\n\r\n{sentence}",
        sentence.len()
    );
    let sending = async {
        stream.write_all(response.as_bytes()).await?;
        stream.flush().await?;
        stream.shutdown().await?;
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    // Whether it arrives is the client's affair.
    let _ = timeout(LINGER_TIMEOUT, sending).await;
    tracing::debug!(%status, "Invalid request refused");
}
