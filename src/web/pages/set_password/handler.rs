//! `/security/set-password`: what a one-time link opens.

use http::StatusCode;
use serde::Deserialize;

use super::{ExpiredLinkPage, SetPasswordPage};
use crate::{
    secret::{Password, Token},
    web::{
        Answer, Call, Error,
        look::Flash,
        pages::password::{Wrong, wrong_of},
        paths,
        sent::{Form, Query},
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
    #[serde(default)]
    token: String,
    #[serde(default)]
    new_password: String,
    #[serde(default)]
    new_password_again: String,
}

/// Shows the form behind a good link. It does not use the link up: programs that look at links before people do would.
pub(in crate::web) async fn show(call: Call, Query(link): Query<Link>) -> Result<Answer, Error> {
    match page(&call, &link.token).await {
        Ok((page, _)) => call.show(StatusCode::OK, &page),
        Err(error) => expired(&call, error),
    }
}

/// Sets the password and uses the link up.
pub(in crate::web) async fn submit(call: Call, Form(form): Form<SetPasswordForm>) -> Result<Answer, Error> {
    let (page, link) = match page(&call, &form.token).await {
        Ok(good) => good,
        Err(error) => return expired(&call, error),
    };
    if form.new_password.is_empty() {
        return call.show(StatusCode::UNPROCESSABLE_ENTITY, &page.refused(&[Wrong::NewMissing]));
    }
    if form.new_password != form.new_password_again {
        return call.show(StatusCode::UNPROCESSABLE_ENTITY, &page.refused(&[Wrong::AgainDiffers]));
    }
    match call.desk().accounts.redeem(&link, Password::new(form.new_password), &call.visitor()).await {
        Ok(_) => Ok(Answer::see_other(paths::SIGN_IN).with_flash(&call.desk().cookies, Flash::PasswordSet)),
        Err(problem) => {
            let error = Error::from(problem);
            match wrong_of(&error) {
                Some(wrong) => call.show(error.shape().status, &page.refused(&wrong)),
                None => expired(&call, error),
            }
        }
    }
}

async fn page(call: &Call, token: &str) -> Result<(SetPasswordPage, Token), Error> {
    let link = Token::parse(token.as_bytes()).ok_or(Error::DeadLink)?;
    let accounts = &call.desk().accounts;
    let account = accounts.holder_of(&link).await?;
    let page = SetPasswordPage::new(call.frame(), account.name.as_str(), token, accounts.password_policy());
    Ok((page, link))
}

fn expired(call: &Call, error: Error) -> Result<Answer, Error> {
    match error {
        Error::DeadLink => call.show(error.shape().status, &ExpiredLinkPage::new(call.frame())),
        other => Err(other),
    }
}
