//! Signing out: what the page and the API share.

use super::{Error, WebRequest};
use crate::gate::RejectReason;

/// Ends the session that asks. Nobody signed in is signed out, too.
///
/// # Errors
/// When the end could not be written, now or before.
pub(super) async fn sign_out(request: &WebRequest) -> Result<(), Error> {
    match request.principal() {
        Some(me) => {
            let sessions = &request.state().sessions;
            sessions.end_own(me.user.id, me.session, Some(me.session), &request.visitor()).await?;
            Ok(())
        }
        None => check_end_confirmed(request),
    }
}

/// Looks whether the end of the session that a call shows is written.
///
/// # Errors
/// [`Error::EndNotConfirmed`] when it is not.
pub(super) fn check_end_confirmed(request: &WebRequest) -> Result<(), Error> {
    if request.has_unconfirmed_end() { Err(Error::EndNotConfirmed) } else { Ok(()) }
}

impl WebRequest {
    /// Whether the session that this call shows has an end that is not written.
    pub(super) fn has_unconfirmed_end(&self) -> bool {
        let id = match (self.principal(), self.reject_reason()) {
            (Some(me), _) => me.session,
            (None, Some(RejectReason::NoSuchSession { id, .. })) => id,
            (None, _) => return false,
        };
        self.state().sessions.unconfirmed_ends().holds(id)
    }
}
