//! Failures of a request on its way to an app and back, and the response that the client gets. Pingora's words and name go to the
//! log only.

use std::io;

use pingora::{
    Error, ErrorSource,
    ErrorType::{
        self, BindError, ConnectError, ConnectNoRoute, ConnectRefused, ConnectTimedout, ConnectionClosed,
        InternalError, InvalidHTTPHeader, ReadTimedout, SocketError, TLSHandshakeFailure, TLSHandshakeTimedout,
        WriteTimedout,
    },
    proxy::Session,
};

use crate::{
    gate::Permit,
    proxy::forward::{
        client::request_view, hooks::Proxy, own_response, request_context::RequestContext, upstreams::Upstream,
    },
    web::RequestFailure,
};

/// Error type of a body that is larger than its route takes.
pub(super) const BODY_TOO_LARGE: ErrorType = ErrorType::HTTPStatus(413);

/// Failure of a request, as far as the client can be told.
#[derive(Clone, Copy)]
pub(super) enum ProxyFailure {
    /// Failure that is answered with a page or a problem document.
    Respond(RequestFailure),
    /// Malformed request.
    Malformed,
    /// Closed by the client: there is nobody to answer.
    ClientClosed,
}

impl ProxyFailure {
    /// Failure that an error of Pingora is.
    pub(super) fn from_error(error: &Error) -> Self {
        if *error.etype() == BODY_TOO_LARGE {
            return Self::Respond(RequestFailure::BodyTooLarge);
        }
        if is_write_timeout(error) {
            return Self::ClientClosed;
        }
        match error.esource() {
            ErrorSource::Upstream => Self::Respond(match error.etype() {
                ReadTimedout | WriteTimedout => RequestFailure::AppTimeout,
                ConnectTimedout | ConnectRefused | ConnectNoRoute | ConnectError | SocketError
                | TLSHandshakeFailure | TLSHandshakeTimedout => RequestFailure::AppUnreachable,
                _ => RequestFailure::AppBadResponse,
            }),
            ErrorSource::Downstream if is_malformed_body(error) => Self::Malformed,
            ErrorSource::Downstream => match error.etype() {
                ReadTimedout => Self::Respond(RequestFailure::BodyIncomplete),
                InvalidHTTPHeader => Self::Malformed,
                _ => Self::ClientClosed,
            },
            ErrorSource::Internal | ErrorSource::Unset => match error.etype() {
                ConnectionClosed => Self::ClientClosed,
                _ => Self::Respond(RequestFailure::Internal),
            },
        }
    }
}

impl Proxy {
    /// Answers a request that failed on its way to an app or back, where nothing of a response has gone out.
    pub(super) async fn respond_to_failure(&self, session: &mut Session, e: &Error, ctx: &mut RequestContext) {
        let begun =
            session.response_written().is_some_and(|head| !head.status.is_informational() || head.status == 101);
        if let Some(refused) = ctx.retry_refusal.take() {
            let head = request_view(session.req_header(), ctx.client, ctx.request_id.as_str());
            let response = self.portcullis().refuse(&refused, &head).await;
            self.send_response(session, ctx, response, true).await;
            return;
        }
        if let Some(response) = ctx.own_response.take() {
            self.send_response(session, ctx, response, true).await;
            return;
        }
        let failure = ProxyFailure::from_error(e);
        ctx.write_timed_out = is_write_timeout(e);
        if let ProxyFailure::Respond(failed) = failure
            // That is the client's own doing, and as often as it likes.
            && !matches!(failed, RequestFailure::BodyTooLarge | RequestFailure::BodyIncomplete)
        {
            tracing::warn!(
                request_id = ctx.request_id.as_str(),
                upstream = ctx.upstream.as_deref().map(Upstream::name),
                ?failed,
                begun,
                error = e.etype().as_str(),
                source = e.esource().as_str(),
                "Upstream response failed"
            );
        }
        // What has begun cannot be taken back: the connection breaks, so that nobody takes a part for the whole.
        if !begun {
            let request = session.req_header();
            let response = match failure {
                ProxyFailure::Respond(failed) => {
                    let user = ctx.permit.as_ref().and_then(Permit::user);
                    let head = request_view(request, ctx.client, ctx.request_id.as_str());
                    Some(self.portcullis().fail(failed, user, &head).await)
                }
                ProxyFailure::Malformed => Some(own_response::malformed_request()),
                ProxyFailure::ClientClosed => None,
            };
            if let Some(response) = response {
                self.send_response(session, ctx, response, true).await;
            }
        }
    }
}

/// Whether a client took nothing of a response for too long.
pub(super) fn is_write_timeout(error: &Error) -> bool {
    *error.etype() == WriteTimedout && *error.esource() != ErrorSource::Upstream
}

/// Whether a connection failed for want of a local descriptor or port: then no server was asked.
pub(super) fn is_local(error: &Error) -> bool {
    matches!(error.etype(), SocketError | BindError | InternalError)
}

/// Whether the client sent a malformed body: `chunked` found it, or Pingora's parser did, whose names for it are private.
pub(super) fn is_malformed_body(error: &Error) -> bool {
    if matches!(error.root_etype().as_str(), "InvalidChunk" | "InvalidTrailerEnd") {
        return true;
    }
    let cause = error.root_cause();
    cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::InvalidData)
}
