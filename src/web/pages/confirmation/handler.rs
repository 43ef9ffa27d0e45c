//! Ending sessions: each act asks first (GET) and is done by POST.

use http::StatusCode;

use super::Confirmation;
use crate::{
    id::SessionId,
    web::{Answer, Call, Error, look::Flash, paths, sent::Path},
};

/// Asks before one session ends.
pub(in crate::web) async fn ask_one(call: Call, Path(id): Path<String>) -> Result<Answer, Error> {
    let me = call.me()?;
    let id: SessionId = id.parse().map_err(|_| Error::NotFound)?;
    let session = match call.desk().sessions.own(me.owner.id, id, &call.visitor()).await? {
        Some(session) => session,
        // It ended while its owner looked at the list.
        None if id.owner() == me.owner.id => {
            return Ok(Answer::see_other(paths::SESSIONS).with_flash(&call.desk().cookies, Flash::AlreadyEnded));
        }
        None => return Err(Error::NotFound),
    };
    let page = Confirmation::end_one(call.frame(), &session, id == me.session, call.desk().clock.now());
    call.show(StatusCode::OK, &page)
}

/// Ends one session; the one in use signs out.
pub(in crate::web) async fn end_one(call: Call, Path(id): Path<String>) -> Result<Answer, Error> {
    let me = call.me()?;
    let id: SessionId = id.parse().map_err(|_| Error::NotFound)?;
    let ended = call.desk().sessions.end_own(me.owner.id, id, Some(me.session), &call.visitor()).await?;
    let names = &call.desk().cookies;
    Ok(match ended {
        Some(gone) if gone.id == me.session => call.signed_out(Answer::see_other(paths::SIGNED_OUT)),
        Some(_) => Answer::see_other(paths::SESSIONS).with_flash(names, Flash::Ended(1)),
        None if id.owner() == me.owner.id => Answer::see_other(paths::SESSIONS).with_flash(names, Flash::AlreadyEnded),
        None => return Err(Error::NotFound),
    })
}

/// Asks before all others end.
pub(in crate::web) async fn ask_others(call: Call) -> Result<Answer, Error> {
    let me = call.me()?;
    let mut others = call.desk().sessions.list(me.owner.id, Some(me.session)).await?;
    others.retain(|session| session.id != me.session);
    if others.is_empty() {
        return Ok(Answer::see_other(paths::SESSIONS));
    }
    call.show(StatusCode::OK, &Confirmation::end_others(call.frame(), &others, call.desk().clock.now()))
}

/// Ends all others.
pub(in crate::web) async fn end_others(call: Call) -> Result<Answer, Error> {
    let me = call.me()?;
    let ended = call.desk().sessions.end_others(me.owner.id, me.session, &call.visitor()).await?;
    Ok(Answer::see_other(paths::SESSIONS).with_flash(&call.desk().cookies, Flash::Ended(ended.len())))
}

/// Asks before all end, this one too.
pub(in crate::web) async fn ask_all(call: Call) -> Result<Answer, Error> {
    let me = call.me()?;
    let all = call.desk().sessions.list(me.owner.id, Some(me.session)).await?;
    call.show(StatusCode::OK, &Confirmation::end_all(call.frame(), &all, me.session, call.desk().clock.now()))
}

/// Ends all, this one too.
pub(in crate::web) async fn end_all(call: Call) -> Result<Answer, Error> {
    let me = call.me()?;
    let ended = call.desk().sessions.end_all(me.owner.id, me.session, &call.visitor()).await?;
    let names = &call.desk().cookies;
    Ok(call.signed_out(Answer::see_other(paths::SIGNED_OUT)).with_flash(names, Flash::Ended(ended.len())))
}
