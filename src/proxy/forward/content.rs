//! Content of a request: whether there is any, before the app is told how it is framed.
//!
//! A request of HTTP/2 need not say how long its content is, nor that it has none: that may become known with its first
//! DATA frame that is not empty, or with its end (RFC 9113, 8.1). HTTP/1.1 says it in the head (RFC 9112, 6), so the head waits
//! for that frame.

use std::time::Duration;

use bytes::Bytes;
use http::{Version, header};
use pingora::{Error, Result, proxy::Session};
use tokio::time::timeout;

use crate::proxy::forward::own_response::expects_continue;

/// Longest wait for the first piece. Who sends nothing before there is an answer gets one all the same, and the app a body in
/// chunks.
const FIRST_CHUNK_TIMEOUT: Duration = Duration::from_secs(1);

/// Waits for the first piece of content, where only that tells whether there is any. What is read is kept, and sent to
/// the app before what follows. True: there is no content.
///
/// # Errors
///
/// The client closed the connection.
pub(super) async fn has_no_content(session: &mut Session) -> Result<bool> {
    let request = session.req_header();
    if request.version != Version::HTTP_2 || request.headers.contains_key(header::CONTENT_LENGTH) {
        return Ok(false);
    }
    if session.is_body_empty() || expects_continue(session) {
        return Ok(false);
    }
    session.as_mut().enable_retry_buffering();
    let reading = async {
        loop {
            match session.read_request_body().await.map_err(Error::into_down)? {
                Some(chunk) if chunk.is_empty() && !session.is_body_done() => {}
                chunk => return Ok(chunk.is_none_or(|chunk| chunk.is_empty())),
            }
        }
    };
    timeout(FIRST_CHUNK_TIMEOUT, reading).await.unwrap_or(Ok(false))
}

/// Leaves out an empty last piece: written to the app, it would be the end of the body, with a second one behind it.
pub(super) fn drop_empty_last_chunk(chunk: &mut Option<Bytes>, end: bool) {
    if end && chunk.as_ref().is_some_and(Bytes::is_empty) {
        *chunk = None;
    }
}
