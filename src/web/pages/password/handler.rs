//! `/security/password`: the form, and what becomes of it.

use http::StatusCode;
use serde::Deserialize;

use super::{PasswordPage, Wrong};
use crate::{
    secret::Password,
    web::{
        Answer, Call, Error,
        change_password::{Change, change_password},
        look::Flash,
        paths,
        sent::Form,
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
pub(in crate::web) async fn show(call: Call) -> Result<Answer, Error> {
    call.show(StatusCode::OK, &page(&call)?)
}

/// Changes the password.
pub(in crate::web) async fn submit(call: Call, Form(form): Form<PasswordForm>) -> Result<Answer, Error> {
    call.me()?;
    let end_others = form.end_other_sessions.is_some();
    let again = |wrong: &[Wrong], status| {
        let page = page(&call)?.refused(wrong, end_others, call.desk().clock.now());
        call.show(status, &page)
    };
    let missing = form.missing();
    if !missing.is_empty() {
        return again(&missing, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let change =
        Change { current: Password::new(form.current_password), new: Password::new(form.new_password), end_others };
    match change_password(&call, change).await {
        Ok(changed) => {
            let flash = Flash::PasswordChanged(changed.ended);
            let answer = Answer::see_other(paths::PASSWORD).with_flash(&call.desk().cookies, flash);
            Ok(changed.hand_over(&call, answer))
        }
        Err(error) => match wrong_of(&error) {
            Some(wrong) => again(&wrong, error.shape().status),
            None => Err(error),
        },
    }
}

/// What the page says of an error, where it has words for it.
pub(in crate::web) fn wrong_of(error: &Error) -> Option<Vec<Wrong>> {
    match error {
        Error::WrongPassword => Some(vec![Wrong::Current]),
        Error::TooMany { until } => Some(vec![Wrong::TooMany { until: Some(*until) }]),
        Error::PasswordPolicy(broken) => Some(broken.iter().copied().map(Wrong::Weak).collect()),
        _ => None,
    }
}

fn page(call: &Call) -> Result<PasswordPage, Error> {
    let name = call.me()?.owner.name.clone();
    Ok(PasswordPage::new(call.frame(), &name, call.desk().accounts.password_policy(), call.house().after_change))
}

impl PasswordForm {
    fn missing(&self) -> Vec<Wrong> {
        let faults = [
            (self.current_password.is_empty(), Wrong::CurrentMissing),
            (self.new_password.is_empty(), Wrong::NewMissing),
            (self.new_password != self.new_password_again, Wrong::AgainDiffers),
        ];
        faults.into_iter().filter_map(|(is_so, wrong)| is_so.then_some(wrong)).collect()
    }
}
