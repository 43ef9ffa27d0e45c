//! What went wrong with an app, in our words. Pingora's words and its name are for the log.

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

use super::{Proxy, answer, asked::head_of, passage::Passage, upstreams::Upstream};
use crate::{
    gate::{Decision, Permit},
    web::RequestFailure,
};

/// What an error is called where a body is larger than its route takes.
pub(super) const TOO_LARGE: ErrorType = ErrorType::HTTPStatus(413);

/// What can be said to the client.
#[derive(Clone, Copy)]
pub(super) enum Failure {
    /// This, as a page or a problem document.
    Say(RequestFailure),
    /// That its request is malformed.
    Malformed,
    /// Nothing: it has gone.
    Gone,
}

impl Failure {
    /// What `error` means for whoever waits for an answer.
    pub(super) fn of(error: &Error) -> Self {
        if *error.etype() == TOO_LARGE {
            return Self::Say(RequestFailure::BodyTooLarge);
        }
        if is_stalled(error) {
            return Self::Gone;
        }
        match error.esource() {
            ErrorSource::Upstream => Self::Say(match error.etype() {
                ReadTimedout | WriteTimedout => RequestFailure::AppTimeout,
                ConnectTimedout | ConnectRefused | ConnectNoRoute | ConnectError | SocketError
                | TLSHandshakeFailure | TLSHandshakeTimedout => RequestFailure::AppUnreachable,
                _ => RequestFailure::AppBadResponse,
            }),
            ErrorSource::Downstream if is_malformed(error) => Self::Malformed,
            ErrorSource::Downstream => match error.etype() {
                ReadTimedout => Self::Say(RequestFailure::BodyIncomplete),
                InvalidHTTPHeader => Self::Malformed,
                _ => Self::Gone,
            },
            ErrorSource::Internal | ErrorSource::Unset => match error.etype() {
                ConnectionClosed => Self::Gone,
                _ => Self::Say(RequestFailure::Internal),
            },
        }
    }
}

impl Proxy {
    /// Answers a request that failed on its way to an app or back, where nothing of an answer has gone out.
    pub(super) async fn answer_failure(&self, session: &mut Session, e: &Error, ctx: &mut Passage) {
        let begun =
            session.response_written().is_some_and(|head| !head.status.is_informational() || head.status == 101);
        if let Some(refused) = ctx.refused.take() {
            let head = head_of(session.req_header(), ctx.source, ctx.request_id.as_str());
            let answer = match refused.decision() {
                Decision::Refuse(refusal) => self.portcullis().refuse(refusal, &head).await,
                _ => self.portcullis().fail(RequestFailure::Internal, None, &head).await,
            };
            self.send(session, ctx, answer, true).await;
            return;
        }
        if let Some(answer) = ctx.answer.take() {
            self.send(session, ctx, answer, true).await;
            return;
        }
        let failure = Failure::of(e);
        ctx.is_stalled = is_stalled(e);
        if let Failure::Say(failed) = failure
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
                "App answer failed"
            );
        }
        // What has begun cannot be taken back: the connection breaks, so that nobody takes a part for the whole.
        if !begun {
            let request = session.req_header();
            let answer = match failure {
                Failure::Say(failed) => {
                    let person = ctx.permit.as_ref().and_then(Permit::person);
                    let head = head_of(request, ctx.source, ctx.request_id.as_str());
                    Some(self.portcullis().fail(failed, person, &head).await)
                }
                Failure::Malformed => Some(answer::malformed()),
                Failure::Gone => None,
            };
            if let Some(answer) = answer {
                self.send(session, ctx, answer, true).await;
            }
        }
    }
}

/// Whether a client took nothing of an answer for too long.
pub(super) fn is_stalled(error: &Error) -> bool {
    *error.etype() == WriteTimedout && *error.esource() != ErrorSource::Upstream
}

/// Whether a connection failed for want of a descriptor, or a port, of ours: then nobody was asked.
pub(super) fn is_ours(error: &Error) -> bool {
    matches!(error.etype(), SocketError | BindError | InternalError)
}

/// Whether what the client sent as a body is none: we saw it, or Pingora's parser did, whose names for it are private.
pub(super) fn is_malformed(error: &Error) -> bool {
    if matches!(error.root_etype().as_str(), "InvalidChunk" | "InvalidTrailerEnd") {
        return true;
    }
    let cause = error.root_cause();
    cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::InvalidData)
}
