//! Response filter: the head of an app's response as the client receives it, and its chunks on their way.

use bytes::Bytes;
use http::{Method, StatusCode, Version, header};
use pingora::{Result, http::ResponseHeader, proxy::Session};

use crate::{
    gate::Permit,
    proxy::{
        forward::{
            app_cookies, cache_control, connection_auth,
            hooks::{ProxyParts, REQUEST_ID},
            media_type, peer,
            request_context::RequestContext,
            response_framing, response_headers, watch_script,
        },
        in_flight::slot::InFlightSlot,
    },
};

/// Filters a response head: refuses one with two readings, removes what only Portcullis may say, and adds what each response has.
pub(super) fn filter(
    parts: &ProxyParts,
    session: &mut Session,
    response: &mut ResponseHeader,
    ctx: &mut RequestContext,
) -> Result<()> {
    if let Some(slot) = &ctx.slot {
        update_read_timeout(slot, session, response)?;
    }
    response_framing::normalize(session, response, &mut ctx.interim_responses)?;
    // From every head, early hints too: a browser takes a cookie from any of them.
    response_headers::strip_internal(response, &parts.cookies, ctx.upstream.as_deref());
    app_cookies::record_set_cookies(parts, session.req_header(), response, ctx)?;
    if connection_auth::offers_connection_auth(&response.headers) {
        peer::bind_private_connection(ctx);
    }
    let upgraded = response.status == StatusCode::SWITCHING_PROTOCOLS;
    if response.status.is_informational() && !upgraded {
        return Ok(());
    }
    response_headers::set_http_version(session, response);
    ctx.status = response.status.as_u16();
    if let (Some(upstream), Some(stopwatch)) = (ctx.upstream.as_deref(), &ctx.upstream_stopwatch) {
        parts.metrics.upstream_responded(upstream.name(), ctx.status, stopwatch.elapsed());
    }
    if upgraded {
        ctx.begin_websocket();
        // Both ends may be silent for as long as they like.
        session.set_read_timeout(None);
        return Ok(());
    }
    response_headers::strip_hop_by_hop(response);
    if media_type::is_event_stream(&response.headers) {
        ctx.begin_stream("sse");
    }
    if let Some(policy) = ctx.permit.as_ref().and_then(Permit::caching) {
        cache_control::restrict(response, session.req_header(), policy)?;
    }
    if ctx.permit.as_ref().is_some_and(Permit::is_watched) {
        ctx.appended = watch_script::prepare(response, session.req_header(), parts.public_url.origin())?;
    }
    if !response.headers.contains_key(&REQUEST_ID) {
        response.insert_header("X-Request-Id", ctx.request_id.as_str())?;
    }
    if let Some(hsts) = &parts.hsts
        && !response.headers.contains_key(&header::STRICT_TRANSPORT_SECURITY)
    {
        response.insert_header(header::STRICT_TRANSPORT_SECURITY, hsts.clone())?;
    }
    if session.is_process_shutting_down() {
        session.set_keepalive(None);
    }
    Ok(())
}

/// Restarts the read timeout, or stops it: an event stream and a WebSocket may be silent for as long as both ends like, whatever
/// was asked for, and a response without a body has ended.
fn update_read_timeout(slot: &InFlightSlot, session: &Session, response: &ResponseHeader) -> Result<()> {
    let timeout = &slot.read_timeout;
    if let Some(error) = timeout.error() {
        return Err(error);
    }
    let upgraded = response.status == StatusCode::SWITCHING_PROTOCOLS;
    if upgraded
        || !response.status.is_informational()
            && (has_no_body(session, response) || media_type::is_event_stream(&response.headers))
    {
        timeout.stop();
    } else {
        timeout.restart();
    }
    Ok(())
}

fn has_no_body(session: &Session, response: &ResponseHeader) -> bool {
    session.req_header().method == Method::HEAD
        || matches!(response.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || response.headers.get(header::CONTENT_LENGTH).is_some_and(|length| length.as_bytes() == b"0")
}

/// Forwards a chunk of the body to the client: the app is not silent, and the client is waited for.
pub(super) fn forward_chunk(slot: &InFlightSlot, session: &Session, body: &mut Option<Bytes>, end: bool) -> Result<()> {
    let timeout = &slot.read_timeout;
    // Without a length, what the time-out has ended would look like the end of the body.
    if let Some(error) = timeout.error() {
        return Err(error);
    }
    if end {
        timeout.stop();
    } else {
        timeout.restart();
    }
    *body = body.take().map(|chunk| track_chunk(slot, session, chunk));
    Ok(())
}

/// Tracks a chunk of a response over HTTP/2, until its client has taken it.
pub(super) fn track_chunk(slot: &InFlightSlot, session: &Session, chunk: Bytes) -> Bytes {
    let is_followed = session.req_header().version == Version::HTTP_2 && !chunk.is_empty();
    if is_followed { slot.write_progress.track_chunk(chunk) } else { chunk }
}
