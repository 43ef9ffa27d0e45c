//! Retry of a request that an app's reused connection lost (RFC 9110, 9.2.2).
//!
//! An app may close an idle connection just when a request is sent into it. What is safe and has no content is then sent once
//! more, over a new connection, where not one byte of an answer has come. Its session is checked again first: time has passed.

use http::Method;
use pingora::{
    Error, ErrorSource,
    ErrorType::{ConnectionClosed, InternalError, ReadError, WriteError},
    Result,
    proxy::Session,
};

use crate::{
    gate::fields_of,
    proxy::forward::{
        client::request_view,
        hooks::{Proxy, bind},
        peer::PeerConnection,
        request_context::RequestContext,
    },
};

/// Whether a request that failed on a reused connection is sent once more. It is, once at most.
pub(super) fn begin_retry(session: &mut Session, ctx: &mut RequestContext, error: &Error) -> bool {
    let has_response = ctx.interim_responses > 0 || ctx.status != 0;
    let due = !ctx.is_retry
        && ctx.peer_connection == PeerConnection::Pooled
        && !has_response
        && is_connection_lost(error)
        && is_retryable(session, ctx);
    if due {
        ctx.is_retry = true;
        tracing::debug!(
            request_id = ctx.request_id.as_str(),
            "Sending a request once more: the app closed its idle connection"
        );
    }
    due
}

/// Whether the connection ended before the first byte of an answer. Pingora says so in words only; `wire::retries` knows them.
fn is_connection_lost(error: &Error) -> bool {
    let nothing_read = || error.context.as_ref().is_some_and(|words| words.as_str().ends_with("bytes already read: 0"));
    *error.esource() == ErrorSource::Upstream
        && match error.etype() {
            // Of a request without content, its head.
            WriteError => true,
            ConnectionClosed | ReadError => nothing_read(),
            _ => false,
        }
}

/// Whether the request has a safe method, no content and no wish for another protocol.
fn is_retryable(session: &mut Session, ctx: &RequestContext) -> bool {
    let method = &session.req_header().method;
    let safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) || method.as_str() == "QUERY";
    safe && !session.is_upgrade_req() && (ctx.has_no_content || session.is_body_empty())
}

impl Proxy {
    /// Judges a request again before it is sent once more, on the line that it has. It was counted already.
    ///
    /// # Errors
    ///
    /// It is not let through any more; the answer says why.
    pub(super) async fn evaluate_retry(&self, session: &Session, ctx: &mut RequestContext) -> Result<()> {
        let request = session.req_header();
        let request_id = ctx.request_id;
        let head = request_view(request, ctx.client, request_id.as_str());
        let Some(slot) = &ctx.slot else { return Error::e_explain(InternalError, "not registered") };
        let Some(permit) = &ctx.permit else { return Error::e_explain(InternalError, "without a permit") };
        let stopwatch = self.0.clock.stopwatch();
        let now = loop {
            let (epoch, earlier) = (slot.end_epoch(), stopwatch.elapsed());
            let now = self.portcullis().reevaluate_permit(&head, permit).await;
            if bind(slot, now.as_ref().ok().and_then(|permit| permit.outcome().session()), epoch) {
                break now.map(|permit| permit.after(earlier)).map_err(|refusal| refusal.after(earlier));
            }
        };
        ctx.record(&head, &fields_of(&now));
        match now {
            Ok(permit) => {
                self.set_permit(ctx, permit.into_recorded());
                Ok(())
            }
            Err(refusal) => {
                ctx.retry_refusal = Some(Box::new(refusal.into_recorded()));
                Error::e_explain(InternalError, "not let through any more")
            }
        }
    }
}
