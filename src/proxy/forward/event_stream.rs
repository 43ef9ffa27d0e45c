//! The event stream of an open list of sessions: the one answer of our own that has no end of its own. A cut of its connection
//! ends it, as it ends an app's.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use pingora::{Result, http::ResponseHeader, proxy::Session};

use crate::{
    gate::{OwnRequest, Pending},
    proxy::forward::{
        client::request_view,
        hooks::{Proxy, REQUEST_ID},
        request_context::RequestContext,
        response,
    },
    web::{SessionEventStream, StreamEvent, set_security_headers},
};

/// Answers a request that opens a stream, until its session ends or its client goes.
pub(super) async fn handle(proxy: &Proxy, session: &mut Session, ctx: &mut RequestContext, own: Pending<OwnRequest>) {
    let portcullis = proxy.portcullis();
    let head = request_view(session.req_header(), ctx.client, ctx.request_id.as_str()).to_owned_head();
    let own = portcullis.record(&head.view(), own);
    let response = match portcullis.open_event_stream(own, head).await {
        Ok(events) => {
            ctx.begin_stream("sse");
            ctx.status = 200;
            if let Err(error) = write_events(session, ctx, events, proxy.hsts()).await {
                tracing::debug!(error = error.etype().as_str(), "Event stream closed by client");
            }
            return;
        }
        Err(response) => response,
    };
    proxy.send_response(session, ctx, response, false).await;
}

async fn write_events(
    session: &mut Session,
    ctx: &mut RequestContext,
    mut live: SessionEventStream,
    hsts: Option<&HeaderValue>,
) -> Result<()> {
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // nginx in front of us would else gather events before it passes any on.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    set_security_headers(headers);
    if let Some(hsts) = hsts {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
    }
    let (mut parts, _) = response.into_parts();
    if let Ok(id) = HeaderValue::from_str(ctx.request_id.as_str()) {
        parts.headers.insert(&REQUEST_ID, id);
    }
    session.set_keepalive(None);
    session.write_response_header(Box::new(ResponseHeader::from(parts)), false).await?;
    let mut next = StreamEvent::Data(SessionEventStream::retry_field());
    loop {
        match next {
            StreamEvent::Data(bytes) => {
                ctx.body_bytes += bytes.len();
                let bytes = match &ctx.slot {
                    Some(client) => response::track_chunk(client, session, bytes),
                    None => bytes,
                };
                session.write_response_body(Some(bytes), false).await?;
            }
            StreamEvent::NoChange => {}
            StreamEvent::End => break,
        }
        if session.is_process_shutting_down() {
            break;
        }
        next = live.next().await;
    }
    session.write_response_body(None, true).await
}
