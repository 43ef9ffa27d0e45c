//! The head of an app's answer as the client receives it.

use http::{StatusCode, header};
use pingora::{Result, http::ResponseHeader, proxy::Session};

use super::{
    app_cookies, caching,
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
        parts.metrics.upstream_answered(upstream.name(), ctx.status, asked.elapsed());
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
