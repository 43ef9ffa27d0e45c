//! Cookies that an app sets, written down in the browser that keeps them, so that they can be taken from it again.

use http::{HeaderValue, header};
use pingora::{
    Result,
    http::{RequestHeader, ResponseHeader},
};

use super::{hooks::ProxyParts, request_context::RequestContext};
use crate::gate::cookie::{self, AppCookie, CookieLookup, ForgetOn, SetCookieContext};

/// Writes down what the answer sets, where it is to be forgotten: whoever signs in later may be known to the app by what it set
/// before. An answer that sets no cookie is not looked at further.
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
            "App cookies stay in the browser after a sign-out: no room to note them"
        );
    }
    for line in notes.lines {
        if let Ok(line) = HeaderValue::from_str(&line) {
            response.append_header(header::SET_COOKIE, line)?;
        }
    }
    Ok(())
}
