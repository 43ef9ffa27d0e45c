//! What went wrong with an app, in our words. Pingora's words and its name are for the log.

use std::io;

use pingora::{
    Error, ErrorSource,
    ErrorType::{
        self, BindError, ConnectError, ConnectNoRoute, ConnectRefused, ConnectTimedout, ConnectionClosed,
        InternalError, InvalidHTTPHeader, ReadTimedout, SocketError, TLSHandshakeFailure, TLSHandshakeTimedout,
        WriteTimedout,
    },
};

use crate::web::Failed;

/// What an error is called where a body is larger than its route takes.
pub(super) const TOO_LARGE: ErrorType = ErrorType::HTTPStatus(413);

/// What can be said to the client.
#[derive(Clone, Copy)]
pub(super) enum Failure {
    /// This, as a page or a problem document.
    Say(Failed),
    /// That its request is malformed.
    Malformed,
    /// Nothing: it has gone.
    Gone,
}

impl Failure {
    /// What `error` means for whoever waits for an answer.
    pub(super) fn of(error: &Error) -> Self {
        if *error.etype() == TOO_LARGE {
            return Self::Say(Failed::BodyTooLarge);
        }
        if is_stalled(error) {
            return Self::Gone;
        }
        match error.esource() {
            ErrorSource::Upstream => Self::Say(match error.etype() {
                ReadTimedout | WriteTimedout => Failed::AppSilent,
                ConnectTimedout | ConnectRefused | ConnectNoRoute | ConnectError | SocketError
                | TLSHandshakeFailure | TLSHandshakeTimedout => Failed::AppAway,
                _ => Failed::AppGarbled,
            }),
            ErrorSource::Downstream if is_malformed(error) => Self::Malformed,
            ErrorSource::Downstream => match error.etype() {
                ReadTimedout => Self::Say(Failed::BodyIncomplete),
                InvalidHTTPHeader => Self::Malformed,
                _ => Self::Gone,
            },
            ErrorSource::Internal | ErrorSource::Unset => match error.etype() {
                ConnectionClosed => Self::Gone,
                _ => Self::Say(Failed::Broken),
            },
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
