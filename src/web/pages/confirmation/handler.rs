//! Ending sessions: each act asks first (GET) and is done by POST.

use http::StatusCode;

use super::ConfirmationPage;
use crate::{
    guard::FormSubmission,
    id::SessionId,
    web::{
        Error, RequestFailure, WebRequest, WebResponse,
        extract::Path,
        paths,
        submission::{FormBody, SubmissionClaim},
        theme::Flash,
    },
};

/// Asks before one session ends.
pub(in crate::web) async fn confirm_one(request: WebRequest, Path(id): Path<String>) -> Result<WebResponse, Error> {
    let me = request.require_principal()?;
    let id: SessionId = id.parse().map_err(|_| Error::NotFound)?;
    let session = match request.state().sessions.find_own(me.subject.id, id, &request.visitor()).await? {
        Some(session) => session,
        // It ended while its owner looked at the list.
        None if id.owner() == me.subject.id => {
            return Ok(
                WebResponse::see_other(paths::SESSIONS).with_flash(&request.state().cookies, Flash::AlreadyEnded)
            );
        }
        None => return Err(Error::NotFound),
    };
    let layout = request.layout_with_session_form(&paths::end_session(id))?;
    let page = ConfirmationPage::end_one(layout, &session, id == me.session().id, request.state().clock.now());
    request.render_page(StatusCode::OK, &page)
}

/// Ends one session; the one in use signs out.
pub(in crate::web) async fn end_one(
    request: WebRequest,
    Path(id): Path<String>,
    content: FormBody,
) -> Result<WebResponse, Error> {
    let id: SessionId = id.parse().map_err(|_| Error::NotFound)?;
    let own = request.principal().is_none_or(|me| me.session().id == id);
    let next = if own { paths::SIGNED_OUT } else { paths::SESSIONS };
    submit_once(&request, &paths::end_session(id), &content, next, async || {
        let me = request.require_principal()?;
        let ended =
            request.state().sessions.end_own(me.subject.id, id, Some(me.session().id), &request.visitor()).await?;
        let names = &request.state().cookies;
        Ok(match ended {
            Some(gone) if gone.id == me.session().id => {
                (1, request.sign_out_response(WebResponse::see_other(paths::SIGNED_OUT)))
            }
            Some(_) => (1, WebResponse::see_other(paths::SESSIONS).with_flash(names, Flash::Ended(1))),
            None if id.owner() == me.subject.id => {
                (0, WebResponse::see_other(paths::SESSIONS).with_flash(names, Flash::AlreadyEnded))
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
async fn submit_once(
    request: &WebRequest,
    path: &str,
    content: &FormBody,
    repeat_path: &'static str,
    end_sessions: impl AsyncFnOnce() -> Result<(usize, WebResponse), Error>,
) -> Result<WebResponse, Error> {
    if request.is_other_users_form(content) {
        return Ok(WebResponse::see_other(path));
    }
    let submission = request.read_session_submission(path, content);
    match request.claim_session_form(submission.as_ref()).await {
        Ok(SubmissionClaim::Repeat) if request.principal().is_none() => {
            Ok(repeat_response(request, submission.as_ref(), repeat_path))
        }
        Ok(SubmissionClaim::Repeat) => match end_sessions().await? {
            (0, _) => Ok(repeat_response(request, submission.as_ref(), repeat_path)),
            (_, answer) => Ok(answer),
        },
        Ok(SubmissionClaim::First(claimed)) => {
            let acted = end_sessions().await;
            request.finish_submission(claimed, acted.is_ok()).await;
            acted.map(|(_, answer)| answer)
        }
        // Whether it is a repeat is unknown, or the store takes no writes: it lets people out all the same.
        Err(Error::StoreUnavailable(_) | Error::Failed(RequestFailure::Overloaded) | Error::TooManyAttempts { .. }) => {
            end_sessions().await.map(|(_, answer)| answer)
        }
        Err(error) => Err(error),
    }
}

/// Leads a repeat to `next`. A browser that still shows the session which has signed out forgets as much as by the first answer,
/// which it may have dropped.
fn repeat_response(request: &WebRequest, submission: Option<&FormSubmission>, path: &str) -> WebResponse {
    let answer = WebResponse::see_other(path);
    let shown = request.presented_session_id();
    let signed_out =
        path == paths::SIGNED_OUT && shown.is_some() && shown == submission.and_then(FormSubmission::session);
    if signed_out { request.sign_out_response(answer) } else { answer }
}

/// Asks before all others end.
pub(in crate::web) async fn confirm_others(request: WebRequest) -> Result<WebResponse, Error> {
    let me = request.require_principal()?;
    let mut others = request.state().sessions.list(me.subject.id, Some(me.session().id)).await?;
    others.retain(|session| session.id != me.session().id);
    if others.is_empty() {
        return Ok(WebResponse::see_other(paths::SESSIONS));
    }
    request.render_page(
        StatusCode::OK,
        &ConfirmationPage::end_others(
            request.layout_with_session_form(paths::END_OTHERS)?,
            &others,
            request.state().clock.now(),
        ),
    )
}

/// Ends all others.
pub(in crate::web) async fn end_others(request: WebRequest, content: FormBody) -> Result<WebResponse, Error> {
    submit_once(&request, paths::END_OTHERS, &content, paths::SESSIONS, async || {
        let me = request.require_principal()?;
        let ended =
            request.state().sessions.end_others(me.subject.id, me.session().id, &request.visitor()).await?.len();
        Ok((ended, WebResponse::see_other(paths::SESSIONS).with_flash(&request.state().cookies, Flash::Ended(ended))))
    })
    .await
}

/// Asks before all end, this one too.
pub(in crate::web) async fn confirm_all(request: WebRequest) -> Result<WebResponse, Error> {
    let me = request.require_principal()?;
    let all = request.state().sessions.list(me.subject.id, Some(me.session().id)).await?;
    request.render_page(
        StatusCode::OK,
        &ConfirmationPage::end_all(
            request.layout_with_session_form(paths::END_ALL)?,
            &all,
            me.session().id,
            request.state().clock.now(),
        ),
    )
}

/// Ends all, this one too.
pub(in crate::web) async fn end_all(request: WebRequest, content: FormBody) -> Result<WebResponse, Error> {
    submit_once(&request, paths::END_ALL, &content, paths::SIGNED_OUT, async || {
        let me = request.require_principal()?;
        let ended = request.state().sessions.end_all(me.subject.id, me.session().id, &request.visitor()).await?.len();
        let names = &request.state().cookies;
        Ok((
            ended,
            request.sign_out_response(WebResponse::see_other(paths::SIGNED_OUT)).with_flash(names, Flash::Ended(ended)),
        ))
    })
    .await
}
