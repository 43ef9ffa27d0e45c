//! Ending sessions: each act asks first (GET) and is done by POST.

use http::StatusCode;

use super::Confirmation;
use crate::{
    gate::Because,
    guard::Submission,
    id::SessionId,
    web::{
        Answer, Call, Error,
        look::Flash,
        paths,
        sent::Path,
        submission::{Content, Press},
    },
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
    let frame = call.frame_of_own_form(&paths::end_session(id))?;
    let page = Confirmation::end_one(frame, &session, id == me.session, call.desk().clock.now());
    call.show(StatusCode::OK, &page)
}

/// Ends one session; the one in use signs out.
pub(in crate::web) async fn end_one(call: Call, Path(id): Path<String>, content: Content) -> Result<Answer, Error> {
    let id: SessionId = id.parse().map_err(|_| Error::NotFound)?;
    let own = call.principal().is_none_or(|me| me.session == id);
    let next = if own { paths::SIGNED_OUT } else { paths::SESSIONS };
    once(&call, &paths::end_session(id), &content, next, async || {
        let me = call.me()?;
        let ended = call.desk().sessions.end_own(me.owner.id, id, Some(me.session), &call.visitor()).await?;
        let names = &call.desk().cookies;
        Ok(match ended {
            Some(gone) if gone.id == me.session => (1, call.signed_out(Answer::see_other(paths::SIGNED_OUT))),
            Some(_) => (1, Answer::see_other(paths::SESSIONS).with_flash(names, Flash::Ended(1))),
            None if id.owner() == me.owner.id => {
                (0, Answer::see_other(paths::SESSIONS).with_flash(names, Flash::AlreadyEnded))
            }
            None => return Err(Error::NotFound),
        })
    })
    .await
}

/// Ends sessions; `act` tells how many. A form that has acted already leads to `next`, where the first led, and what is told
/// once is not told again. It looks all the same whether there is anything to end, since sessions may have begun after the
/// first: to end twice is to end once, and no end is acknowledged that is none.
///
/// Held by `scenarios::pressed_twice`.
async fn once(
    call: &Call,
    path: &str,
    content: &Content,
    next: &'static str,
    act: impl AsyncFnOnce() -> Result<(usize, Answer), Error>,
) -> Result<Answer, Error> {
    if call.is_form_of_somebody_else(content) {
        return Ok(Answer::see_other(path));
    }
    let submission = call.own_submission(path, content);
    match call.press(submission.as_ref()).await {
        Ok(Press::Repeat) if call.principal().is_none() => Ok(led_again(call, submission.as_ref(), next)),
        Ok(Press::Repeat) => match act().await? {
            (0, _) => Ok(led_again(call, submission.as_ref(), next)),
            (_, answer) => Ok(answer),
        },
        Ok(Press::First(claimed)) => {
            let acted = act().await;
            call.settle(claimed, acted.is_ok()).await;
            acted.map(|(_, answer)| answer)
        }
        // Whether it is a repeat is unknown, or the store takes no writes: it lets people out all the same.
        Err(Error::StoreAway | Error::Overloaded | Error::TooMany { .. }) => act().await.map(|(_, answer)| answer),
        Err(error) => Err(error),
    }
}

/// Leads a repeat to `next`. A browser that still shows the session which has signed out forgets as much as by the first answer,
/// which it may have dropped.
fn led_again(call: &Call, submission: Option<&Submission>, next: &str) -> Answer {
    let answer = Answer::see_other(next);
    let shown = match (call.principal(), call.because()) {
        (Some(me), _) => Some(me.session),
        (None, Some(Because::NoSuchSession { id, .. })) => Some(id),
        (None, _) => None,
    };
    let signed_out = next == paths::SIGNED_OUT && shown.is_some() && shown == submission.and_then(Submission::session);
    if signed_out { call.signed_out(answer) } else { answer }
}

/// Asks before all others end.
pub(in crate::web) async fn ask_others(call: Call) -> Result<Answer, Error> {
    let me = call.me()?;
    let mut others = call.desk().sessions.list(me.owner.id, Some(me.session)).await?;
    others.retain(|session| session.id != me.session);
    if others.is_empty() {
        return Ok(Answer::see_other(paths::SESSIONS));
    }
    call.show(
        StatusCode::OK,
        &Confirmation::end_others(call.frame_of_own_form(paths::END_OTHERS)?, &others, call.desk().clock.now()),
    )
}

/// Ends all others.
pub(in crate::web) async fn end_others(call: Call, content: Content) -> Result<Answer, Error> {
    once(&call, paths::END_OTHERS, &content, paths::SESSIONS, async || {
        let me = call.me()?;
        let ended = call.desk().sessions.end_others(me.owner.id, me.session, &call.visitor()).await?.len();
        Ok((ended, Answer::see_other(paths::SESSIONS).with_flash(&call.desk().cookies, Flash::Ended(ended))))
    })
    .await
}

/// Asks before all end, this one too.
pub(in crate::web) async fn ask_all(call: Call) -> Result<Answer, Error> {
    let me = call.me()?;
    let all = call.desk().sessions.list(me.owner.id, Some(me.session)).await?;
    call.show(
        StatusCode::OK,
        &Confirmation::end_all(call.frame_of_own_form(paths::END_ALL)?, &all, me.session, call.desk().clock.now()),
    )
}

/// Ends all, this one too.
pub(in crate::web) async fn end_all(call: Call, content: Content) -> Result<Answer, Error> {
    once(&call, paths::END_ALL, &content, paths::SIGNED_OUT, async || {
        let me = call.me()?;
        let ended = call.desk().sessions.end_all(me.owner.id, me.session, &call.visitor()).await?.len();
        let names = &call.desk().cookies;
        Ok((ended, call.signed_out(Answer::see_other(paths::SIGNED_OUT)).with_flash(names, Flash::Ended(ended))))
    })
    .await
}
