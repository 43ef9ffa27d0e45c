//! `/security/password`: the form, and what becomes of it.

use http::StatusCode;
use serde::Deserialize;

use super::PasswordPage;
use crate::{
    account::PasswordFault,
    gate::RejectReason,
    secret::{Password, Token},
    session::SessionToken,
    web::{
        Error, WebRequest, WebResponse,
        change_password::{PasswordChangeInput, change_password},
        paths,
        submission::{FormAndBody, SubmissionClaim},
        theme::Flash,
    },
};

/// The form as it was sent.
#[derive(Deserialize)]
pub(in crate::web) struct PasswordForm {
    #[serde(default)]
    current_password: String,
    #[serde(default)]
    new_password: String,
    #[serde(default)]
    new_password_again: String,
    end_other_sessions: Option<String>,
}

/// Shows the form.
pub(in crate::web) async fn show(request: WebRequest) -> Result<WebResponse, Error> {
    request.render_page(StatusCode::OK, &build_page(&request)?)
}

/// Changes the password. What the form itself tells is told at once, and nothing is counted for it.
pub(in crate::web) async fn submit(
    request: WebRequest,
    FormAndBody(form, content): FormAndBody<PasswordForm>,
) -> Result<WebResponse, Error> {
    if request.is_other_users_form(&content) {
        return Ok(WebResponse::see_other(paths::PASSWORD));
    }
    let submission = request.read_session_submission(paths::PASSWORD, &content);
    let secret = submission.as_ref().map_or_else(Token::mint, |submission| submission.derive_token("password"));
    let claimed = match request.claim_session_form(submission.as_ref()).await? {
        SubmissionClaim::First(claimed) => claimed,
        SubmissionClaim::Repeat => return repeat_change(&request, form, secret).await,
    };
    let answer = change(&request, form, secret).await;
    // What is shown once more has changed nothing.
    let done = answer.as_ref().is_ok_and(WebResponse::is_redirect);
    request.finish_submission(claimed, done).await;
    answer
}

/// The form has changed the password already. Where the browser has not got the session's new secret by now, it gets it: it may
/// have shown the old one while the first submission was under way. Where another change came after that of this form, it is
/// one more change, with a secret of its own.
async fn repeat_change(request: &WebRequest, form: PasswordForm, secret: Token) -> Result<WebResponse, Error> {
    let answer = WebResponse::see_other(paths::PASSWORD);
    let (id, shown) = match (request.principal(), request.reject_reason()) {
        (Some(me), _) => (me.session().id, Some(me.session().presented_digest)),
        (None, Some(RejectReason::WrongSecret(id))) => (id, None),
        (None, _) => return Ok(answer),
    };
    let token = SessionToken::new(id, secret);
    Ok(match request.state().sessions.live_terms(&token).await? {
        Some(_) if shown == Some(token.digest()) => answer,
        Some(terms) => {
            let kept = request.state().sessions.policy().is_persistent(terms);
            answer.with_session(&request.state().cookies, &token, kept)
        }
        None if shown.is_some() => change(request, form, Token::mint()).await?,
        None => answer,
    })
}

async fn change(request: &WebRequest, form: PasswordForm, secret: Token) -> Result<WebResponse, Error> {
    let PasswordForm { current_password, new_password, new_password_again, end_other_sessions } = form;
    let end_others = end_other_sessions.is_some();
    let change = PasswordChangeInput {
        current: Password::new(current_password),
        new: Password::new(new_password),
        repeat: Some(Password::new(new_password_again)),
        end_others,
        secret,
    };
    let error = match change_password(request, change).await {
        Ok(changed) => {
            let flash = Flash::PasswordChanged { ended: changed.ended_sessions, others: count_others(request).await };
            let answer = WebResponse::see_other(paths::PASSWORD).with_flash(&request.state().cookies, flash);
            return Ok(changed.set_session_cookie(request, answer));
        }
        Err(error) => error,
    };
    let page = match (&error, form_faults(&error)) {
        (_, Some(faults)) => build_page(request)?.with_errors(faults, end_others),
        (Error::TooManyAttempts { until }, None) => {
            build_page(request)?.with_lockout(*until, end_others, request.state().clock.now())
        }
        (_, None) => return Err(error),
    };
    request.render_page(error.problem_type().status, &page)
}

/// Sessions besides this one. The password is changed by now: that nobody can count them is no failure of the change.
async fn count_others(request: &WebRequest) -> Option<usize> {
    let me = request.require_principal().ok()?;
    let all = request.state().sessions.list(me.subject.id, Some(me.session().id)).await.ok()?;
    Some(all.iter().filter(|session| session.id != me.session().id).count())
}

/// Faults that an error has found in a form for a new password.
pub(in crate::web) const fn form_faults(error: &Error) -> Option<&[PasswordFault]> {
    match error {
        Error::WrongPassword => Some(&[PasswordFault::CurrentWrong]),
        Error::PasswordPolicy(faults) => Some(faults.as_slice()),
        _ => None,
    }
}

fn build_page(request: &WebRequest) -> Result<PasswordPage, Error> {
    let name = request.require_principal()?.subject.name.clone();
    Ok(PasswordPage::new(
        request.layout_with_session_form(paths::PASSWORD)?,
        &name,
        request.state().accounts.password_policy(),
        request.site_settings().other_sessions,
    ))
}
