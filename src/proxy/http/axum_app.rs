//! Pingora application that serves an axum router: the admin listener, the redirect to https, the sample app of the demo.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, HttpBody as _},
    http::{Request, Response},
};
use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode, header};
use pingora::{
    Result,
    apps::{HttpPersistentSettings, HttpServerApp, ReusedHttpStream},
    http::ResponseHeader,
    protocols::http::ServerSession,
    server::ShutdownWatch,
};
use tower::ServiceExt as _;

/// Most bytes of a request body.
const MAX_BODY: usize = 1024 * 1024;

/// Application that serves a router. Streams responses, reads requests whole.
#[derive(Clone, Debug)]
pub struct AxumApp {
    router: Router,
    /// Most bytes of a request body; none are read at all where it is 0.
    max_body: usize,
}

impl AxumApp {
    /// Application of this router.
    #[must_use]
    pub const fn new(router: Router) -> Self {
        Self { router, max_body: MAX_BODY }
    }

    /// Application of a router that reads no bodies: what comes of one is left, and the connection closes.
    #[must_use]
    pub const fn without_bodies(router: Router) -> Self {
        Self { router, max_body: 0 }
    }

    async fn respond(&self, session: &mut ServerSession) -> Result<()> {
        let head_only = session.req_header().method == Method::HEAD;
        let response = match self.read_request(session).await? {
            Some(request) => self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {}),
            None => body_too_large(),
        };
        let (parts, mut body) = response.into_parts();
        let mut head = ResponseHeader::from(parts);
        match body.size_hint().exact() {
            // Without a body, and so without a length of one (RFC 9110, 8.6), which axum writes.
            _ if head.status == StatusCode::NO_CONTENT => drop(head.remove_header(&header::CONTENT_LENGTH)),
            // An answer to HEAD says how long it would be.
            _ if head.headers.contains_key(header::CONTENT_LENGTH) => {}
            Some(length) => head.insert_header(header::CONTENT_LENGTH, length)?,
            None => head.insert_header(header::TRANSFER_ENCODING, "chunked")?,
        }
        session.write_response_header(Box::new(head)).await?;
        while !head_only && let Some(chunk) = next_chunk(session, &mut body).await? {
            session.write_response_body(chunk, false).await?;
        }
        Ok(())
    }
}

impl AxumApp {
    /// Request with its whole body; none when that is too large.
    async fn read_request(&self, session: &mut ServerSession) -> Result<Option<Request<Body>>> {
        let mut body = BytesMut::new();
        if self.max_body == 0 && !session.is_body_done() {
            session.set_keepalive(None);
        } else {
            while let Some(chunk) = session.read_request_body().await? {
                if body.len() + chunk.len() > self.max_body {
                    return Ok(None);
                }
                body.extend_from_slice(&chunk);
            }
        }
        let parts = session.req_header().as_owned_parts();
        Ok(Some(Request::from_parts(parts, Body::from(body.freeze()))))
    }
}

#[async_trait]
impl HttpServerApp for AxumApp {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        if !session.read_request().await.ok()? {
            return None;
        }
        if *shutdown.borrow() {
            session.set_keepalive(None);
        }
        self.respond(&mut session).await.ok()?;
        let settings = HttpPersistentSettings::for_session(&session);
        let stream = session.finish().await.ok()??;
        Some(ReusedHttpStream::from_reusable_stream(stream, settings))
    }
}

/// Next chunk of a response. A client that closes while nothing is sent is noticed, too.
async fn next_chunk(session: &mut ServerSession, body: &mut Body) -> Result<Option<Bytes>> {
    loop {
        let frame = tokio::select! {
            frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)) => frame,
            gone = session.read_body_or_idle(true) => return gone.map(|_| None),
        };
        match frame {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(chunk) if chunk.is_empty() => {}
                Ok(chunk) => return Ok(Some(chunk)),
                Err(_trailers) => {}
            },
            Some(Err(error)) => {
                return pingora::Error::e_because(pingora::ErrorType::InternalError, "in a body", error);
            }
            None => return Ok(None),
        }
    }
}

fn body_too_large() -> Response<Body> {
    let mut response = Response::new(Body::from("The body is too large.\n"));
    *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    response
}
