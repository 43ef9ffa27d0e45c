//! Signing out: what the page and the API share.

use super::{Error, WebRequest};
use crate::{gate::RejectReason, id::SessionId};

/// Ends the session that asks. Nobody signed in is signed out, too.
///
/// # Errors
/// When the end could not be written, now or before.
pub(super) async fn sign_out(request: &WebRequest) -> Result<(), Error> {
    match request.principal() {
        Some(me) => {
            let sessions = &request.state().sessions;
            sessions.end_own(me.subject.id, me.session().id, Some(me.session().id), &request.visitor()).await?;
            Ok(())
        }
        None => check_end_confirmed(request),
    }
}

/// Checks that the end of the presented session is written, if it has ended.
///
/// # Errors
/// [`Error::EndNotConfirmed`] when it is not.
pub(super) fn check_end_confirmed(request: &WebRequest) -> Result<(), Error> {
    if request.has_unconfirmed_end() { Err(Error::EndNotConfirmed) } else { Ok(()) }
}

impl WebRequest {
    /// Id of the presented session: the one in use, or one that is gone. None where what was presented is no session's, or
    /// one that was refused for another reason.
    pub(super) fn presented_session_id(&self) -> Option<SessionId> {
        match (self.principal(), self.reject_reason()) {
            (Some(me), _) => Some(me.session().id),
            (None, Some(RejectReason::NoSuchSession { id, .. })) => Some(id),
            (None, _) => None,
        }
    }

    /// Whether the presented session has an end that is not written.
    pub(super) fn has_unconfirmed_end(&self) -> bool {
        self.presented_session_id().is_some_and(|id| self.state().sessions.unconfirmed_ends().holds(id))
    }
}
