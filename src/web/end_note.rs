//! Why the session of a browser is not good any more: for the sign-in page, and for an app's open page.

use super::{Error, WebRequest};
use crate::{
    gate::{RejectReason, cookie::CookieLookup},
    session::{EndNote, EndReason, SessionToken},
};

/// Why the session that a call shows is not good any more; none where it shows none, or one that nobody can speak of. A
/// session that has run out is ended with it: a longer timeout must not bring it back once its browser was told.
///
/// # Errors
/// [`Error::StoreAway`] when the store is away.
pub(super) async fn find(request: &WebRequest) -> Result<Option<EndNote>, Error> {
    let now = request.state().clock.now();
    let by_itself = |ending| Some(EndNote { reason: ending, at: now });
    Ok(match request.reject_reason() {
        Some(RejectReason::NoSuchSession { id, presented_digest: shown }) => {
            request.state().sessions.end_note(id, shown).await?
        }
        Some(RejectReason::IdleExpired(id, kind)) => {
            request.state().sessions.end_if_expired(id).await?;
            by_itself(EndReason::Idle { kind })
        }
        Some(RejectReason::Expired(id)) => {
            request.state().sessions.end_if_expired(id).await?;
            by_itself(EndReason::Expired)
        }
        Some(RejectReason::AccountDisabled(_)) => by_itself(EndReason::AccountDisabled),
        Some(
            RejectReason::DuplicateCookie
            | RejectReason::Malformed
            | RejectReason::Unreadable(_)
            | RejectReason::WrongSecret(_),
        ) => None,
        // Its cookie is gone already, and has left word.
        None => match request.cookie(&request.state().cookies.ended) {
            CookieLookup::Found(value) => match SessionToken::parse(value) {
                Some(token) => request.state().sessions.end_note(token.id(), token.digest()).await?,
                None => None,
            },
            CookieLookup::Missing | CookieLookup::Duplicate => None,
        },
    })
}
