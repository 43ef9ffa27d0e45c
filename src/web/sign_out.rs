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
    match call.because() {
        Some(Because::NoSuchSession { id, .. }) if call.desk().sessions.unconfirmed().holds(id) => {
            Err(Error::EndNotConfirmed)
        }
        _ => Ok(()),
    }
}
