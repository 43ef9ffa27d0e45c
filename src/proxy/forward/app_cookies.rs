//! Records of the cookies that an app sets, kept in the browser itself, so that the cookies can be taken from it again.

use http::{HeaderValue, header};
use pingora::{
    Result,
    http::{RequestHeader, ResponseHeader},
};

use crate::{
    gate::cookie::{self, AppCookie, CookieLookup, ForgetOn, SetCookieContext},
    proxy::forward::{hooks::ProxyParts, request_context::RequestContext},
};

/// Records the cookies that a response sets, where they are to be forgotten: whoever signs in later could be known to the app by
/// what it set before. A response that sets no cookie is not read further.
pub(super) fn record_set_cookies(
    parts: &ProxyParts,
    request: &RequestHeader,
    response: &mut ResponseHeader,
    ctx: &RequestContext,
) -> Result<()> {
    if !response.headers.contains_key(header::SET_COOKIE) {
        return Ok(());
    }
    let (Some(permit), Some(upstream)) = (&ctx.permit, ctx.upstream.as_deref()) else { return Ok(()) };
    if upstream.forget_on() == ForgetOn::NEVER {
        return Ok(());
    }
    // On a public route nobody is looked up: there whoever shows a session, good or not, is no guest.
    let has_session_cookie =
        || matches!(cookie::find(&request.headers, &parts.cookies.session), CookieLookup::Found(_));
    let is_guest = permit.session().is_none() && !has_session_cookie();
    let now = parts.clock.now();
    let set_by = SetCookieContext {
        upstream: upstream.name(),
        host: parts.public_url.host().as_str(),
        target: request.raw_path(),
        now,
    };
    let set = response.headers.get_all(header::SET_COOKIE).iter().filter_map(|line| AppCookie::parse(line, set_by));
    let notes = parts.app_cookies.record(&request.headers, &set.collect::<Vec<_>>(), is_guest, now);
    if notes.left_out > 0 {
        tracing::warn!(
            upstream = set_by.upstream,
            cookies = notes.left_out,
            "App cookies not recorded: record cookies are full; they stay in the browser after a sign-out"
        );
    }
    for line in notes.lines {
        if let Ok(line) = HeaderValue::from_str(&line) {
            response.append_header(header::SET_COOKIE, line)?;
        }
    }
    Ok(())
}
