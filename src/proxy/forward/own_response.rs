//! Responses of Portcullis itself on the wire, and the request bodies that they leave behind.
//!
//! An early response leaves a body behind, and what is left behind must never be read as the next request (the class of
//! CVE-2025-4366): it is read to its end within a bound, or the connection closes.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Method, Response, StatusCode, header};
use pingora::{Error, Result, http::ResponseHeader, proxy::Session};
use tokio::time::timeout;

use crate::{
    gate::MAX_FORM_BYTES,
    proxy::{
        forward::failure::{ProxyFailure, is_malformed_body},
        http::{
            body_limits::{BodyClass, BodyReadLimiter},
            plain_text::plain_text,
            server::LINGER_TIMEOUT,
        },
    },
    web::RequestFailure,
};

/// Most bytes of a body that is read only to be discarded.
const MAX_DISCARDED: u64 = 64 * 1024;
/// Longest wait for a body that is discarded.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(1);

/// Most bytes of the body of a request for own pages, and its longest time in all. A stranger sends a name and a password.
const fn body_bounds(class: BodyClass) -> (usize, Duration) {
    match class {
        BodyClass::Known => (64 * 1024, Duration::from_secs(30)),
        BodyClass::CrossSiteForm => (MAX_FORM_BYTES, Duration::from_secs(10)),
        BodyClass::Stranger | BodyClass::Discarded => (8 * 1024, Duration::from_secs(10)),
    }
}

/// Response to a request that turned out to be malformed when its body came.
pub(super) fn malformed_request() -> Response<Bytes> {
    plain_text(StatusCode::BAD_REQUEST, "The request is malformed.\n")
}

/// Reads the body of a request for own pages.
pub(super) async fn read_body(
    session: &mut Session,
    class: BodyClass,
    body_limiter: &BodyReadLimiter,
) -> Result<Bytes, ProxyFailure> {
    const TOO_LARGE: ProxyFailure = ProxyFailure::Respond(RequestFailure::BodyTooLarge);
    const INCOMPLETE: ProxyFailure = ProxyFailure::Respond(RequestFailure::BodyIncomplete);
    let (max, deadline) = body_bounds(class);
    if content_length(session).is_some_and(|length| length > max as u64) {
        return Err(TOO_LARGE);
    }
    let reading = async {
        if !session.is_body_empty() && expects_continue(session) {
            session.write_continue_response().await.map_err(|_| INCOMPLETE)?;
        }
        let mut body = BytesMut::new();
        let to_failure =
            |error: Box<Error>| if is_malformed_body(&error) { ProxyFailure::Malformed } else { INCOMPLETE };
        while let Some(chunk) = session.read_request_body().await.map_err(to_failure)? {
            if body.len() + chunk.len() > max {
                return Err(TOO_LARGE);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    match body_limiter.wait_for(class, timeout(deadline, reading)).await {
        Some(read) => read.unwrap_or(Err(INCOMPLETE)),
        None => Err(ProxyFailure::Respond(RequestFailure::Overloaded)),
    }
}

/// Sends a response of Portcullis; returns the number of bytes of its body. After the `last` one the connection closes: to a
/// request whose body failed, or could not be forwarded.
pub(super) async fn send(
    session: &mut Session,
    response: Response<Bytes>,
    last: bool,
    body_limiter: &BodyReadLimiter,
) -> Result<usize> {
    if last {
        session.set_keepalive(None);
    } else {
        discard_body(session, body_limiter).await;
    }
    write_response(session, response, body_limiter).await
}

async fn write_response(
    session: &mut Session,
    response: Response<Bytes>,
    body_limiter: &BodyReadLimiter,
) -> Result<usize> {
    let (parts, mut body) = response.into_parts();
    let mut head = ResponseHeader::from(parts);
    let is_head = session.req_header().method == Method::HEAD;
    // Where the body has been left out for HEAD already, it was said how long it would be.
    let has_length = is_head && body.is_empty() && head.headers.contains_key(header::CONTENT_LENGTH);
    if matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        head.remove_header(&header::CONTENT_LENGTH);
    } else if !has_length {
        head.insert_header(header::CONTENT_LENGTH, body.len())?;
    }
    if is_head {
        body.clear();
    }
    let length = body.len();
    if session.is_upgrade_req() || session.is_process_shutting_down() {
        session.set_keepalive(None);
    }
    session.write_response_header(Box::new(head), body.is_empty()).await?;
    session.write_response_body(Some(body), true).await?;
    linger(session, body_limiter).await;
    Ok(length)
}

/// Reads the rest of the request within the bound. Where that is not enough, or there is no permit to wait, Pingora sees an
/// unfinished body and sends `Connection: close`.
async fn discard_body(session: &mut Session, body_limiter: &BodyReadLimiter) {
    // Who waits for our leave to send has sent nothing, and shall not.
    if session.is_body_done()
        || expects_continue(session)
        || content_length(session).is_some_and(|length| length > MAX_DISCARDED)
    {
        return;
    }
    let reading = async {
        let mut read = 0;
        while read <= MAX_DISCARDED {
            match session.read_request_body().await {
                Ok(Some(chunk)) => read += chunk.len() as u64,
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
        true
    };
    // Pingora takes a body that it could not read for one that it has read.
    if body_limiter.wait_for(BodyClass::Discarded, timeout(DISCARD_TIMEOUT, reading)).await == Some(Ok(false)) {
        session.set_keepalive(None);
    }
}

/// Waits a moment for the client to stop sending, where there is a permit to wait: a connection that closes while its client still
/// sends is reset, and the client may never see the response.
async fn linger(session: &mut Session, body_limiter: &BodyReadLimiter) {
    if session.is_body_done() || expects_continue(session) {
        return;
    }
    let gone = async { while let Ok(Some(_)) = session.read_request_body().await {} };
    let _ = body_limiter.wait_for(BodyClass::Discarded, timeout(LINGER_TIMEOUT, gone)).await;
}

/// Whether the client waits for `100 Continue` before it sends its content (RFC 9110, 10.1.1).
pub(super) fn expects_continue(session: &Session) -> bool {
    session.get_header(header::EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Length of the body, where its sender says so.
pub(super) fn content_length(session: &Session) -> Option<u64> {
    session.get_header(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
