//! The head of an app's answer as the client receives it.

use bytes::Bytes;
use http::{Method, StatusCode, Version, header};
use pingora::{Result, http::ResponseHeader, proxy::Session};

use super::{
    Line, app_cookies, caching,
    hooks::{ProxyParts, REQUEST_ID},
    one_reading,
    passage::Passage,
    passing, peer, private, watch_script,
};
use crate::gate::Permit;

/// Refuses an answer that has two readings, keeps what is ours to ourselves, and adds what each answer has.
pub(super) fn filter(
    parts: &ProxyParts,
    session: &mut Session,
    answer: &mut ResponseHeader,
    ctx: &mut Passage,
) -> Result<()> {
    if let Some(line) = &ctx.line {
        watch_silence(line, session, answer)?;
    }
    one_reading::ensure(session, answer, &mut ctx.interim)?;
    // From every head, early hints too: a browser takes a cookie from any of them.
    passing::keep_to_ourselves(answer, &parts.cookies, ctx.upstream.as_deref());
    app_cookies::note(parts, session.req_header(), answer, ctx)?;
    if private::is_offered(&answer.headers) {
        peer::bind_what_follows(ctx);
    }
    let upgraded = answer.status == StatusCode::SWITCHING_PROTOCOLS;
    if answer.status.is_informational() && !upgraded {
        return Ok(());
    }
    passing::speak_http_1_1(session, answer);
    ctx.status = answer.status.as_u16();
    if let (Some(upstream), Some(asked)) = (ctx.upstream.as_deref(), &ctx.asked) {
        parts.metrics.upstream_responded(upstream.name(), ctx.status, asked.elapsed());
    }
    if upgraded {
        ctx.becomes_websocket();
        // Both ends may be silent for as long as they like.
        session.set_read_timeout(None);
        return Ok(());
    }
    passing::drop_hops(answer);
    if passing::is_event_stream(answer) {
        ctx.streams("sse");
    }
    if let Some(policy) = ctx.permit.as_ref().and_then(Permit::caching) {
        caching::restrict(answer, session.req_header(), policy)?;
    }
    if ctx.permit.as_ref().is_some_and(Permit::is_watched) {
        ctx.appended = watch_script::prepare(answer, session.req_header(), parts.public_url.origin())?;
    }
    if !answer.headers.contains_key(&REQUEST_ID) {
        answer.insert_header("X-Request-Id", ctx.request_id.as_str())?;
    }
    if let Some(hsts) = &parts.hsts
        && !answer.headers.contains_key(&header::STRICT_TRANSPORT_SECURITY)
    {
        answer.insert_header(header::STRICT_TRANSPORT_SECURITY, hsts.clone())?;
    }
    if session.is_process_shutting_down() {
        session.set_keepalive(None);
    }
    Ok(())
}

/// An event stream and a WebSocket may be silent for as long as both ends like, whatever was asked for; what has no body has
/// ended.
fn watch_silence(line: &Line, session: &Session, answer: &ResponseHeader) -> Result<()> {
    let timeout = &line.read_timeout;
    if let Some(error) = timeout.error() {
        return Err(error);
    }
    let upgraded = answer.status == StatusCode::SWITCHING_PROTOCOLS;
    if upgraded
        || !answer.status.is_informational() && (is_bodiless(session, answer) || passing::is_event_stream(answer))
    {
        timeout.stop();
    } else {
        timeout.restart();
    }
    Ok(())
}

fn is_bodiless(session: &Session, answer: &ResponseHeader) -> bool {
    session.req_header().method == Method::HEAD
        || matches!(answer.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || answer.headers.get(header::CONTENT_LENGTH).is_some_and(|length| length.as_bytes() == b"0")
}

/// A piece of the body goes to the client: the app is not silent, and the client is waited for.
pub(super) fn pass_piece(line: &Line, session: &Session, body: &mut Option<Bytes>, end: bool) -> Result<()> {
    let timeout = &line.read_timeout;
    // Without a length, what the time-out has ended would look like the end of the body.
    if let Some(error) = timeout.error() {
        return Err(error);
    }
    if end {
        timeout.stop();
    } else {
        timeout.restart();
    }
    *body = body.take().map(|piece| waited_for(line, session, piece));
    Ok(())
}

/// The same piece of an answer, which tells over HTTP/2 when its client has taken it.
pub(super) fn waited_for(line: &Line, session: &Session, piece: Bytes) -> Bytes {
    let is_followed = session.req_header().version == Version::HTTP_2 && !piece.is_empty();
    if is_followed { line.writes.piece(piece) } else { piece }
}
