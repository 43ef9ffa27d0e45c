//! `/security/set-password`: what a one-time link opens.

use http::StatusCode;
use serde::Deserialize;

use super::{ExpiredLinkPage, SetPasswordPage};
use crate::{
    account::Account,
    secret::{Password, Token},
    web::{
        Answer, Call, Error,
        look::Flash,
        pages::password::{wrong_of, wrong_with},
        paths,
        sent::Query,
        submission::{FormWithContent, Press},
    },
};

/// What makes the link good.
#[derive(Deserialize)]
pub(in crate::web) struct Link {
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
pub(in crate::web) async fn show(call: Call, Query(link): Query<Link>) -> Result<Answer, Error> {
    match behind(&call, &link.token).await {
        Ok(good) => call.show(StatusCode::OK, &good.page),
        Err(error) => expired(&call, error),
    }
}

/// Sets the password and uses the link up.
pub(in crate::web) async fn submit(
    call: Call,
    FormWithContent(form, content): FormWithContent<SetPasswordForm>,
) -> Result<Answer, Error> {
    let submission = call.submission(&place(&form.token), &content);
    // A token for this place was made for whoever showed the good link.
    let claimed = match call.press_of(submission.as_ref()).await? {
        Press::First(claimed) => claimed,
        Press::Repeat => return Ok(Answer::see_other(&paths::sign_in_as(&form.username))),
    };
    let answer = set(&call, form).await;
    let done = answer.as_ref().is_ok_and(Answer::is_redirect);
    call.settle(claimed, done).await;
    answer
}

async fn set(call: &Call, form: SetPasswordForm) -> Result<Answer, Error> {
    let Behind { page, link, account } = match behind(call, &form.token).await {
        Ok(good) => good,
        Err(error) => return expired(call, error),
    };
    let (new, again) = (Password::new(form.new_password), Password::new(form.new_password_again));
    let wrong = wrong_with(&call.desk().accounts, &account, &new, &again);
    if !wrong.is_empty() {
        return call.show(StatusCode::UNPROCESSABLE_ENTITY, &page.refused(&wrong));
    }
    match call.desk().accounts.redeem(&link, new, &call.visitor()).await {
        Ok(account) => Ok(Answer::see_other(&paths::sign_in_as(account.name.as_str()))
            .with_flash(&call.desk().cookies, Flash::PasswordSet)),
        Err(problem) => {
            let error = Error::from(problem);
            match wrong_of(&error) {
                Some(wrong) => call.show(error.shape().status, &page.refused(&wrong)),
                None => expired(call, error),
            }
        }
    }
}

/// What is behind a good link.
struct Behind {
    page: SetPasswordPage,
    link: Token,
    account: Account,
}

async fn behind(call: &Call, token: &str) -> Result<Behind, Error> {
    let link = Token::parse(token.as_bytes()).ok_or(Error::DeadLink)?;
    let accounts = &call.desk().accounts;
    let account = accounts.holder_of(&link).await?;
    let page = SetPasswordPage::new(
        call.frame_of_form(&place(token)),
        account.name.as_str(),
        token,
        accounts.password_policy(),
    );
    Ok(Behind { page, link, account })
}

/// Where the form of this link is.
fn place(link: &str) -> String {
    format!("set-password {link}")
}

fn expired(call: &Call, error: Error) -> Result<Answer, Error> {
    match error {
        Error::DeadLink => call.show(error.shape().status, &ExpiredLinkPage::new(call.frame())),
        other => Err(other),
    }
}
