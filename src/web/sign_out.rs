//! Signing out: what the page and the API share.

use super::{Call, Error};
use crate::gate::Because;

/// Ends the session that asks. Nobody signed in is signed out, too.
///
/// # Errors
/// When the end could not be written, now or before.
pub(super) async fn sign_out(call: &Call) -> Result<(), Error> {
    match call.principal() {
        Some(me) => {
            let sessions = &call.desk().sessions;
            sessions.end_own(me.owner.id, me.session, Some(me.session), &call.visitor()).await?;
            Ok(())
        }
        None => check_end(call),
    }
}

/// Looks whether the end of the session that a call shows is written.
///
/// # Errors
/// [`Error::EndNotConfirmed`] when it is not.
pub(super) fn check_end(call: &Call) -> Result<(), Error> {
    if call.own_end_is_held() { Err(Error::EndNotConfirmed) } else { Ok(()) }
}

impl Call {
    /// Whether the session that this call shows has an end that is not written.
    pub(super) fn own_end_is_held(&self) -> bool {
        let id = match (self.principal(), self.because()) {
            (Some(me), _) => me.session,
            (None, Some(Because::NoSuchSession { id, .. })) => id,
            (None, _) => return false,
        };
        self.desk().sessions.unconfirmed().holds(id)
    }
}
