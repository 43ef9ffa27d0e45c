//! Upstream request: the head of a request as the app receives it.

use http::header;
use pingora::{Error, ErrorType, Result, http::RequestHeader};

use crate::{
    gate::strip_form_token,
    proxy::forward::{hooks::ProxyParts, identity, request_context::RequestContext, watch_script},
    visitor::ip_text,
};

/// Rewrites a request head: removes the identity headers of the client, sets those of the permit, and the path that rules read.
pub(super) fn rewrite_head(parts: &ProxyParts, request: &mut RequestHeader, ctx: &mut RequestContext) -> Result<()> {
    let Some(permit) = &ctx.permit else {
        return Error::e_explain(ErrorType::InternalError, "no permit");
    };
    let ours = parts.identity_headers.load();
    let spoofed = identity::strip_headers(request, &ours, &parts.cookies);
    if spoofed > 0 {
        parts.metrics.spoofed_headers_removed(spoofed);
    }
    // Not from the connection: TLS may end in front of Portcullis, and an app that is told `http` would redirect for ever.
    let scheme = if parts.public_url.is_https() { "https" } else { "http" };
    let ip = ip_text(ctx.client.ip);
    let host = parts.public_url.authority();
    let origin = identity::RequestOrigin { host, ip: &ip, scheme, request_id: ctx.request_id.as_str() };
    let encoding = ctx.upstream.as_ref().map(|upstream| upstream.identity_encoding()).unwrap_or_default();
    identity::set_headers(request, &ours, encoding, permit.user(), &origin);
    if ctx.has_no_content {
        // Said, so that trailers alone make no body in chunks.
        request.insert_header(header::CONTENT_LENGTH, 0)?;
    }
    if permit.is_watched() {
        watch_script::restore_entity_tags(request)?;
    }
    if let Some(referer) = referer_without_token(request) {
        request.insert_header(header::REFERER, referer)?;
    }
    let target = permit.path().forwarded();
    // As a rule it came in its one spelling, and need not be read again.
    if request.raw_path() == target.as_ref() { Ok(()) } else { request.set_raw_path(&target) }
}

/// `Referer` without the token, where it is the address to which Portcullis' page posted a form of another site: a browser keeps
/// that address while it shows the response.
fn referer_without_token(request: &RequestHeader) -> Option<String> {
    let mut referers = request.headers.get_all(header::REFERER).iter();
    referers.find_map(|referer| strip_form_token(referer.to_str().ok()?)).map(str::to_owned)
}
