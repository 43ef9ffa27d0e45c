//! Why the session of a browser is not good any more: for the sign-in page, and for an app's open page.

use super::{Error, WebRequest};
use crate::{
    gate::{Because, cookie::Shown},
    session::{Ended, Ending, SessionToken},
};

/// Why the session that a call shows is not good any more; none where it shows none, or one that nobody can speak of. A
/// session that has run out is ended with it: a longer timeout must not bring it back once its browser was told.
///
/// # Errors
/// [`Error::StoreAway`] when the store is away.
pub(super) async fn find(request: &WebRequest) -> Result<Option<Ended>, Error> {
    let now = request.state().clock.now();
    let by_itself = |ending| Some(Ended { ending, at: now });
    Ok(match request.reject_reason() {
        Some(Because::NoSuchSession { id, shown }) => request.state().sessions.ended(id, shown).await?,
        Some(Because::Idle(id, kind)) => {
            request.state().sessions.run_out(id).await?;
            by_itself(Ending::Idle { kind })
        }
        Some(Because::Worn(id)) => {
            request.state().sessions.run_out(id).await?;
            by_itself(Ending::Expired)
        }
        Some(Because::Disabled(_)) => by_itself(Ending::AccountDisabled),
        Some(Because::TwoCookies | Because::Unreadable | Because::Damaged(_) | Because::WrongSecret(_)) => None,
        // Its cookie is gone already, and has left word.
        None => match request.cookie(&request.state().cookies.ended) {
            Shown::One(value) => match SessionToken::parse(value) {
                Some(token) => request.state().sessions.ended(token.id(), token.digest()).await?,
                None => None,
            },
            Shown::Nothing | Shown::Several => None,
        },
    })
}
