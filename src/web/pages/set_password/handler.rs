//! `/security/set-password`: what a one-time link opens.

use http::StatusCode;
use serde::Deserialize;

use super::{ExpiredLinkPage, SetPasswordPage};
use crate::{
    account::PasswordLink,
    secret::{Password, Token},
    web::{
        Error, WebRequest, WebResponse,
        extract::Query,
        pages::password::form_faults,
        paths,
        submission::{FormAndBody, SubmissionClaim},
        theme::Flash,
    },
};

/// What makes the link good.
#[derive(Deserialize)]
pub(in crate::web) struct LinkQuery {
    #[serde(default)]
    token: String,
}

/// The form as it was sent.
#[derive(Deserialize)]
pub(in crate::web) struct SetPasswordForm {
    /// The name that the form shows, for what is told a second time.
    #[serde(default)]
    username: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    new_password: String,
    #[serde(default)]
    new_password_again: String,
}

/// Shows the form behind a good link. It does not use the link up: programs that look at links before people do would.
pub(in crate::web) async fn show(request: WebRequest, Query(link): Query<LinkQuery>) -> Result<WebResponse, Error> {
    match open_link(&request, &link.token).await {
        Ok(good) => request.render_page(StatusCode::OK, &build_page(&request, &good, &link.token)),
        Err(error) => expired_page(&request, error),
    }
}

/// Sets the password and uses the link up.
pub(in crate::web) async fn submit(
    request: WebRequest,
    FormAndBody(form, content): FormAndBody<SetPasswordForm>,
) -> Result<WebResponse, Error> {
    let submission = request.read_submission(&form_scope(&form.token), &content);
    // A token for this place was made for whoever showed the good link.
    let claimed = match request.claim_form_submission(submission.as_ref()).await? {
        SubmissionClaim::First(claimed) => claimed,
        SubmissionClaim::Repeat => return Ok(WebResponse::see_other(&paths::sign_in_as(&form.username))),
    };
    let answer = set_password(&request, form).await;
    let done = answer.as_ref().is_ok_and(WebResponse::is_redirect);
    request.finish_submission(claimed, done).await;
    answer
}

async fn set_password(request: &WebRequest, form: SetPasswordForm) -> Result<WebResponse, Error> {
    let link = match open_link(request, &form.token).await {
        Ok(good) => good,
        Err(error) => return expired_page(request, error),
    };
    let page = build_page(request, &link, &form.token);
    let (new, repeat) = (Password::new(form.new_password), Password::new(form.new_password_again));
    match request.state().accounts.redeem_link(link, new, &repeat, &request.visitor()).await {
        Ok(account) => Ok(WebResponse::see_other(&paths::sign_in_as(account.name.as_str()))
            .with_flash(&request.state().cookies, Flash::PasswordSet)),
        Err(error) => {
            let error = Error::from(error);
            match form_faults(&error) {
                Some(faults) => request.render_page(error.problem_type().status, &page.with_errors(faults)),
                None => expired_page(request, error),
            }
        }
    }
}

async fn open_link(request: &WebRequest, token: &str) -> Result<PasswordLink, Error> {
    let token = Token::parse(token.as_bytes()).ok_or(Error::DeadLink)?;
    Ok(request.state().accounts.open_link(token).await?)
}

fn build_page(request: &WebRequest, link: &PasswordLink, token: &str) -> SetPasswordPage {
    SetPasswordPage::new(
        request.layout_with_form(&form_scope(token)),
        link.account().name.as_str(),
        token,
        request.state().accounts.password_policy(),
    )
}

/// Where the form of this link is.
fn form_scope(link: &str) -> String {
    format!("set-password {link}")
}

fn expired_page(request: &WebRequest, error: Error) -> Result<WebResponse, Error> {
    match error {
        Error::DeadLink => request.render_page(error.problem_type().status, &ExpiredLinkPage::new(request.layout())),
        other => Err(other),
    }
}
